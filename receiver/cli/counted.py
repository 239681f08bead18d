"""What the serving processes of this host have counted: above all, what hooks have refused."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from msgspec import Struct
from prometheus_client import Metric
from prometheus_client.multiprocess import MultiProcessCollector

from receiver import metrics
from receiver.settings import Settings

#: In the folder that a service counts in; as old as what is counted there.
STAMP: Final = "since"
_REFUSALS: Final = "receiver_refusals_total"
_CALLS: Final = "receiver_answer_seconds_count"


class Counted(Struct, frozen=True, kw_only=True):
    """What one service has counted since it was started."""

    port: str
    since: datetime
    calls: int
    """Of hooks, those that were taken too."""
    refused: Sequence[tuple[Mapping[str, str], int]]
    """By domain, point, status and reason; no point where the token opens none."""
    store_refusal: str
    """Why Postgres commits nothing though it can be asked; empty where it commits."""


def folder_of(settings: Settings) -> Path:
    """Return where the processes of one service count together: a port is one service's."""
    return settings.var_dir / "metrics" / str(settings.port)


def read(settings: Settings) -> Sequence[Counted]:
    """Return what each service of this host has counted; of what can't be read nothing."""
    return list(_all(folder_of(settings).parent))


def _all(folder: Path) -> Iterator[Counted]:
    for stamp in sorted(folder.glob(f"*/{STAMP}")):
        # it ends or starts at this moment, or is another user's
        with suppress(OSError, ValueError, RuntimeError):
            yield _read(stamp)


def _read(stamp: Path) -> Counted:
    """Return what is counted beside a stamp. Raises OSError, and others for half a file."""
    everybody = MultiProcessCollector(None, path=str(stamp.parent))  # type: ignore[no-untyped-call]
    found: Iterable[Metric] = everybody.collect()  # type: ignore[no-untyped-call]
    samples = [sample for metric in found for sample in metric.samples]
    refused = [(each.labels, int(each.value)) for each in samples if each.name == _REFUSALS]
    return Counted(
        port=stamp.parent.name,
        since=datetime.fromtimestamp(stamp.stat().st_mtime, UTC),
        calls=sum(int(each.value) for each in samples if each.name == _CALLS),
        refused=sorted(refused, key=lambda each: -each[1]),
        store_refusal=metrics.refusal_in(samples),
    )


def shown(found: Sequence[Counted]) -> Sequence[dict[str, object]]:
    """Return a row for each kind of refusal."""
    rows = [(service, labels, n) for service in found for labels, n in service.refused]
    several = len({labels["domain"] for _, labels, _ in rows} - {""}) > 1
    return [
        {
            "port": service.port,
            "point": "/".join([labels["domain"]] * several + [labels["point"]]).strip("/"),
            "status": labels["status"],
            "reason": labels["reason"],
            "refused": number,
            "of_calls": service.calls,
            "since": service.since,
        }
        for service, labels, number in rows
    ]
