"""The handlers that integration points may name: these, and nothing that is loaded by its name."""

from collections.abc import Mapping
from typing import Final

#: Of what comes in at the hook (`recv_svcscriptcode`), by what each does.
RECEIVING: Final[Mapping[str, str]] = {
    "ws_hook": "takes every notification of the hook into the ledger",
}
#: Of what goes out (`send_svcscriptcode`).
SENDING: Final[Mapping[str, str]] = {
    "send_to_web": "passes requests on to the platform's HTTP API",
}
