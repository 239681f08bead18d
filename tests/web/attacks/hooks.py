"""Attacks on hooks: by tokens, signatures, bodies and paths."""

import json
from typing import Final

from tests.web.attacks.form import (
    API,
    MESSAGE,
    POINTS,
    RECEIPT,
    SEND,
    call,
    framed,
    hook,
    rows,
)

TOKENS_GUESSED: Final = rows(
    404,
    {
        "a guessed token": hook("guessed"),
        "a token without its last letter": hook("open_cut"),
        "a token with a letter more": hook("open_longer"),
        "a token in capitals": hook("open_capitals"),
        "a token of NULs": call("POST /hooks/%00%00%00", body=RECEIPT),
        "a token that is a path": call("POST /hooks/../<open>", body=RECEIPT),
        "a token with a NUL behind it": call("POST /hooks/<open>%00", body=RECEIPT),
        "a token that is no UTF-8": call("POST /hooks/%ff%fe%ed%a0%80", body=RECEIPT),
        "a token of four thousand letters": call(f"POST /hooks/{'a' * 4000}", body=RECEIPT),
        "a token with blanks": call("POST /hooks/%20<open>%20", body=RECEIPT),
        "a pattern for all tokens": call("POST /hooks/%25", body=RECEIPT),
        "an API key for a token": hook("reader"),
        "the hash of a token": hook("open_hash"),
        "no token, and its name as a parameter": call("POST /hooks/?token=<open>", body=RECEIPT),
    },
)

SIGNATURES: Final = rows(
    401,
    {
        "no signature": hook("signed"),
        "of another body": hook("signed", "x-hub-signature: <signature_of_another_body>"),
        "of another point": hook("signed", "x-hub-signature: <signature_of_another_point>"),
        "of what stands before more": hook(
            "signed", "x-hub-signature: <signature>", body=f"[{RECEIPT}, {MESSAGE}]"
        ),
        "without its last letter": hook("signed", "x-hub-signature: <signature_cut>"),
        "of the hash that it is not": hook("signed", "x-hub-signature: sha512=<digest>"),
        "of sha1": hook("signed", "x-hub-signature: <signature_by_sha1>"),
        "no comma": hook("signed", "x-hub-signature: sha256"),
        "no digest": hook("signed", "x-hub-signature: sha256="),
        "bad hex": hook("signed", f"x-hub-signature: sha256={'x' * 64}"),
        "not ASCII": hook("signed", f"x-hub-signature: sha256={'é' * 64}"),
        "digits that are none": hook("signed", f"x-hub-signature: sha256={'²' * 64}"),
        "no hash that there is": hook("signed", f"x-hub-signature: md5={'0' * 32}"),
        "eight hundred entries": hook(
            "signed", f"x-hub-signature: {','.join(['sha256=00'] * 799)},<signature>"
        ),
        "the right one behind a wrong one": hook(
            "signed", "x-hub-signature: sha256=00", "x-hub-signature: <signature>"
        ),
        "under another name": hook("signed", "x_hub_signature: <signature>"),
        "in the trailer": framed(
            "POST /hooks/<signed>",
            "Transfer-Encoding: chunked",
            body="2\r\n{}\r\n0\r\nx-hub-signature: <signature>\r\n\r\n",
        ),
    },
) | rows(
    431,
    {
        "ten thousand entries": hook(
            "signed", f"x-hub-signature: {','.join(['sha256=00'] * 10_000)}"
        ),
    },
)

BODIES: Final = rows(
    400,
    {
        "nothing": hook("own", body=""),
        "nested without end": hook("own", body="[" * 100_000),
        "two transids": hook("own", body='{"transid": "<transid>", "transid": [], "a": 1'),
        "a bomb's beginning": hook("own", "Content-Encoding: gzip", body="\x1f\x8b\x08\x00"),
        "no array that anybody reads": hook("own", body="[]"),
        "a thousand and one": hook("own", body=json.dumps([{}] * 1001)),
    },
) | rows(
    200,
    {
        "a number without end": hook("own", body=f'{{"transid": {"9" * 100_000}}}'),
        "another domain's transid": hook("own"),
        "another domain's transids": hook("own", body=f"[{RECEIPT}, {MESSAGE}, {{}}]"),
        "another domain's transid in an event": hook(
            "own", body='{"transid": "<transid>", "event": "x", "channel": "sms", "tid": "<open>"}'
        ),
    },
)

PATHS: Final = (
    rows(
        404,
        {
            "up from an open folder": call("GET /health/live/../../metrics"),
            "up to the metrics": call("GET /api/docs/../../metrics"),
            "up from the hook's folder": call("POST /hooks/%2e%2e/api/v1/sends", body=SEND),
            "into the folder of the docs": call("GET /api/docs/..%2f..%2fsettings.py"),
            "out of the folder of the docs": call(
                "GET /api/docs/%2e%2e/%2e%2e/%2e%2e/%2e%2e/etc/passwd"
            ),
            "an absolute path in the docs": call("GET /api/docs/%2fetc%2fpasswd"),
            "a NUL in the docs": call("GET /api/docs/docs.js%00.html"),
            "a semicolon": call("GET /health/live;/../../metrics"),
            "the file with the settings": call("GET /.env"),
            "the journal of git": call("GET /.git/config"),
            "other letters": call("GET /METRICS"),
            "a path in an override": call("GET /", "X-Original-URL: /metrics"),
            "a path of a prefix": call("GET /nothing", "X-Forwarded-Prefix: /metrics"),
            "a path by a header of the server": call("GET /nothing", "SCRIPT_NAME: /nothing"),
            "another host": call("GET http://192.0.2.1/latest/meta-data"),
            "to another server": framed("CONNECT 192.0.2.1:80"),
        },
    )
    | rows(
        401,
        {
            "another host's metrics": call("GET http://localhost/metrics"),
            "another verb for the same": call("LOOKUP " + POINTS, body='"<open>"'),
            "a verb in a header": call(
                f"POST {POINTS}", "X-HTTP-Method-Override: LOOKUP", body='"<open>"'
            ),
        },
    )
    | rows(
        200,
        {
            "what a path takes": call(f"OPTIONS {API}/sends"),
            "up from the own hook": hook("own", path="/../../api/v1/sends"),
            "escaped from the own hook": hook("own", path="/%2e%2e/%2e%2e/<open>"),
            "the own hook with another's token": hook("own", path="/<open>"),
            "the own hook by an override": hook("own", "X-HTTP-Method-Override: DELETE"),
            "the own hook with many slashes": call("POST //hooks///<own>//", body=RECEIPT),
        },
    )
)
