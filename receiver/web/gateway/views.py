"""The platform's own paths. Source: CONTRACT.md 5 to 7.

The answer is the platform's, byte for byte, whatever becomes of what we write down of it.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import structlog
from flask import Blueprint, Response, request
from flask.typing import ResponseReturnValue

from receiver import metrics
from receiver.domain.errors import SpoolError, StoreAwayError
from receiver.domain.facts import Fact
from receiver.platform.apis import PATHS, Api, api_of
from receiver.web.access import note_point, note_refusal
from receiver.web.auth import current_key, requires
from receiver.web.errors import RETRY_AFTER_SECONDS
from receiver.web.gateway.asking import BODY_BYTES, forward, look_up, question_of
from receiver.web.gateway.exchanges import Reply, facts_of, results
from receiver.web.gateway.headers import given_key
from receiver.web.gateway.names import LostError, first_answer
from receiver.web.gateway.refusals import RefusedError, said_of
from receiver.web.rooms import rooms

gateway = Blueprint("gateway", __name__)

log = structlog.get_logger()


@gateway.post(PATHS[Api.MESSAGING])
@requires("send", secret=given_key)
def send() -> ResponseReturnValue:
    """Send messages by the platform's messaging API, and record them.

    One request, or an array of up to 1000. The answer is the platform's own.
    """
    return _pass_on(Api.MESSAGING)


@gateway.get(f"{PATHS[Api.STATUS]}<path:transid>")
@requires("send", secret=given_key)
def status(transid: str) -> ResponseReturnValue:
    """Ask the platform for the status of a transaction."""
    return _ask_about(Api.STATUS, transid)


@gateway.post(PATHS[Api.EVENT])
@requires("send", secret=given_key)
def trigger() -> ResponseReturnValue:
    """Trigger events by the platform's event API, and record them."""
    return _pass_on(Api.EVENT)


@gateway.post(f"{PATHS[Api.PROFILE]}<path:appid>")
@requires("send", secret=given_key)
def create_profiles(appid: str) -> ResponseReturnValue:
    """Create app profiles at the platform, and record what becomes of them."""
    return _pass_on(Api.PROFILE, appid.rstrip("/"))


@gateway.get(f"{PATHS[Api.PROFILE_STATUS]}<path:transid>")
@requires("send", secret=given_key)
def profile_status(transid: str) -> ResponseReturnValue:
    """Ask the platform what became of app profiles, and keep what it tells of each."""
    return _ask_about(Api.PROFILE_STATUS, transid)


@gateway.errorhandler(RefusedError)
def refuse(error: RefusedError) -> ResponseReturnValue:
    """Answer by ourselves, in the platform's envelope."""
    api = api_of(request.path)
    note_refusal(request.environ, f"platform_{error.code}")
    metrics.forwarded(api.value, "refused", None)
    response = said_of(api, error).response()
    if error.is_passing:
        response.headers["Retry-After"] = str(RETRY_AFTER_SECONDS)
    return response


def _pass_on(api: Api, about: str = "") -> Response:
    """Forward a request, give back the answer, and write down both."""
    here, key = rooms().gateway, current_key()
    with here.gate, here.gate.intake.body(request.environ, cap_bytes=BODY_BYTES) as raw:
        question = question_of(api, about, raw, key, here.upstreams)
        note_point(request.environ, question.upstream.point)
        try:
            known = first_answer(rooms().engine, question, key, raw)
            if known is not None:
                return known.response()
            reply = forward(question)
        except LostError as error:
            said = said_of(api, error, transid=str(question.id))
            reply = Reply(said=said, is_understood=False, at=datetime.now(UTC))
        _keep(lambda: facts_of(question, reply))
        return reply.said.response()


def _ask_about(api: Api, about: str) -> Response:
    """Forward a question, give back the answer, and write down what it tells of profiles."""
    here = rooms().gateway
    with here.gate:
        upstream = here.upstreams.find(current_key(), api)
        note_point(request.environ, upstream.point)
        reply = look_up(api, about.rstrip("/"), upstream)
        _keep(lambda: results(api, "", upstream, reply))
        return reply.said.response()


def _keep(made: Callable[[], Sequence[Fact]]) -> None:
    """Make facts durable, later where nothing can now: the caller has an answer to get."""
    facts: Sequence[Fact] = ()
    try:
        facts = made()
        if facts:
            rooms().inbox.put(facts)
            rooms().polls.forget(current_key().domain)  # who sends may look at it at once
    except Exception as error:  # the message is sent, whatever is wrong with us
        is_passing = isinstance(error, StoreAwayError | SpoolError)
        if is_passing and rooms().gateway.belated.hold(facts):
            return
        metrics.unrecorded()
        log.exception("exchange_unrecorded", error=type(error).__name__)
