"""The receipts that are sent while something fails, and what the ledger must make of each."""

import json
from typing import Final

#: What a receipt says by turns, with the rank that the status rule gives it.
SAYINGS: Final = (("Delivered", "7500", 50), ("Submitted", "7501", 20), ("Failed", "7101", 40))
DESTINATION: Final = "447700900123"


def make_receipt(transid: str, *, padding_bytes: int = 0) -> bytes:
    """Return the body of the one receipt of `<name>-<number>`."""
    status, code, _ = SAYINGS[_turn(transid)]
    info = {"deliveryChannel": "SMS", "deliveryStatus": status, "code": code}
    destination = {"destination": DESTINATION, "destinationType": "msisdn"}
    padding = {"padding": "x" * padding_bytes} if padding_bytes else {}
    notification = {"deliveryInfo": info | destination | padding, "transid": transid}
    return json.dumps({"deliveryInfoNotification": notification}).encode()


def rank_of(transid: str) -> int:
    """Return the rank that its delivery must have."""
    return SAYINGS[_turn(transid)][2]


def _turn(transid: str) -> int:
    return int(transid.rpartition("-")[2]) % len(SAYINGS)
