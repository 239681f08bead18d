"""Who may post to a hook: the token in its path, the address, and the signature of the body.

In this order; a token that is none hears nothing of the rest. With a valid token nothing is lost:
what is refused for its address or signature lies in quarantine, as far as there is room for it.
"""

from collections.abc import Callable
from datetime import UTC, datetime

from receiver.domain.errors import (
    NotFoundError,
    PayloadError,
    SealedError,
    SetupError,
    StoreAwayError,
)
from receiver.sealing import Sealer
from receiver.store.points import Point, hash_of
from receiver.web.addresses import caller_of, is_among
from receiver.web.arrivals import Arrival
from receiver.web.holding import Holding
from receiver.web.roster import Roster
from receiver.web.signatures import Signatures


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
        self.signatures = Signatures(sealer)
        self._roster = roster
        self._proxies = proxies

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

        Raises: StoreAwayError where the secrets can't be opened, which is our own fault.
        """
        header = arrival.environ.get("HTTP_X_HUB_SIGNATURE", "")
        try:
            self.signatures.check(arrival.point, header, raw, unzip)
        except (SealedError, SetupError) as error:
            raise StoreAwayError(str(error)) from error
