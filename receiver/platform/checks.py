"""Tests of the way to a hook: receipts under a reserved transid, which are kept nowhere."""

import json
from datetime import UTC, datetime
from typing import Final
from uuid import uuid4

from receiver.domain.errors import PayloadError
from receiver.domain.facts import Receipt
from receiver.domain.identity import CHECK_PREFIX, is_check
from receiver.platform.recognise import recognise

#: A test is written within so many bytes; blanks may follow, to make it as large as a real body.
HEAD_BYTES: Final = 2048
#: What it hears, in the place of what becomes of a notification.
CHECKED: Final = "checked"
_MARK: Final = CHECK_PREFIX.encode()


def body(*, size_bytes: int = 0) -> bytes:
    """Return a test of the way, at least so large."""
    said = {
        "deliveryInfoNotification": {
            "deliveryInfo": {
                "deliveryChannel": "sms",
                "deliveryStatus": "Submitted",
                "code": "7501",
                "destination": "",
                "timeStamp": datetime.now(UTC).isoformat(),
            },
            "transid": f"{CHECK_PREFIX}{uuid4()}",
        }
    }
    return json.dumps(said).encode().ljust(size_bytes)


def is_check_body(raw: bytes) -> bool:
    """Tell whether a body, as received, is a test of the way and nothing else."""
    head = raw[:HEAD_BYTES]
    if _MARK not in head or raw[HEAD_BYTES:].strip():
        return False
    try:
        elements = recognise(head).elements
    except PayloadError:
        return False
    return all(isinstance(each.body, Receipt) and is_check(each.body.transid) for each in elements)
