"""Attacks by how a request is framed: what gunicorn alone can refuse, and what comes slowly."""

from typing import Final

from tests.web.attacks.form import (
    API,
    HUNG_UP,
    POINTS,
    RECEIPT,
    call,
    framed,
    hook,
    rows,
)

FRAMING: Final = (
    rows(
        400,
        {
            "both a length and chunks": framed(
                "POST /hooks/<open>",
                "Content-Length: 6",
                "Transfer-Encoding: chunked",
                body=f"0\r\n\r\n{hook('own')}",
            ),
            "chunks and a length": framed(
                "POST /hooks/<open>",
                "Transfer-Encoding: chunked",
                "Content-Length: 6",
                body=f"0\r\n\r\n{hook('own')}",
            ),
            "two lengths": framed(
                "POST /hooks/<open>", "Content-Length: 2", "Content-Length: 400", body=RECEIPT
            ),
            "the same length twice": framed(
                "POST /hooks/<open>", "Content-Length: 2", "Content-Length: 2", body="{}"
            ),
            "a length below zero": framed("POST /hooks/<open>", "Content-Length: -1", body="{}"),
            "a length with a sign": framed("POST /hooks/<open>", "Content-Length: +2", body="{}"),
            "a length in hex": framed("POST /hooks/<open>", "Content-Length: 0x2", body="{}"),
            "a length in other digits": framed(
                "POST /hooks/<open>", "Content-Length: ²", body="{}"
            ),
            "a length of 5000 digits": framed(
                "POST /hooks/<open>", f"Content-Length: {'9' * 5000}", body="{}"
            ),
            "chunked twice": framed(
                "POST /hooks/<open>", "Transfer-Encoding: chunked, chunked", body="0\r\n\r\n"
            ),
            "chunked and then not": framed(
                "POST /hooks/<open>", "Transfer-Encoding: chunked, identity", body="0\r\n\r\n"
            ),
            "an encoding that nobody knows": framed(
                "POST /hooks/<open>", "Transfer-Encoding: xchunked", body="0\r\n\r\n"
            ),
            "an encoding behind a tab": framed(
                "POST /hooks/<open>", "Transfer-Encoding: \x0bchunked", body="0\r\n\r\n"
            ),
            "a header that goes on": framed(
                "POST /hooks/<open>", "Transfer-Encoding:", " chunked", body="0\r\n\r\n"
            ),
            "a blank before the colon": framed(
                "POST /hooks/<open>", "Content-Length : 2", body="{}"
            ),
            "a header without a colon": framed("POST /hooks/<open>", "Content-Length", body="{}"),
            "a NUL in a header": hook("open", "X-Nul: a\0b"),
            "a bare line feed": framed("POST /hooks/<open>", "X: y\nContent-Length: 2", body="{}"),
            "two hosts": hook("open", "Host: y"),
            "a verb in small letters": call("post /hooks/<open>", body=RECEIPT),
            "a path with a blank": call("POST /hooks/<open> /dr", body=RECEIPT),
            "a path with bare bytes": call("POST /hooks/<open>/\xff", body=RECEIPT),
            "a path of its own": call("POST *", body=RECEIPT),
            "a version that there is not": "POST /hooks/<open> HTTP/3.0\r\n\r\n",
            "a word before the request": f"PROXY TCP4 192.0.2.64 192.0.2.1 1 2\r\n{hook('walled')}",
            "a greeting of HTTP/2": "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
            "a greeting of TLS": "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
        },
    )
    | rows(414, {"a path of a megabyte": call(f"POST /hooks/{'a' * 1_000_000}")})
    | rows(417, {"an expectation of its own": hook("open", "Expect: 200-ok")})
    | rows(
        (431, HUNG_UP),
        {
            "a hundred thousand headers": hook("open", *["X-Many: 1"] * 100_000),
            "a hundred thousand other headers": hook(
                "open", *(f"X-{number}: 1" for number in range(100_000))
            ),
            "a header of a megabyte": hook("open", f"X-Long: {'1' * 1_000_000}"),
        },
    )
    | rows(
        503,
        {
            "a chunk that is no number": framed(
                "POST /hooks/<open>", "Transfer-Encoding: chunked", body="-2\r\n{}\r\n0\r\n\r\n"
            ),
            "a chunk that ends elsewhere": framed(
                "POST /hooks/<open>", "Transfer-Encoding: chunked", body="2\r\n{}}}0\r\n\r\n"
            ),
            "a chunk's extension without end": framed(
                "POST /hooks/<open>", "Transfer-Encoding: chunked", body=f"2;{'a' * 20_000}"
            ),
            "a length in the trailer": framed(
                "POST /hooks/<open>",
                "Transfer-Encoding: chunked",
                body="2\r\n{}\r\n0\r\nContent-Length: 0\r\n\r\n",
            ),
            "a trailer that is no header": framed(
                f"POST {API}/sends",
                "Authorization: Bearer <key>",
                "Transfer-Encoding: chunked",
                body="2\r\n{}\r\n0\r\nnonsense\r\n\r\n",
            ),
            "a chunk that is no number to the API": framed(
                f"POST {API}/sends",
                "Authorization: Bearer <key>",
                "Transfer-Encoding: chunked",
                body="-2\r\n{}\r\n0\r\n\r\n",
            ),
            "a chunk that is no number to the points": framed(
                f"PATCH {POINTS}/<own_id>",
                "Authorization: Bearer <key>",
                "Transfer-Encoding: chunked",
                body="-2\r\n{}\r\n0\r\n\r\n",
            ),
        },
    )
)

#: Each is open until its time is up, so they come together.
SLOW: Final = (
    rows(
        503,
        {
            "a slow body": framed("POST /hooks/<open>", "Content-Length: 99", body="{"),
            "a slow chunk": framed(
                "POST /hooks/<open>", "Transfer-Encoding: chunked", body="99\r\n{"
            ),
            "a slow body that is signed": framed(
                "POST /hooks/<signed>",
                "x-hub-signature: <signature>",
                "Content-Length: 99",
                body="{",
            ),
            "a slow body from elsewhere": framed(
                "POST /hooks/<walled>", "Content-Length: 99", body="{"
            ),
            "a slow body without end": framed(
                "POST /hooks/<open>", f"Content-Length: {10**30}", body="{"
            ),
            "a slow body that is promised": framed(
                "POST /hooks/<open>", "Expect: 100-continue", "Content-Length: 99"
            ),
            "a slow send": framed(
                f"POST {API}/sends",
                "Authorization: Bearer <key>",
                "Content-Length: 99",
                body="{",
            ),
            "a slow point": framed(
                f"POST {POINTS}", "Authorization: Bearer <key>", "Content-Length: 99", body="{"
            ),
        },
    )
    | rows(
        404,
        {"a slow body to no hook": framed("POST /hooks/<guessed>", "Content-Length: 99", body="{")},
    )
    | rows(
        401,
        {
            "a slow body without a key": framed(
                f"POST {API}/sends", "Content-Length: 99", body="{"
            ),
        },
    )
    | rows(
        HUNG_UP,
        {
            "half a request line": "POST /hooks/<open",
            "half a head": "POST /hooks/<open> HTTP/1.1\r\nHost: x\r\nContent-",
            "half a word": "P",
        },
    )
)
