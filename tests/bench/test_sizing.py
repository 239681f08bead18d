"""docs/capacity.md: its tables are those of the last runs, and add up."""

from pathlib import Path
from typing import Any

from bench.programs import ROOT
from bench.sizing import BEGIN, END, Measured, section, write

PAGE = ROOT / "docs" / "capacity.md"


def found() -> Measured:
    return Measured.read(ROOT / "bench" / "results")


def of(median: float) -> dict[str, float]:
    return {"median": median, "least": median, "most": median}


def size(rate: float, memory: float) -> dict[str, Any]:
    return {
        "requests_per_second": of(rate),
        "server_cpu_us": of(300),
        "postgres_cpu_us": of(200),
        "memory_mib": of(memory),
        "half_load_p99_ms": of(12.5),
        "connections": 3,
    }


MADE_UP = Measured(
    capacity={
        "machine": {"processors": 2, "processor": "Some"},
        "versions": {"python": "3.11", "postgres": "18"},
        "workers": {"1": size(1000, 100), "2": size(2000, 170)},
        "wal_bytes_per_receipt": 1000,
        "spool_bytes_per_receipt": 500,
    },
    sizes={
        "receipts": 1000,
        "tables": [
            {"table": "receipts", "total_bytes": 2_000_000},
            {"table": "past_families", "total_bytes": 9_000_000},
        ],
    },
    drain={"idle": {"facts": 200, "seconds": 2}},
)


def test_the_page_shows_what_was_measured_last() -> None:
    assert section(found()) in PAGE.read_text()


def test_what_a_load_needs_follows_from_what_was_measured() -> None:
    rows = [line.strip("| ").split(" | ") for line in section(MADE_UP).splitlines()]
    (row,) = [row for row in rows if row[0] == "20,000,000"]

    rate = 20_000_000 * 0.2 / 3600  # 1111 a second, for which there is to be twice as much
    assert row[1:5] == [f"{rate:,.0f}", "3", "2", "240 MiB"]
    assert row[5:] == ["16,000 GB", "20 GB", "2.0 GB"]
    assert "2,000 bytes in Postgres" in section(MADE_UP)
    assert "100 a second come in" in section(MADE_UP)


def test_only_the_tables_are_written_anew(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n")

    write(page, MADE_UP)
    write(page, MADE_UP)

    assert page.read_text() == f"before\n{section(MADE_UP)}\nafter\n"
