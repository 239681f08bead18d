"""Attacks by addresses: at the edges of networks, and made up."""

from typing import Final

from tests.web.attacks.form import hook, rows

#: What the walled points let in is 192.0.2.64/26, 198.51.100.7, 2001:db8:aa::/48 and, as IPv4 in
#: IPv6, 203.0.113.0/30; the server stands behind one proxy.
_INSIDE: Final = (
    "192.0.2.64",
    "192.0.2.127",
    "198.51.100.7",
    "2001:db8:aa::",
    "2001:DB8:AA:FFFF:ffff:ffff:ffff:ffff",
    "203.0.113.0",
    "203.0.113.3",
    "::ffff:203.0.113.3",
    "::ffff:192.0.2.64",
    "192.0.2.100:4711",
    "[2001:db8:aa::1]:4711",
    "192.0.2.1,  192.0.2.64 ",
)
_OUTSIDE: Final = (
    "192.0.2.63",
    "192.0.2.128",
    "198.51.100.6",
    "198.51.100.8",
    "2001:db8:a9:ffff:ffff:ffff:ffff:ffff",
    "2001:db8:ab::",
    "203.0.113.4",
    "::ffff:203.0.113.4",
    "::192.0.2.64",
    "64:ff9b::192.0.2.64",
    "127.0.0.1",
    "::1",
    "192.0.2.064",
    "0300.0.2.0100",
    "3221225536",
    "0xc0000240",
    "192.0.2.64/26",
    "192.0.2.64.evil.example",
    "192.0.2.64%eth0",
    "192.0.2.64 198.51.100.7",
    "192.0.2.64:4711:1",
    "[192.0.2.64",
    "unknown",
    "_hidden",
    "",
    ",",
    "192.0.2.64,",
    "192.0.2.64, 192.0.2.1",
    "192.0.2.64, 192.0.2.64, 10.0.0.1",
    ",".join(["192.0.2.64"] * 700) + ", 192.0.2.1",
)

ADDRESSES: Final = (
    rows(
        200,
        {
            f"in: {address}": hook("own_walled", f"X-Forwarded-For: {address}")
            for address in _INSIDE
        },
    )
    | rows(
        403,
        {
            f"out: {address[:60]}": hook("walled", f"X-Forwarded-For: {address}")
            for address in _OUTSIDE
        },
    )
    | rows(
        403,
        {
            "nobody says from where": hook("walled"),
            "two proxies that speak": hook(
                "walled", "X-Forwarded-For: 192.0.2.64", "X-Forwarded-For: 192.0.2.1"
            ),
            "under a name like it": hook("walled", "X_Forwarded_For: 192.0.2.64"),
            "under a name like it, beside it": hook(
                "walled", "X-Forwarded-For: 192.0.2.1", "X_Forwarded_For: 192.0.2.64"
            ),
            "by the header of the standard": hook("walled", "Forwarded: for=192.0.2.64"),
            "by headers of others": hook(
                "walled",
                "X-Real-IP: 192.0.2.64",
                "True-Client-IP: 192.0.2.64",
                "CF-Connecting-IP: 192.0.2.64",
                "REMOTE_ADDR: 192.0.2.64",
            ),
            "a body too large from elsewhere": hook("walled", body="[" + " " * 5000),
        },
    )
)
