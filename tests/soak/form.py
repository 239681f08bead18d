"""How long the soak goes on: seconds by default, ten minutes where the environment says so."""

import os
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

VARIABLE: Final = "RECEIVER_TEST_SOAK"


@dataclass(frozen=True, kw_only=True)
class Form:
    """How much of everything."""

    seconds: float
    """How long messages are sent."""
    pause_seconds: float
    """Between two disturbances."""
    per_second: float
    """Requests, of which some are of ten messages, and one of a storm."""
    retry: timedelta
    """Until a notification comes again; three times over, it outlasts every disturbance."""
    timeout_seconds: int


SHORT: Final = Form(
    seconds=5, pause_seconds=0.5, per_second=25, retry=timedelta(seconds=5), timeout_seconds=120
)
LONG: Final = Form(
    seconds=600, pause_seconds=20, per_second=8, retry=timedelta(seconds=15), timeout_seconds=1200
)

FORM: Final = LONG if os.environ.get(VARIABLE) == "long" else SHORT
