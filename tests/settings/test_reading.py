"""Settings: defaults, what is refused, and that each is documented."""

import re
from datetime import timedelta
from pathlib import Path

import pytest
from environs import Env

from receiver.domain.errors import SetupError
from receiver.settings import EPHEMERAL, Settings, read

EXAMPLE = Path(__file__).parents[2] / "config" / "example.env"


def names() -> set[str]:
    env = Env(eager=False)
    read(env)
    return set(env.dump())


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*names(), *EPHEMERAL):
        monkeypatch.delenv(name, raising=False)


def test_every_setting_is_documented_and_nothing_else() -> None:
    documented = set(re.findall(r"^#?([A-Z_]+)=", EXAMPLE.read_text(), re.MULTILINE))

    assert documented == names()


def test_nothing_set_gives_the_defaults() -> None:
    settings = Settings.from_environ()

    assert settings == Settings()
    assert settings.public_url == "http://127.0.0.1:8080"
    assert settings.var_dir.is_absolute()


def test_public_url_follows_the_port_and_loses_its_slash(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", "9000")
    assert Settings.from_environ().public_url == "http://127.0.0.1:9000"

    monkeypatch.setenv("RECEIVER_PUBLIC_URL", "https://hooks.example.org/r/")
    assert Settings.from_environ().public_url == "https://hooks.example.org/r"


def test_times_carry_units(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECEIVER_STORE_DEADLINE", "1500ms")
    monkeypatch.setenv("RECEIVER_REPLY_WINDOW", "3600")

    settings = Settings.from_environ()

    assert settings.store_deadline == timedelta(seconds=1.5)
    assert settings.reply_window == timedelta(hours=1)


def test_every_bad_variable_is_named_at_once_without_its_value(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DATABASE_URL", "mysql://me:hunter2@db/receiver")
    monkeypatch.setenv("PORT", "eighty")
    monkeypatch.setenv("RECEIVER_PUBLIC_URL", "hooks.example.org")

    with pytest.raises(SetupError) as caught:
        Settings.from_environ()

    said = str(caught.value)
    assert "\n" not in said
    assert all(name in said for name in ("DATABASE_URL", "PORT", "RECEIVER_PUBLIC_URL"))
    assert "hunter2" not in said


@pytest.mark.parametrize(
    ("name", "value"),
    [
        pytest.param("PORT", "0", id="port-zero"),
        pytest.param("PORT", "70000", id="port-too-high"),
        pytest.param("WEB_CONCURRENCY", "0", id="no-workers"),
        pytest.param("RECEIVER_HOST", "", id="no-host"),
        pytest.param("RECEIVER_ROLES", "hooks,ears", id="unknown-role"),
        pytest.param("RECEIVER_ROLES", "", id="no-role"),
        pytest.param("RECEIVER_STORE_DEADLINE", "0", id="no-time"),
        pytest.param("RECEIVER_MAX_BODY_BYTES", "48M", id="not-a-number"),
        pytest.param("RECEIVER_LOG_LEVEL", "LOUD", id="unknown-level"),
        pytest.param("RECEIVER_OPERATIONS", "9100", id="no-place"),
        pytest.param("RECEIVER_OPERATIONS", "127.0.0.1:0", id="no-port"),
        pytest.param("RECEIVER_OPERATIONS", "::1:9100", id="no-brackets"),
        pytest.param("RECEIVER_WORKER_OPERATIONS", "http://127.0.0.1:9100", id="a-url"),
    ],
)
def test_a_bad_value_is_refused(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)

    with pytest.raises(SetupError, match=name):
        Settings.from_environ()


@pytest.mark.parametrize(
    ("value", "place"),
    [
        pytest.param("127.0.0.1:9100", ("127.0.0.1", 9100), id="v4"),
        pytest.param("[::1]:9100", ("::1", 9100), id="v6"),
        pytest.param("metrics.internal:1", ("metrics.internal", 1), id="name"),
        pytest.param("", None, id="nowhere"),
    ],
)
def test_a_place_is_a_host_and_a_port(
    monkeypatch: pytest.MonkeyPatch, value: str, place: tuple[str, int] | None
) -> None:
    monkeypatch.setenv("RECEIVER_OPERATIONS", value)

    operations = Settings.from_environ().operations

    assert operations == place
    assert str(operations or "") == value


def test_what_is_kept_is_named_and_the_rest_is_as_by_default(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("RECEIVER_KEEP", "deliveries=500d, quarantine=forever")

    keep = Settings.from_environ().keep

    assert keep["deliveries"] == keep["receipts"] == timedelta(days=500)
    assert keep["quarantine"] is None
    assert keep["messages"] == timedelta(days=400)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        pytest.param("receipts=30d", "receipts must be kept", id="receipts-shorter"),
        pytest.param(
            "deliveries=forever,receipts=400d", "receipts must be kept", id="than-for-ever"
        ),
        pytest.param("sends=30d", "of deliveries, receipts, messages", id="unknown-name"),
        pytest.param("messages=0d", "must read like", id="no-time"),
        pytest.param("messages=36h", "must read like", id="no-whole-days"),
    ],
)
def test_what_can_t_be_kept_so_is_refused(
    monkeypatch: pytest.MonkeyPatch, value: str, said: str
) -> None:
    monkeypatch.setenv("RECEIVER_KEEP", value)

    with pytest.raises(SetupError, match="RECEIVER_KEEP") as caught:
        Settings.from_environ()
    assert said in str(caught.value)


@pytest.mark.parametrize("name", EPHEMERAL)
def test_on_a_disk_that_is_lost_there_is_a_spool_only_where_one_is_named(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, "web.1")
    assert Settings.from_environ().spool_dir is None

    monkeypatch.setenv("RECEIVER_SPOOL", "/data/spool")
    assert Settings.from_environ().spool_dir == Path("/data/spool")


def test_database_url_stays_out_of_the_repr() -> None:
    assert "hunter2" not in repr(Settings(database_url="postgresql://me:hunter2@db/receiver"))
