"""The usual way of the whole job: the receipt and its delivery, in one session a request."""

from typing import Any

from flask import Flask
from flask.typing import ResponseReturnValue
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session, sessionmaker

from bench.usual.receiving import delivery_of, receipt_of_request
from bench.usual.settings import make_engine
from bench.usual.tables import DeliveryRow, ReceiptRow

app = Flask(__name__, static_folder=None)
sessions = sessionmaker(make_engine())


@app.post("/hooks/<token>")
def receive(token: str) -> ResponseReturnValue:
    """Keep a receipt, and what it says of its delivery."""
    receipt = receipt_of_request()
    with sessions.begin() as session:
        new = _record(session, receipt)
        _upsert(session, delivery_of(receipt))
    return {
        "result": "accepted" if new else "duplicate",
        "kind": "receipt",
        "id": str(receipt["id"]),
    }


def _record(session: Session, receipt: dict[str, Any]) -> bool:
    """Insert a receipt once; say whether it is new."""
    statement = insert(ReceiptRow).on_conflict_do_nothing().returning(ReceiptRow.id)
    return session.scalar(statement, receipt) is not None


def _upsert(session: Session, delivery: dict[str, Any]) -> None:
    """Let the delivery say what this receipt does, if its status is higher."""
    statement = insert(DeliveryRow).values(delivery)
    decided = ("rank", "status", "code", "description", "provider_at", "updated_at")
    session.execute(
        statement.on_conflict_do_update(
            index_elements=[DeliveryRow.transid, DeliveryRow.destination],
            set_={name: statement.excluded[name] for name in decided},
            where=DeliveryRow.rank < statement.excluded.rank,
        )
    )
