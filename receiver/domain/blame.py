"""Where trouble lies: what whoever is on call asks first."""

from enum import StrEnum


class Blame(StrEnum):
    """Where trouble with a message, or with the flow of all of them, lies."""

    NONE = "none"
    """Nowhere: all goes its way."""
    US = "us"
    """With Receiver: its service, database, spool, quarantine, points, or the way to it."""
    SENDER = "sender"
    """With whoever sends: what was asked for, its account, limits or certificates."""
    PLATFORM = "platform"
    """With the messaging platform, or with what it can't tell more of."""
    NETWORK = "network"
    """Beyond the platform: the operator, the carrier, the service behind a channel."""
    HANDSET = "handset"
    """With a device: switched off, out of reach, full, busy, no longer registered."""
    RECIPIENT = "recipient"
    """With a person: no such number or address, blocked, opted out."""
