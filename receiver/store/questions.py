"""What the platform was asked about sends that are overdue, and what came of it."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import psycopg
from msgspec import Struct
from sqlalchemy import RowMapping, select, text
from sqlalchemy.orm import Session

from receiver.domain.facts import new_id
from receiver.domain.questions import Finding, Question
from receiver.store.question_tables import QuestionCountRow
from receiver.store.tables import SendRow

#: Overdue deliveries that are looked at in one statement.
MOST_WALKED: Final = 1000
#: Of one send, that are shown.
MOST_SHOWN: Final = 20

_WALK: Final = f"""
    SELECT d.domain, d.seq, s.seq, s.transid, s.point_id
      FROM (SELECT domain, seq, send_seq FROM deliveries
             WHERE overdue AND (domain, seq) > (%(domain)s, %(seq)s)
             ORDER BY domain, seq LIMIT {MOST_WALKED}) d
      JOIN sends s ON s.seq = d.send_seq
     ORDER BY d.domain, d.seq
    """
_ASKED: Final = """
    SELECT send_seq, asked_as, asked_at, finding FROM questions
     WHERE send_seq = ANY(%s) ORDER BY asked_at, id
    """
#: Its send may be gone by now: then there is nothing to be asked.
_BEGIN: Final = f"""
    INSERT INTO questions (id, send_seq, asked_at, asked_as, finding)
    SELECT %(id)s, seq, %(asked_at)s, %(asked_as)s, '{Finding.OPEN}' FROM sends
     WHERE seq = %(send_seq)s
    """
_END: Final = """
    WITH ended AS (
        UPDATE questions SET finding = %(finding)s, http = %(http)s, code = %(code)s
         WHERE id = %(id)s)
    INSERT INTO question_counts AS k (finding, n) VALUES (%(finding)s, 1)
        ON CONFLICT (finding) DO UPDATE SET n = k.n + 1
    """
_OF_SEND: Final = text(f"""
    SELECT asked_at, asked_as, finding, http, code FROM questions
     WHERE send_seq = :send_seq ORDER BY asked_at, id LIMIT {MOST_SHOWN}
    """)


class Place(Struct, frozen=True):
    """A place among all overdue deliveries, in the order in which they are walked through."""

    domain: str = ""
    seq: int = 0


class Overdue(Struct, frozen=True, kw_only=True):
    """A send with an overdue delivery, and what was asked about it, the oldest first."""

    before: Place
    """Whoever walks on from here comes to it."""
    send_seq: int
    domain: str
    transid: str
    point_id: UUID | None
    past: Sequence[Question]


def walk(
    connection: psycopg.Connection[Any], after: Place
) -> tuple[Sequence[Overdue], Place | None]:
    """Return sends with overdue deliveries past a place, each once, and where more may follow."""
    parameters = {"domain": after.domain, "seq": after.seq}
    rows = connection.execute(_WALK, parameters).fetchall()
    first: dict[int, tuple[Any, ...]] = {}
    for row in rows:
        first.setdefault(row[2], row)
    past = _asked(connection, list(first))
    found = [
        Overdue(
            before=Place(domain, seq - 1),
            send_seq=send_seq,
            domain=domain,
            transid=transid,
            point_id=point_id,
            past=past[send_seq],
        )
        for domain, seq, send_seq, transid, point_id in first.values()
    ]
    return found, Place(*rows[-1][:2]) if len(rows) == MOST_WALKED else None


def _asked(
    connection: psycopg.Connection[Any], send_seqs: Sequence[int]
) -> Mapping[int, Sequence[Question]]:
    """Return what was asked about sends, of each the oldest first."""
    past: dict[int, list[Question]] = defaultdict(list)
    for send_seq, asked_as, asked_at, finding in connection.execute(_ASKED, [send_seqs]):
        question = Question(asked_as=asked_as, asked_at=asked_at, finding=Finding(finding))
        past[send_seq].append(question)
    return past


def begin(
    connection: psycopg.Connection[Any], send_seq: int, *, asked_as: str, asked_at: datetime
) -> UUID | None:
    """Note that a question is being asked, before it is; None where its send is gone.

    So a question that is the end of us is asked no more often than any other.
    """
    id_ = new_id()
    parameters = {"id": id_, "send_seq": send_seq, "asked_as": asked_as, "asked_at": asked_at}
    return id_ if connection.execute(_BEGIN, parameters).rowcount else None


def end(
    connection: psycopg.Connection[Any],
    id_: UUID,
    finding: Finding,
    *,
    http: int | None,
    code: str,
) -> None:
    """Note what came of a question, and count it."""
    connection.execute(_END, {"id": id_, "finding": finding, "http": http, "code": code})


def of_send(session: Session, send: SendRow) -> Sequence[RowMapping]:
    """Return what was asked about a send, the oldest first."""
    return session.execute(_OF_SEND, {"send_seq": send.seq}).mappings().all()


def counts(session: Session) -> Mapping[str, int]:
    """Return how many questions ever came to which finding; all findings are there."""
    query = select(QuestionCountRow.finding, QuestionCountRow.n)
    known = {finding: n for finding, n in session.execute(query)}  # noqa: C416  no pairs to mypy
    return dict.fromkeys(map(str, Finding), 0) | known
