"""The paths of the platform, and the sandbox's own under /sandbox.

Source: CONTRACT.md 5 to 7 (paths, headers), 9.24 (refusals are HTTP 200 too).
"""

from collections.abc import Callable, Mapping
from functools import wraps
from http import HTTPStatus
from typing import Any, Final, ParamSpec, cast

import structlog
from flask import Blueprint, Flask, Response, current_app, jsonify, request
from flask.typing import ResponseReturnValue
from marshmallow import Schema, ValidationError, fields
from marshmallow.validate import Range
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge

from receiver.domain.errors import BadInputError, PayloadError
from receiver.platform.bodies import parse_strictly
from receiver.sandbox import answers, customers, events, messaging, profiles
from receiver.sandbox.answers import entry, enveloped, new_transid
from receiver.sandbox.book import Entry, Kind, Outcome
from receiver.sandbox.schemas import Fault
from receiver.sandbox.state import PROFILE_KEY, SERVICE_KEY, Sandbox

MOST_BYTES: Final = 8 * 1024 * 1024
_BLUEPRINT = Blueprint("sandbox", __name__)

log = structlog.get_logger()

P = ParamSpec("P")


class _Api:
    """One API of the platform: which key opens it, and how it words its faults."""

    def __init__(
        self,
        key: str,
        headers: tuple[str, ...],
        texts: Mapping[str, str],
        *,
        own_fault: str = "7006",
        is_flat: bool = False,
    ) -> None:
        self._key = key
        self._headers = headers
        self._texts = texts
        self._own_fault = own_fault
        self._is_flat = is_flat

    def view(self, answered: Callable[P, ResponseReturnValue]) -> Callable[P, ResponseReturnValue]:
        """Return a view of this API: it asks for the key, and puts faults into envelopes."""

        @wraps(answered)
        def view(*args: P.args, **kwargs: P.kwargs) -> ResponseReturnValue:
            try:
                self._admit()
                return answered(*args, **kwargs)
            except Fault as fault:
                return self._refused(fault)
            except RequestEntityTooLarge:
                return self._refused(Fault("7022"))
            except Exception:
                log.exception("sandbox_failed")
                return self._refused(Fault(self._own_fault))

        return view

    def _admit(self) -> None:
        """Ask for the key. Raises: Fault."""
        given = next(filter(None, map(request.headers.get, self._headers)), "")
        if not given:
            raise Fault("7002")
        if given.removeprefix("Bearer ").strip() != self._key:
            raise Fault("7001")

    def _refused(self, fault: Fault) -> ResponseReturnValue:
        text = fault.description or self._texts[fault.code]
        answer = entry(fault.code, text, fault.transid or new_transid())
        if request.method == "POST":  # who only asks is none of the book's business
            _sandbox().note(answer, accepted=False)
        return answer if self._is_flat else enveloped(answer)


_SERVICE: Final = ("Authorization", "key")
_PROFILE: Final = ("key", "secretKey")
_MESSAGING: Final = _Api(SERVICE_KEY, _SERVICE, answers.MESSAGING)
_EVENTS: Final = _Api(SERVICE_KEY, _SERVICE, answers.EVENTS, own_fault="7005")
_PROFILES: Final = _Api(PROFILE_KEY, _PROFILE, answers.PROFILES)
_RESULTS: Final = _Api(PROFILE_KEY, _PROFILE, answers.PROFILES, is_flat=True)  # as what succeeds


class _BookQuery(Schema):
    """Which lines of the book are asked for."""

    after = fields.Integer(load_default=0, validate=Range(0))
    limit = fields.Integer(load_default=100, validate=Range(1, 1000))
    kind = fields.Enum(Kind, by_value=True)
    outcome = fields.Enum(Outcome, by_value=True)
    transid = fields.String()


_BOOK_QUERY: Final = _BookQuery()


def make_application(sandbox: Sandbox) -> Flask:
    """Return the application of one sandbox."""
    app = Flask(__name__, static_folder=None)
    app.url_map.strict_slashes = False
    app.json.sort_keys = False  # type: ignore[attr-defined]  # of Flask's default provider
    app.config["MAX_CONTENT_LENGTH"] = MOST_BYTES
    app.extensions["sandbox"] = sandbox
    app.register_blueprint(_BLUEPRINT)
    app.register_error_handler(BadInputError, _refuse_input)
    app.register_error_handler(HTTPException, _refuse_http)
    return app


@_BLUEPRINT.post("/resources/v1/messaging")
@_MESSAGING.view
def send() -> ResponseReturnValue:
    """Take messages."""
    return enveloped(messaging.send(_sandbox(), _json()))


@_BLUEPRINT.get("/resources/v1/messaging/status/<path:transid>")
@_MESSAGING.view
def message_status(transid: str) -> ResponseReturnValue:
    """Tell where a message stands."""
    return jsonify(messaging.status(_sandbox(), transid))


@_BLUEPRINT.post("/resources/v1/events/externalevent/")
@_EVENTS.view
def execute() -> ResponseReturnValue:
    """Take events."""
    if request.get_data().lstrip()[:1] == b"<":
        raise Fault("7027")
    return enveloped(events.execute(_sandbox(), _json()))


@_BLUEPRINT.post("/resources/v2/customerappprofile/<path:appid>")
@_PROFILES.view
def create_profiles(appid: str) -> ResponseReturnValue:
    """Take app profiles."""
    return cast("ResponseReturnValue", profiles.create(_sandbox(), appid, _json()))


@_BLUEPRINT.get("/resources/v2/profile/status/<path:transid>")
@_RESULTS.view
def profile_status(transid: str) -> ResponseReturnValue:
    """Tell what came of app profiles."""
    return dict(profiles.status(_sandbox(), transid))


@_BLUEPRINT.post("/sandbox/mo")
def write() -> ResponseReturnValue:
    """Let a customer write; the message goes out at once."""
    try:
        said = _json()
    except Fault as fault:
        raise BadInputError(fault.description) from None
    return {"tid": customers.write(_sandbox(), said)}, HTTPStatus.ACCEPTED


@_BLUEPRINT.get("/sandbox/book")
def read_book() -> ResponseReturnValue:
    """Show what was answered, sent and taken, the oldest first; `next` is passed as `after`."""
    try:
        sought = _BOOK_QUERY.load(request.args)
    except ValidationError as error:
        faults = error.messages_dict
        raise BadInputError("the query can't be answered", fields=faults) from None
    book = _sandbox().book
    after, limit = sought.pop("after"), sought.pop("limit")
    found, following = book.page(after=after, limit=limit, sought=sought)
    return {
        "items": [{"number": number, **_line(line)} for number, line in found],
        "next": following,
        "counts": book.counts(),
        "written": book.written,
        "forgotten": book.forgotten,
    }


def _line(line: Entry) -> Mapping[str, Any]:
    shown = {name: getattr(line, name) for name in line.__struct_fields__}
    for name in ("at", "ended_at"):
        shown[name] = shown[name].isoformat().replace("+00:00", "Z") if shown[name] else None
    return shown


def _sandbox() -> Sandbox:
    return cast("Sandbox", current_app.extensions["sandbox"])


def _json() -> Any:
    """Return the body as JSON, read to the letter. Raises: Fault, which says where it isn't."""
    raw = request.get_data()
    try:
        return parse_strictly(raw.decode())
    except UnicodeDecodeError:
        raise Fault("7000", "Invalid JSON: the body is no UTF-8") from None
    except PayloadError as error:
        raise Fault("7000", f"Invalid JSON: {error}") from None


def _refuse_input(error: BadInputError) -> Response:
    return _problem(HTTPStatus.BAD_REQUEST, str(error), errors=error.fields)


def _refuse_http(error: HTTPException) -> Response:
    return _problem(error.code or HTTPStatus.INTERNAL_SERVER_ERROR, error.description or error.name)


def _problem(status: int, detail: str, *, errors: Mapping[str, Any] | None = None) -> Response:
    body = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": int(status),
        "detail": detail,
    }
    answer = jsonify({**body, "errors": errors} if errors else body)
    answer.status_code = status
    answer.content_type = "application/problem+json"
    return answer
