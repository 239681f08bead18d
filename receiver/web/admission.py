"""Who may post to a hook: the token in its path."""

from receiver.domain.errors import NotFoundError
from receiver.store.points import Point, hash_of
from receiver.web.roster import Roster


class Admission:
    """Tokens to points. Known ones get in with Postgres away."""

    def __init__(self, roster: Roster) -> None:
        self._roster = roster

    def admit(self, token: str) -> Point:
        """Return the point that `token` opens.

        Raises: NotFoundError where Postgres says that there is none, StoreAwayError where nobody
        can say.
        """
        hash_ = hash_of(token)  # hashes are compared, so time tells nothing
        point = self._roster.find(lambda directory: directory.points.get(hash_))
        if point is None:
            raise NotFoundError("no such hook")
        return point
