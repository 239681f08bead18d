"""The spool: fsynced files that hold accepted facts while the store is away or late.

Every process writes segments of its own into one folder of its host; any of them drains them.
"""

from receiver.inbox.spool.depth import Depth, Gauge, depth
from receiver.inbox.spool.drainer import Drainer
from receiver.inbox.spool.records import decode, encode
from receiver.inbox.spool.spool import Spool

__all__ = ["Depth", "Drainer", "Gauge", "Spool", "decode", "depth", "encode"]
