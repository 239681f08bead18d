"""Requests for app profiles: answered as queued, and done a moment later.

Source: CONTRACT.md 7 (app profiles). Where the sample (1001) and the table (1000) disagree on
"queued", the sandbox answers as the sample; a magic application answers as newer platforms do.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any, Final

from msgspec import json

from receiver.sandbox.answers import PROFILES as TEXTS
from receiver.sandbox.answers import Entry, entry, enveloped, new_transid
from receiver.sandbox.book import Entry as Line
from receiver.sandbox.book import Kind, Outcome
from receiver.sandbox.fates import APPS, CUSTOMERS, SILENT, code_for
from receiver.sandbox.posting import Notification
from receiver.sandbox.schemas import Fault, RecordsSchema, load
from receiver.sandbox.state import Sandbox
from receiver.sandbox.transactions import PROFILE_SECONDS, ProfileRequest

_REQUEST: Final = RecordsSchema()
_QUEUED: Final = "1001"
_NEWER: Final = "1000"


def create(sandbox: Sandbox, appid: str, said: Any) -> tuple[Mapping[str, Any], HTTPStatus]:
    """Answer a request for app profiles. Raises: Fault."""
    records = load(_REQUEST, said)["records"]
    code = code_for(APPS, appid) or _QUEUED
    if not sandbox.poster.has_room():
        raise Fault("7020")
    if code not in {_QUEUED, _NEWER}:
        raise Fault(code)
    asked = ProfileRequest(
        transid=new_transid(),
        at=datetime.now(UTC),
        results=[_result(each["customerid"]) for each in records],
        is_done=appid != SILENT,
    )
    answer = entry(code, TEXTS[code], asked.transid)
    sandbox.profiles.keep(asked.transid, asked, room=len(records))
    sandbox.note(answer, accepted=True)
    _tell(sandbox, asked)
    if code == _NEWER:
        return _newer(asked), HTTPStatus.ACCEPTED
    return enveloped(answer), HTTPStatus.OK


def status(sandbox: Sandbox, transid: str) -> Mapping[str, Any]:
    """Return what came of a request. Raises: Fault, as long as nothing did."""
    found = sandbox.profiles.find(transid)
    if found is None or not found.is_over(datetime.now(UTC)):
        raise Fault("7600", transid=transid)
    return found.result()


def _result(customerid: str) -> Entry:
    code = code_for(CUSTOMERS, customerid) or "1000"
    text = TEXTS[code] if code != "1000" else "SUCCESS"
    return {"code": code, "customerId": customerid, "description": text}


def _newer(asked: ProfileRequest) -> Mapping[str, Any]:
    queued = {"code": _NEWER, "description": "QUEUED"}
    return {
        "TotalCount": len(asked.results),
        "SuccessCount": len(asked.results),
        "FailureCount": 0,
        **queued,
        "Results": [{"customerId": each["customerId"], **queued} for each in asked.results],
        "transid": asked.transid,
    }


def _tell(sandbox: Sandbox, asked: ProfileRequest) -> None:
    """Plan the notification, which goes to the service's own URL: requests name none."""
    if not sandbox.notify_url or not asked.is_done:
        return
    line = Line(
        kind=Kind.PROFILE,
        outcome=Outcome.WAITING,
        transid=asked.transid,
        code=asked.result()["code"],
    )
    told = Notification(
        url=sandbox.notify_url,
        body=json.encode(asked.result()),
        entry=line,
        due_seconds=PROFILE_SECONDS,
    )
    sandbox.poster.hand_over([told])
