"""Which form is run: the short one by default, the long one where the environment says so."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.faults.fault import Fault

VARIABLE: Final = "RECEIVER_TEST_FAULTS"


@dataclass(frozen=True, kw_only=True)
class Form:
    """How much of everything; `folder` is where the table is left, if anywhere."""

    long: bool
    timeout_seconds: int
    repeated_receipts: int
    folder: Path | None = None

    def seconds(self, fault: Fault) -> float:
        """Return how long a fault lasts."""
        return fault.long_seconds if self.long else fault.short_seconds

    def retry_seconds(self, fault: Fault) -> float:
        """Return after how long a notification comes again.

        The longest fault lasts 90 s, for which this is the platform's own minute.
        """
        return max(1.0, self.seconds(fault) * 2 / 3)


SHORT: Final = Form(long=False, timeout_seconds=120, repeated_receipts=1500)
LONG: Final = Form(long=True, timeout_seconds=600, repeated_receipts=10_000, folder=Path("build"))

FORM: Final = LONG if os.environ.get(VARIABLE) == "long" else SHORT
