"""The magic tables: which destination, event, application or customer meets which fate.

A row's key is what callers write. A destination has three spellings: the number, `<name>` before
`@sandbox.example`, and `sandbox-<name>` for ids of any type. Everything that stands in no table
succeeds. docs/sandbox.md shows these tables, and a test holds it to them.

Source: CONTRACT.md 2.3 to 2.6 (what receipts say, and when), 5 to 7 (codes of answers).
"""

from collections.abc import Mapping, Sequence
from typing import Final

from msgspec import Struct

from receiver.domain.identity import destination_key
from receiver.platform.codes import find

NUMBERS: Final = "447700900"
MAILS: Final = "@sandbox.example"
IDS: Final = "sandbox-"
#: Copies of one receipt, where it is repeated.
COPIES: Final = 3
#: Receipts that come at once, in a storm.
STORM: Final = 500


class Step(Struct, frozen=True):
    """One thing that happens to a message."""

    word: str
    """A word of `channels.WORDS`."""
    at: float
    """Seconds after the request."""
    told: float | None
    """Seconds after the answer until the receipt goes out; None where none ever does."""
    code: str = ""
    """Instead of the word's own."""
    copies: int = 1
    zone: bool = True
    """Whether the receipt's time names its zone."""


class Fate(Struct, frozen=True, kw_only=True):
    """What becomes of a message to a destination."""

    name: str
    digits: str
    """The last three of the number."""
    summary: str
    steps: Sequence[Step] = ()
    """Empty: as every other destination of the channel."""
    is_early: bool = False
    """Whether the answer waits for the receipts."""
    code: str = ""
    """Of the answer, where it is refused."""

    @property
    def number(self) -> str:
        """Return the destination in digits."""
        return NUMBERS + self.digits


class Row(Struct, frozen=True):
    """What the sandbox does with a request that names this key."""

    key: str
    code: str
    summary: str


SUBMITTED: Final = Step("submitted", 0.1, 0.1)
DELIVERED: Final = Step("delivered", 0.5, 0.5)
READ: Final = Step("read", 1.0, 1.0)

#: Codes of receipts as the printed samples have them: Failed; all others are Un-Delivered.
FAILED_CODES: Final = ("7004", "7006", "7101", "7102", "7107")
UNDELIVERED_CODES: Final = (
    *("7109", "7111", "7201", "7202", "7203", "7204", "7205", "7206", "7207", "7208", "7209"),
    *("7210", "7211", "7280", "7281", "7282", "7283", "7284", "7302", "7513", "7518", "7607"),
    "7720",
)


def meaning_of(code: str) -> str:
    """Return what a code says, on SMS where that matters. Raises: KeyError for an unknown one."""
    found = find("sms", code)
    if found is None:
        raise KeyError(code)
    return found.text


def _unlucky(word: str, code: str) -> Fate:
    return Fate(
        name=f"{word}-{code}",
        digits=code[1:],
        summary=f"Submitted, then {word} with {code}: {meaning_of(code)}",
        steps=(SUBMITTED, Step(word, 0.5, 0.5, code)),
    )


def _refused(code: str, summary: str) -> Fate:
    return Fate(name=f"answer-{code}", digits=f"8{code[2:]}", summary=summary, code=code)


_MANNERS: Final = (
    Fate(
        name="delivered",
        digits="500",
        summary="as every destination that stands nowhere here: Submitted, then Delivered",
    ),
    Fate(
        name="submitted",
        digits="501",
        summary="Submitted, and nothing more",
        steps=(SUBMITTED,),
    ),
    Fate(
        name="read",
        digits="502",
        summary="Submitted, Delivered, then Read",
        steps=(SUBMITTED, DELIVERED, READ),
    ),
    Fate(
        name="clicked",
        digits="528",
        summary="Submitted, Delivered, then Clicked",
        steps=(SUBMITTED, DELIVERED, Step("clicked", 1.0, 1.0)),
    ),
    Fate(
        name="bounce",
        digits="520",
        summary="Submitted, Delivered, then Bounce (mail)",
        steps=(SUBMITTED, DELIVERED, Step("bounce", 1.0, 1.0)),
    ),
    Fate(
        name="complaint",
        digits="521",
        summary="Submitted, Delivered, then Complaint (mail)",
        steps=(SUBMITTED, DELIVERED, Step("complaint", 1.0, 1.0)),
    ),
    Fate(
        name="silent",
        digits="900",
        summary="no receipt; asked for its status, the platform knows that it was delivered",
        steps=(Step("submitted", 0.1, None), Step("delivered", 0.5, None)),
    ),
    Fate(
        name="slow",
        digits="901",
        summary="Submitted, and Delivered after five seconds",
        steps=(SUBMITTED, Step("delivered", 5.0, 5.0)),
    ),
    Fate(
        name="duplicate",
        digits="902",
        summary=f"each receipt {COPIES} times, byte by byte the same",
        steps=(
            Step("submitted", 0.1, 0.1, copies=COPIES),
            Step("delivered", 0.5, 0.5, copies=COPIES),
        ),
    ),
    Fate(
        name="out-of-order",
        digits="903",
        summary="Delivered, and a second later the Submitted that came before it",
        steps=(Step("submitted", 0.1, 1.5), DELIVERED),
    ),
    Fate(
        name="early",
        digits="904",
        summary="all receipts before the answer to the request",
        steps=(Step("submitted", 0.0, 0.0), Step("delivered", 0.0, 0.1)),
        is_early=True,
    ),
    Fate(
        name="storm",
        digits="905",
        summary=f"{STORM} receipts at once: Submitted at as many times, then Delivered",
        steps=(
            *(Step("submitted", index / 1000, 0.1) for index in range(STORM - 1)),
            DELIVERED,
        ),
    ),
    Fate(
        name="conflict",
        digits="906",
        summary="Delivered, then failed with 7202: Delivery failed at platform",
        steps=(SUBMITTED, DELIVERED, Step("failed", 1.0, 1.0, "7202")),
    ),
    Fate(
        name="unknown",
        digits="907",
        summary="Submitted, then a status that no page of the platform knows",
        steps=(SUBMITTED, Step("unknown", 0.5, 0.5)),
    ),
    Fate(
        name="zoneless",
        digits="908",
        summary="as delivered, with times that name no zone, as in 2016",
        steps=(
            Step("submitted", 0.1, 0.1, zone=False),
            Step("delivered", 0.5, 0.5, zone=False),
        ),
    ),
)

#: Destinations.
FATES: Final[Sequence[Fate]] = (
    *_MANNERS,
    *(_unlucky("failed", code) for code in FAILED_CODES),
    *(_unlucky("undelivered", code) for code in UNDELIVERED_CODES),
    _refused("7005", "answered 7005 if its `expiry` is past, else as delivered"),
    _refused("7006", "answered 7006: the platform fails"),
    _refused("7007", "answered 7007: the service is inactive"),
    _refused("7010", "answered 7010: the caller's address is not allowed"),
    _refused("7020", "answered 7020: too many transactions"),
)

SILENT: Final = f"{IDS}silent"

#: Values of `evtid`.
EVENTS: Final[Sequence[Row]] = (
    Row("sandbox-7004", "7004", "answered 7004: no such event"),
    Row("sandbox-7005", "7005", "answered 7005: the platform fails"),
    Row("sandbox-7010", "7010", "answered 7010: the caller's address is not allowed"),
    Row("sandbox-7019", "7019", "answered 7019 if its `expiry` is past, else as all others"),
    Row("sandbox-7020", "7020", "answered 7020: too many transactions"),
    Row("sandbox-7025", "7025", "answered 7025 without a parameter `name`"),
    Row(SILENT, "1002", "taken, and no notification follows"),
)

#: Application ids in the path of app profiles.
APPS: Final[Sequence[Row]] = (
    Row("sandbox-1000", "1000", "answered as by newer platforms: HTTP 202, 1000, results"),
    Row("sandbox-7006", "7006", "answered 7006: the platform fails"),
    Row("sandbox-7010", "7010", "answered 7010: the caller's address is not allowed"),
    Row("sandbox-7018", "7018", "answered 7018: no such application"),
    Row(SILENT, "1001", "taken, and never done: its status stays 7600"),
)

#: Values of `customerId`.
CUSTOMERS: Final[Sequence[Row]] = (
    Row("sandbox-7015", "7015", "taken, but the customer exists already: a partial success"),
)

_BY_NAME: Final[Mapping[str, Fate]] = {fate.name: fate for fate in FATES}
_BY_NUMBER: Final[Mapping[str, Fate]] = {fate.number: fate for fate in FATES}
#: What becomes of everything else.
COMMON: Final = _BY_NAME["delivered"]


def fate_of(destination: str) -> Fate:
    """Return the fate of a destination of any type, spelled in any way."""
    named = destination.lower()
    if named.endswith(MAILS):
        return _BY_NAME.get(named.removesuffix(MAILS), COMMON)
    if named.startswith(IDS):
        return _BY_NAME.get(named.removeprefix(IDS), COMMON)
    return _BY_NUMBER.get(destination_key(destination), COMMON)


def code_for(table: Sequence[Row], key: str) -> str:
    """Return the code that a table has for a key, else an empty string."""
    return next((row.code for row in table if row.key == key), "")
