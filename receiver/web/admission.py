"""Who may post to a hook: the token in its path, the address, and the signature of the body.

In this order; a token that is none hears nothing of the rest. With a valid token nothing is lost:
what is refused for its address or signature lies in quarantine, as far as there is room for it.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Final

from receiver.domain.errors import (
    NotFoundError,
    PayloadError,
    SealedError,
    SetupError,
    StoreAwayError,
    TooLargeError,
)
from receiver.platform.verify import verify
from receiver.sealing import Sealer
from receiver.store import signing
from receiver.store.points import Point, hash_of
from receiver.store.signing import HubSecret
from receiver.web.addresses import caller_of, is_among
from receiver.web.arrivals import Arrival
from receiver.web.holding import Holding
from receiver.web.roster import Roster

#: Points whose secrets are kept open in memory.
_MOST_OPEN: Final = 10_000


class Admission:
    """Tokens to points. Known ones get in with Postgres away."""

    def __init__(
        self,
        roster: Roster,
        *,
        sealer: Callable[[], Sealer],
        proxies: int = 0,
    ) -> None:
        self.holding = Holding()
        self._roster = roster
        self._sealer = sealer
        self._proxies = proxies
        self._secrets: dict[bytes, Sequence[HubSecret]] = {}

    def admit(self, token: str) -> Point:
        """Return the point that `token` opens.

        Raises: NotFoundError where Postgres says that there is none, StoreAwayError where nobody
        can say.
        """
        hash_ = hash_of(token)  # hashes are compared, so time tells nothing
        point = self._roster.find(lambda directory: directory.points.get(hash_))
        if point is None or (point.closes_at and datetime.now(UTC) >= point.closes_at):
            raise NotFoundError("no such hook")
        return point

    def check_address(self, arrival: Arrival) -> None:
        """Raise PayloadError unless the point takes notifications from there."""
        listed = arrival.point.opts.get("allow_ips")
        if not listed:
            return
        address = caller_of(arrival.environ, proxies=self._proxies)
        if not is_among(address, listed):
            fault = {"address": [f"{address or 'an unknown address'} is not among allow_ips"]}
            raise PayloadError("bad_address", "the address is not allowed", fields=fault)

    def check_signature(self, arrival: Arrival, raw: bytes, unzip: Callable[[], bytes]) -> None:
        """Raise PayloadError for a body that is not signed as the point demands.

        The platform may sign what it zips, or the zipped: either will do.
        Raises: StoreAwayError where the secrets can't be opened, which is our own fault.
        """
        demand = arrival.point.opts.get("signature", "off")
        header = arrival.environ.get("HTTP_X_HUB_SIGNATURE", "")
        if demand == "off" or (demand == "optional" and not header):
            return
        secrets = self._secrets_of(arrival.point)
        allow_sha1 = bool(arrival.point.opts.get("allow_sha1"))
        signs = partial(verify, header, secrets=secrets, allow_sha1=allow_sha1)
        if not signs(raw) and not _signs_unzipped(signs, raw, unzip):
            fault = {"x-hub-signature": ["signs another body" if header else "is missing"]}
            raise PayloadError("bad_signature", "the signature is missing or wrong", fields=fault)

    def _secrets_of(self, point: Point) -> Sequence[str]:
        sealed = point.signature_secrets
        if sealed is None:
            return ()
        if sealed not in self._secrets:
            try:
                opened = signing.opened(sealed, point.id, self._sealer())
            except (SealedError, SetupError) as error:
                raise StoreAwayError(f"the secrets of a point can't be opened: {error}") from error
            if len(self._secrets) >= _MOST_OPEN:
                self._secrets.clear()
            self._secrets[sealed] = opened
        return [each.secret for each in signing.good(self._secrets[sealed])]


def _signs_unzipped(signs: Callable[[bytes], bool], raw: bytes, unzip: Callable[[], bytes]) -> bool:
    try:
        plain = unzip()
    except (PayloadError, TooLargeError):
        return False
    return plain is not raw and signs(plain)
