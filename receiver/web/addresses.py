"""From which address a request came, and whether it is among those of a list.

Source: CONTRACT.md 1 has no list of the platform's addresses; whoever knows theirs names them.
"""

import re
from collections.abc import Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

#: `192.0.2.1:4711` and `[2001:db8::1]:4711`: some proxies write the port, too.
_WITH_PORT: Final = re.compile(r"(?:\[(.+)\]|([0-9.]+))(?::[0-9]+)?")
_MAPPED_BITS: Final = 96


def caller_of(environ: "WSGIEnvironment", *, proxies: int) -> Address | None:
    """Return who sent a request, None where nobody can say.

    Behind `proxies` of our own that is whom the outermost of them names: each adds to the end of
    X-Forwarded-For from where it was called, and what stands before that the caller made up.
    """
    if not proxies:
        return address_of(environ.get("REMOTE_ADDR", ""))
    named = environ.get("HTTP_X_FORWARDED_FOR", "").split(",")
    return address_of(named[-proxies]) if len(named) >= proxies else None


def network_of(text: str) -> Network:
    """Return the network, or the single address, that is written. Raises ValueError for others."""
    network = ip_network(text.strip(), strict=False)
    mapped = network.network_address
    if isinstance(mapped, IPv6Address) and mapped.ipv4_mapped and network.prefixlen >= _MAPPED_BITS:
        return IPv4Network((mapped.ipv4_mapped, network.prefixlen - _MAPPED_BITS))
    return network


def is_among(address: Address | None, listed: Sequence[str]) -> bool:
    """Tell whether an address is in one of the networks; what can't be read is none."""
    return address is not None and any(address in network for network in _networks(tuple(listed)))


@lru_cache(maxsize=4096)
def _networks(listed: tuple[str, ...]) -> Sequence[Network]:
    found = []
    for text in listed:
        try:
            found.append(network_of(text))
        except ValueError:
            continue
    return found


def address_of(text: str) -> Address | None:
    """Return the address that is written, with or without a port; None for what is none."""
    matched = _WITH_PORT.fullmatch(text.strip())
    try:
        address = ip_address(matched[1] or matched[2] if matched else text.strip())
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address
