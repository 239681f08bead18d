"""The gateway: the platform's own APIs, answered by the platform, and written down by us."""
