"""Where a call goes on to: the platform as the key's point reaches it.

All of it is in the directory, and so in the snapshot: the gateway needs Postgres for none of it.
"""

from collections.abc import Callable
from uuid import UUID

from msgspec import Struct

from receiver.domain.errors import SealedError, SetupError
from receiver.platform.apis import OF_PROFILES, Api, Code
from receiver.sealing import Sealer
from receiver.settings import Settings
from receiver.store import sealed
from receiver.store.directory import Directory
from receiver.store.keys import ApiKey
from receiver.store.points import Point
from receiver.web.gateway.refusals import RefusedError, unable
from receiver.web.roster import Roster

_MOST_OPEN = 10_000


class Upstream(Struct, frozen=True, kw_only=True):
    """The platform for one call."""

    point: Point
    url: str
    key: str
    hook_url: str
    """What is notified of whatever becomes of the call."""
    may_be_private: bool
    """Whether it may be at an address of this machine or of a private network."""
    deadline_seconds: float

    @property
    def keeps_notify_url(self) -> bool:
        """Whether the callers' own URLs stay, and so receipts go elsewhere."""
        return self.point.opts.get("notifyurl") == "keep"

    @property
    def keeps_text(self) -> bool:
        """Whether the texts of messages are kept."""
        return self.point.opts.get("store_text") != "none"


class Upstreams:
    """The platform by API key."""

    def __init__(self, roster: Roster, settings: Settings, *, sealer: Callable[[], Sealer]) -> None:
        self._roster = roster
        self._settings = settings
        self._sealer = sealer
        self._keys: dict[tuple[UUID, bytes], str] = {}

    def find(self, key: ApiKey, api: Api) -> Upstream:
        """Return where the calls of a key go.

        Raises: RefusedError where that is nowhere, StoreAwayError where nobody can say.
        """
        point = self._roster.find(lambda directory: point_of(key, directory))
        if point is None:
            raise unable(api, "there is no integration point for this key")
        if point.opts.get("disabled"):
            raise RefusedError(Code.INACTIVE)
        url = point.opts.get("platform_url") or self._settings.platform_url
        if not url:
            raise unable(api, "neither the integration point nor a setting names the platform")
        return Upstream(
            point=point,
            url=str(url).rstrip("/"),
            key=self._opened(point, api),
            hook_url=f"{self._settings.public_url}/hooks/{point.hook_token or point.token_local}",
            may_be_private=self._settings.platform_private,
            deadline_seconds=self._settings.platform_deadline.total_seconds(),
        )

    def _opened(self, point: Point, api: Api) -> str:
        """Return the platform's key, the one for profiles where those are asked for."""
        column = "profile_key" if api in OF_PROFILES else "token_remote"
        kept: bytes | None = getattr(point, column)
        if kept is None:
            raise unable(api, f"the integration point has no {column}")
        known = self._keys.get((point.id, kept))
        if known is not None:
            return known
        try:
            opened = sealed.opened(column, kept, point.id, self._sealer())
        except (SealedError, SetupError) as error:
            raise unable(api, f"the {column} can't be opened") from error
        if len(self._keys) >= _MOST_OPEN:
            self._keys.clear()
        self._keys[point.id, kept] = opened
        return opened


def point_of(key: ApiKey, directory: Directory) -> Point | None:
    """Return the point that a key speaks for: its own, else the oldest of its domain."""
    own = [
        point
        for point in directory.points.values()
        if point.domain == key.domain
        and point.closes_at is None
        and (not key.point_ids or point.id in key.point_ids)
    ]
    return min(own, key=lambda point: (point.created_at, point.id), default=None)
