"""The ports of `receiver serve`: two listeners, each ours alone."""

import socket

import pytest

from receiver.cli import port
from receiver.domain.errors import SetupError
from receiver.settings import Place, Settings
from tests.cli.processes import free_port


def settings(*, own: int, operations: int) -> Settings:
    return Settings(port=own, operations=Place("localhost", operations))


def test_both_are_held_and_let_go() -> None:
    both = settings(own=free_port(), operations=free_port())
    for _ in range(2):
        with port.held(both):
            for number in (both.port, both.operations.port if both.operations else 0):
                with socket.socket() as other, pytest.raises(OSError, match="in use"):
                    other.bind(("127.0.0.1", number))


@pytest.mark.parametrize("theirs", ["own", "operations"])
def test_what_another_service_has_is_refused(theirs: str) -> None:
    """Each listener's port, by the other's: two roles of one host need two."""
    first = settings(own=free_port(), operations=free_port())
    assert first.operations
    taken = first.port if theirs == "own" else first.operations.port
    second = settings(own=free_port(), operations=taken)

    with port.held(first), pytest.raises(SetupError) as caught, port.held(second):
        pass

    said = f"localhost:{taken} is taken: stop what listens there, or choose another port"
    assert str(caught.value) == f"{said} with RECEIVER_OPERATIONS"


def test_it_is_not_our_own_port() -> None:
    own = free_port()
    with (
        pytest.raises(SetupError, match="another port with RECEIVER_OPERATIONS"),
        port.held(settings(own=own, operations=own)),
    ):
        pass
