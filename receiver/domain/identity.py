"""Who is the same: transids and their suffixes, destinations in their spellings, pairs of them.

Source: CONTRACT.md 2.7 (linking) and 9.12, 9.17 (traps).
"""

import hashlib
import re
from typing import Final

_SUFFIXED = re.compile(
    r"(?P<base>[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})_(?P<index>0|[1-9][0-9]{0,8})"
)
_NUMBER = re.compile(r"[0-9+() .-]{7,20}")
_NOT_DIGITS = re.compile(r"[^0-9]")

#: What reports on such a transid is a test of the way to a hook, and kept nowhere: the one place
#: where that is said. No platform makes such a transid, and nobody can record a send under one.
CHECK_PREFIX: Final = "receiver-check-"

#: Longer keys would not fit into an index entry.
KEY_BYTES: Final = 512

#: Types under which an application knows a person; every other known type is a channel's address.
IDENTIFIERS: Final = frozenset({"customerid", "userid", "bsuid"})
_TYPE_ALIASES: Final = {"emailid": "email", "tel": "msisdn", "phone": "msisdn"}


def base_of(transid: str) -> str:
    """Return the transid of the request that `transid` belongs to: `<uuid>` for `<uuid>_<n>`."""
    match = _SUFFIXED.fullmatch(transid) if "_" in transid else None
    return match["base"] if match else transid


def transid_of(reported: str) -> str:
    """Return the transid that `reported` stands for: `<uuid>_0` is `<uuid>`."""
    if not reported.endswith("_0"):
        return reported
    match = _SUFFIXED.fullmatch(reported)
    return match["base"] if match else reported


def is_check(transid: str) -> bool:
    """Tell whether what reports on this transid is but a test of the way to a hook."""
    return transid.startswith(CHECK_PREFIX)


def key_of(value: str) -> str:
    """Return `value` as an index can hold it: over 512 bytes it becomes `sha256:<hex>`."""
    encoded = value.encode("utf-8", "surrogatepass")
    return value if len(encoded) <= KEY_BYTES else f"sha256:{hashlib.sha256(encoded).hexdigest()}"


def destination_key(value: str) -> str:
    """Return what two spellings of one destination share: the digits of a number, else the text."""
    if _NUMBER.fullmatch(value):
        digits = _NOT_DIGITS.sub("", value)
        if digits:
            return digits.removeprefix("00")
    return key_of(value)


def type_of(claimed: str, value: str) -> str:
    """Return the destination's type: as claimed, else guessed from the value, else empty."""
    folded = claimed.strip().lower()
    if folded:
        return _TYPE_ALIASES.get(folded, folded)
    if _NUMBER.fullmatch(value):
        return "msisdn"
    return "email" if "@" in value else ""


def may_pair(recorded_type: str, reported_type: str) -> bool:
    """Tell whether a recorded and a reported destination of these types can be one recipient.

    Only a name that the application gave against an address of the channel: two addresses that
    differ are two recipients (the To, CC and BCC of one mail share a transid).
    """
    if not recorded_type or not reported_type:
        return False
    return (recorded_type in IDENTIFIERS) != (reported_type in IDENTIFIERS)
