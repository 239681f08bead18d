"""What became of one message, in a word, and where the trouble lies if there is any.

A list of rules, the first that fits decides. What a status is the status rule says; a code only
tells where the trouble lies, and never what became of the message.
"""

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from msgspec import Struct

from receiver.domain.blame import Blame
from receiver.domain.facts import State
from receiver.domain.status import BY_RANK, ENDED, FAILED, UNKNOWN, Outcome


class Case(Struct, frozen=True, kw_only=True):
    """What is known of one delivery, or of a send of which no delivery is known."""

    state: State = State.UNRECORDED
    rank: int | None = None
    """Of its status; None where no delivery is known."""
    reported: bool = False
    """Whether any receipt told of it."""
    overdue: bool = False
    raw_status: str = ""
    code: str = ""
    """Of the receipt that decides; of a send that was refused, of the answer."""
    code_text: str = ""
    code_blame: Blame = Blame.NONE
    """NONE also where nobody has said what the code means."""
    held: Sequence[str] = ()
    """What of it lies with us, outside of the ledger: in the spool, in quarantine."""
    disabled: bool = False
    """Whether its point puts everything into quarantine."""
    elsewhere: bool = False
    """Whether its receipts go to a URL of the sender's own."""
    silent: bool = False
    """Whether nothing at all came to its point for long, though it was sent."""

    @property
    def outcome(self) -> Outcome:
        """What its status means; PENDING where there is none."""
        return BY_RANK.get(self.rank or 0, UNKNOWN).outcome

    @property
    def explained(self) -> str:
        """The code with what it means."""
        said = f"{self.code} {self.code_text}".strip()
        return f" ({said})" if said else ""


class Verdict(Struct, frozen=True, kw_only=True):
    """What became of it, where the trouble lies, and a sentence that says so."""

    name: str
    blame: Blame
    sentence: str


class _Rule(NamedTuple):
    name: str
    fits: Callable[[Case], bool]
    blame: Blame | Callable[[Case], Blame]
    sentence: str
    """In it `{explained}` is the code, `{raw_status}` the spelling, `{held}` what lies with us."""


def _is_failure(case: Case) -> bool:
    return case.outcome is Outcome.FAILURE


def _of_failure(case: Case) -> Blame:
    """Return where a failure lies; what no code tells lies where the status was made."""
    if case.code_blame is not Blame.NONE:
        return case.code_blame
    return Blame.PLATFORM if case.rank in (FAILED.rank, ENDED.rank) else Blame.NETWORK


def _of_refusal(case: Case) -> Blame:
    return case.code_blame if case.code_blame is not Blame.NONE else Blame.PLATFORM


_REPORTED: Final = "{raw_status}{explained}"
_RULES: Final = (
    _Rule(
        "refused",
        lambda case: case.state is State.REFUSED and not case.reported,
        _of_refusal,
        "the platform refused the request{explained}",
    ),
    _Rule("arrived", lambda case: case.outcome is Outcome.SUCCESS, Blame.NONE, _REPORTED),
    _Rule(
        "complained",
        lambda case: case.outcome is Outcome.COMPLAINT,
        Blame.RECIPIENT,
        "it arrived, and the recipient complained{explained}",
    ),
    _Rule("failed", _is_failure, _of_failure, _REPORTED),
    _Rule("held", lambda case: bool(case.held), Blame.US, "its receipt lies with us: {held}"),
    _Rule(
        "unknown",
        lambda case: case.reported and case.rank == UNKNOWN.rank,
        Blame.PLATFORM,
        "the platform reports {raw_status}, which we don't know{explained}",
    ),
    _Rule(
        "disabled",
        lambda case: case.disabled,
        Blame.US,
        "its point is disabled: what comes for it goes to quarantine",
    ),
    _Rule(
        "registered",
        lambda case: case.state is State.REGISTERED,
        Blame.SENDER,
        "it was registered, and nobody told us the platform's transid: was it ever sent?",
    ),
    _Rule(
        "unconfirmed",
        lambda case: case.state is State.UNCONFIRMED and not case.reported,
        Blame.PLATFORM,
        "the platform was asked and gave no answer: nobody knows whether it was sent",
    ),
    _Rule(
        "stuck",
        lambda case: case.reported and case.overdue,
        Blame.NETWORK,
        "the platform handed it on ({raw_status}{explained}), and no outcome came in time",
    ),
    _Rule(
        "under_way",
        lambda case: case.reported,
        Blame.NONE,
        "the platform handed it on ({raw_status}{explained}); its outcome is still open",
    ),
    _Rule(
        "elsewhere",
        lambda case: case.elsewhere,
        Blame.NONE,
        "its receipts go to the sender's own URL: none is to come here",
    ),
    _Rule(
        "silent",
        lambda case: case.silent,
        Blame.PLATFORM,
        "no receipt came, nor any other to its point since it was sent:"
        " the platform reports nothing, or doesn't reach us",
    ),
    _Rule(
        "no_receipt",
        lambda case: case.overdue,
        Blame.PLATFORM,
        "no receipt came in time, though others came to its point",
    ),
    _Rule("waiting", lambda _: True, Blame.NONE, "it was sent; no receipt came yet"),
)
NAMES: Final = tuple(rule.name for rule in _RULES)
#: In an answer about several deliveries the first of these goes before the others.
_FIRST: Final = (
    *(Blame.US, Blame.SENDER, Blame.PLATFORM, Blame.NETWORK, Blame.HANDSET, Blame.RECIPIENT),
    Blame.NONE,
)
#: Verdicts by which nobody can tell yet.
OPEN: Final = frozenset({"waiting", "under_way", "elsewhere"})


def judge(case: Case) -> Verdict:
    """Return the verdict on one delivery, or on a send without any."""
    rule = next(rule for rule in _RULES if rule.fits(case))
    blame = rule.blame(case) if callable(rule.blame) else rule.blame
    sentence = rule.sentence.format(
        explained=case.explained, raw_status=case.raw_status, held="; ".join(case.held)
    )
    return Verdict(name=rule.name, blame=blame, sentence=sentence)


def worst(verdicts: Sequence[Verdict]) -> Verdict:
    """Return the one of several to begin with: trouble before what is open, then the rest."""
    return min(verdicts, key=lambda each: (_FIRST.index(each.blame), each.name not in OPEN))
