"""The usual way's least: one mapped object a request, added and committed."""

from flask import Flask
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import sessionmaker

from bench.usual.receiving import receipt_of_request
from bench.usual.settings import make_engine
from bench.usual.tables import ReceiptRow

app = Flask(__name__, static_folder=None)
sessions = sessionmaker(make_engine(), expire_on_commit=False)


@app.post("/hooks/<token>")
def receive(token: str) -> ResponseReturnValue:
    """Keep a receipt."""
    receipt = ReceiptRow(**receipt_of_request())
    with sessions.begin() as session:
        session.add(receipt)
    return {"result": "accepted", "kind": "receipt", "id": str(receipt.id)}
