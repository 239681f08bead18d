"""What the calls of one process share."""

from dataclasses import dataclass

from receiver.web.gateway.belated import Belated
from receiver.web.gateway.gate import Gate
from receiver.web.gateway.upstream import Upstreams


@dataclass(frozen=True)
class GatewayRoom:
    """Where calls go, how many may, and what is still to be written down of them."""

    upstreams: Upstreams
    gate: Gate
    belated: Belated
