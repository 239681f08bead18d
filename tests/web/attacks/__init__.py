"""What an attacker sends, as rows: a name, the request, and the answers that may come."""

from collections.abc import Mapping
from typing import Final

from tests.web.attacks.addresses import ADDRESSES
from tests.web.attacks.form import Attack
from tests.web.attacks.framing import FRAMING
from tests.web.attacks.hooks import BODIES, PATHS, SIGNATURES, TOKENS_GUESSED
from tests.web.attacks.keys import FOREIGN, INJECTIONS, KEYS

ATTACKS: Final[Mapping[str, Attack]] = {
    f"{kind}: {name}": attack
    for kind, rows in (
        ("token", TOKENS_GUESSED),
        ("signature", SIGNATURES),
        ("framing", FRAMING),
        ("path", PATHS),
        ("address", ADDRESSES),
        ("body", BODIES),
        ("key", KEYS),
        ("foreign", FOREIGN),
        ("injection", INJECTIONS),
    )
    for name, attack in rows.items()
}
