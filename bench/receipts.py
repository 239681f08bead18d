"""The notification that the load posts: a delivery receipt with all fields of an SMS's sample."""

import json
import random
from collections.abc import Iterator, Mapping
from typing import Any, Final

#: Placeholders, as long as what takes their place.
TRANSID: Final = "00000000-1111-4222-8333-444444444444"
DESTINATION: Final = "447700555555"

#: The fields in the platform's order, among them those that are empty.
RECEIPT: Final[Mapping[str, Any]] = {
    "deliveryInfoNotification": {
        "deliveryInfo": {
            "timeStamp": "2026-10-10T13:53:13.749+01:00",
            "Description": "Delivered",
            "code": "7500",
            "messageCount": "1",
            "deliveryChannel": "SMS",
            "additionalInfo": "",
            "destination": DESTINATION,
            "destinationType": "msisdn",
            "deliveryStatus": "Delivered",
        },
        "carrier": "USTMO",
        "subtid": "",
        "transid": TRANSID,
        "callbackData": "",
        "correlationid": "",
    }
}


def requests(url: str, *, seed: int) -> Iterator[tuple[str, bytes]]:
    """Yield transids and the POSTs that report them to `url`, without end; none comes twice.

    Transids are as random as the platform's, so that they meet an index anywhere; destinations
    are as many as a country has numbers.
    """
    template = _template(url)
    bits = random.Random(seed).getrandbits  # noqa: S311
    while True:
        number = bits(128)
        digits = f"{number:032x}"
        transid = f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-8{digits[17:20]}-{digits[20:]}"
        destination = b"4477%08d" % (number % 100_000_000)
        yield transid, template % (destination, transid.encode())


def _template(url: str) -> bytes:
    """Return the whole request with a place for the destination and one for the transid."""
    body = json.dumps(RECEIPT, separators=(",", ":"))
    host, _, path = url.removeprefix("http://").partition("/")
    head = (
        f"POST /{path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: bench\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    whole = f"{head}{body}".replace("%", "%%")
    return whole.replace(DESTINATION, "%s").replace(TRANSID, "%s").encode()
