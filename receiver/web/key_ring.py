"""The API keys in use."""

from datetime import UTC, datetime

from receiver.domain.errors import UnauthorisedError
from receiver.store.keys import ApiKey, hash_of
from receiver.web.roster import Roster


class KeyRing:
    """Secrets to API keys. Known ones open with Postgres away, good by what is known of them."""

    def __init__(self, roster: Roster) -> None:
        self._roster = roster

    def open(self, secret: str) -> ApiKey:
        """Return the key that `secret` is, while it is good.

        Raises: UnauthorisedError where it is not, StoreAwayError where nobody can say.
        """
        hash_ = hash_of(secret)  # hashes are compared, so time tells nothing
        key = self._roster.find(lambda directory: directory.keys.get(hash_))
        if key is None or not key.is_good(datetime.now(UTC)):
            raise UnauthorisedError("the key is unknown, expired or revoked")
        return key
