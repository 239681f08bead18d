"""The id by which one request is found again in every log that it has passed.

A caller's or a proxy's own is taken over where it is a UUID, with or without its hyphens: anything
else might be a number, or a text, and what a caller wrote stands in no log. Hooks' tokens look the
same, and are none.
"""

import itertools
import os
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

HEADER: Final = "X-Request-ID"
_VARIABLE: Final = "HTTP_X_REQUEST_ID"
_FORM: Final = re.compile(r"[0-9a-fA-F]{32}|[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
#: Of this process; with a number it makes an id for a part of what a random one costs.
_PREFIX: Final = os.urandom(10).hex()
_NUMBERS: Final = itertools.count(1)


def request_id(environ: "WSGIEnvironment", is_token: Callable[[str], bool]) -> str:
    """Return the id that a request came with, or one of ours."""
    given = environ.get(_VARIABLE)
    if given and _FORM.fullmatch(given):
        text = str(given)
        if text not in environ["PATH_INFO"] and not is_token(text):
            return text
    return f"{_PREFIX}{next(_NUMBERS):012x}"
