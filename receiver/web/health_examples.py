"""What the OpenAPI document shows of health."""

from collections.abc import Mapping
from typing import Any, Final

#: A field's value by its name, or by its shape's and its name where that says otherwise.
VALUES: Final[Mapping[str, Any]] = {
    "by_state": {"active": 1, "idle": 11},
    "days_ahead": 14,
    "ms": 1.4,
    "silence_seconds": 900,
    "timeout_ms": 2000,
    "waiting": 0,
    "ConnectionsHealth.most": 100,
    "ConnectionsHealth.status": "ok",
    "DatabaseHealth.status": "ok",
    "DatabaseVitals.status": "ok",
    "DirectoryHealth.status": "ok",
    "FlowHealth.status": "flowing",
    "Health.status": "ready",
    "PartitionsHealth.status": "ok",
    "PointFlow.since": None,
    "PointFlow.status": "flowing",
    "SpoolHealth.status": "ok",
    "WorkerHealth.status": "ok",
}
