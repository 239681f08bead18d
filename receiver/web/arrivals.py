"""What arrives at a hook, as facts: notifications, and what goes to quarantine."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

import structlog
from msgspec import Struct
from werkzeug.datastructures import EnvironHeaders

from receiver import metrics
from receiver.domain.errors import PayloadError
from receiver.domain.facts import Fact, Kind, Notice, Quarantined, Receipt, Source, stamp
from receiver.platform.recognise import Element
from receiver.platform.storable import text_of
from receiver.store.points import Point
from receiver.web.understanding import Wrapping, in_columns, quarantined

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

#: Headers that are kept with what goes to quarantine; none of them holds a secret.
KEPT_HEADERS: Final = (
    "Content-Type",
    "Content-Encoding",
    "Content-Length",
    "Transfer-Encoding",
    "User-Agent",
    "Date",
    "X-Hub-Signature",
    "X-Wx-Gtrid",
    "X-Request-Id",
)
#: First part of a sub-path to the kinds that belong there.
HINTS: Final[Mapping[str, frozenset[Kind]]] = {
    "dr": frozenset({Kind.RECEIPT}),
    "mo": frozenset({Kind.MESSAGE}),
    "event": frozenset({Kind.EVENT, Kind.CALL, Kind.PROFILE}),
}

log = structlog.get_logger()


class Arrival(Struct, frozen=True):
    """One request to a hook, and the point that it came in at."""

    environ: "WSGIEnvironment"
    point: Point
    path: str
    """Behind the token, storable: `/dr`, or empty."""

    @classmethod
    def of(cls, environ: "WSGIEnvironment", point: Point, rest: str) -> "Arrival":
        """Return the arrival that a request is; `rest` is its path behind the token."""
        return cls(environ, point, text_of(f"/{rest}") if rest else "")

    @property
    def wrapping(self) -> Wrapping:
        """How the body is wrapped, by its headers."""
        return Wrapping(
            kind=self.environ.get("CONTENT_TYPE", ""),
            encoding=self.environ.get("HTTP_CONTENT_ENCODING", ""),
        )

    def fact_of(self, element: Element, raw: bytes) -> Fact:
        """Return the fact that one notification is, be it one for quarantine."""
        if isinstance(element.body, PayloadError):
            return self.quarantined(element.body, raw, answered=200, index=element.index)
        return self._stamped(in_columns(element.body, self.point), raw, element.index)

    def quarantined(
        self,
        error: PayloadError,
        raw: bytes,
        *,
        answered: int,
        index: int = 0,
        truncated: bool = False,
    ) -> Fact:
        """Return the fact of what can't be taken as it is."""
        body = quarantined(
            error,
            raw,
            path=self.path,
            headers=self._kept_headers(),
            answered=answered,
            truncated=truncated,
        )
        return self._stamped(body, raw, index)

    def note_hint(self, facts: Sequence[Fact]) -> None:
        """Count and log where a sub-path promises other kinds than came: content decides."""
        hint = self.path[1:].partition("/")[0].lower()
        promised = HINTS.get(hint)
        if promised:
            others = {fact.body.kind for fact in facts} - promised - {Kind.QUARANTINED}
            if others:
                metrics.mismatched(self.point.domain, self.point.code, hint)
                log.info("hint_mismatch", hint=hint, kinds=sorted(others))

    def _kept_headers(self) -> Mapping[str, str]:
        given = EnvironHeaders(self.environ)
        return {name.lower(): text_of(given[name]) for name in KEPT_HEADERS if name in given}

    def _stamped(self, body: Receipt | Notice | Quarantined, raw: bytes, index: int) -> Fact:
        return stamp(
            body,
            domain=self.point.domain,
            point_id=self.point.id,
            source=Source.HOOK,
            raw=raw,
            index=index,
        )
