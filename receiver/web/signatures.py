"""Whether a body is signed as its point demands, by the secrets that it has now."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

from receiver.domain.errors import PayloadError, SealedError, TooLargeError
from receiver.platform.verify import verify
from receiver.sealing import Sealer
from receiver.store import signing
from receiver.store.points import Point
from receiver.store.signing import HubSecret

#: Points whose secrets are kept open in memory.
_MOST_OPEN: Final = 10_000


class Signatures:
    """Checks signatures, and keeps the secrets open that it has used."""

    def __init__(self, sealer: Callable[[], Sealer]) -> None:
        self._sealer = sealer
        self._secrets: dict[bytes, Sequence[HubSecret]] = {}

    def check(self, point: Point, header: str, raw: bytes, unzip: Callable[[], bytes]) -> None:
        """Raise PayloadError for a body that is not signed as the point demands.

        The platform may sign what it zips, or the zipped: either will do.
        Raises: SealedError, SetupError where the secrets can't be opened.
        """
        demand = point.opts.get("signature", "off")
        if demand == "off" or (demand == "optional" and not header):
            return
        secrets = self._secrets_of(point)
        allow_sha1 = bool(point.opts.get("allow_sha1"))
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
            except SealedError as error:
                raise SealedError(f"the secrets of a point can't be opened: {error}") from error
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
