"""Numbers as people write them, also without their country."""

import re
from collections.abc import Sequence
from typing import Final

import phonenumbers
from phonenumbers import NumberParseException

from receiver.domain.identity import destination_key

#: What may be a national number: with a plus sign or two zeros before it, it names its country.
_NATIONAL: Final = re.compile(r"(?!00)[0-9(][0-9() .-]{3,19}")


def keys_of(written: str, region: str) -> Sequence[str]:
    """Return the keys that a destination may be kept under: as it stands, and as read in `region`.

    Digits alone may be either, so both are sought. Without a region there is one key.
    """
    key = destination_key(written) or written  # what has no key is not what nobody gave
    if not region or not _NATIONAL.fullmatch(written):
        return [key]
    try:
        number = phonenumbers.parse(written, region)
    except NumberParseException:
        return [key]
    if not phonenumbers.is_possible_number(number):
        return [key]
    e164 = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    return sorted({key, e164.removeprefix("+")})
