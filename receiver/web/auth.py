"""Who asks: API keys as Bearer tokens, and what each may do."""

from collections.abc import Callable
from functools import wraps
from typing import Final, ParamSpec, TypeVar, cast

from flask import g, request

from receiver.domain.errors import ForbiddenError, UnauthorisedError
from receiver.store.keys import ApiKey
from receiver.web.rooms import rooms

P = ParamSpec("P")
R = TypeVar("R")

#: Marks a view that needs no key.
PUBLIC: Final = "public"
#: Scope to the scopes that include it.
_INCLUDED: Final = {"read": frozenset({"read", "read:pii"})}


def public(view: Callable[P, R]) -> Callable[P, R]:
    """Declare that a view needs no key."""
    view.__dict__["auth"] = PUBLIC
    return view


def requires(
    scope: str, *, secret: Callable[[], str] | None = None
) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Let only good keys with `scope` through to a view; `secret` finds the key in the request.

    By default it is a Bearer token.
    """

    def decorate(view: Callable[P, R]) -> Callable[P, R]:
        @wraps(view)
        def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
            g.key = rooms().keys.open((secret or _bearer)())
            if not may(g.key, scope):
                raise ForbiddenError(f"the key lacks the scope {scope}")
            return view(*args, **kwargs)

        guarded.__dict__["auth"] = scope
        return guarded

    return decorate


def declared(view: Callable[..., object]) -> str | None:
    """Return the scope that a view declares, `public`, or None if it declares nothing."""
    return view.__dict__.get("auth")


def current_key() -> ApiKey:
    """Return the key of this request; for views that require a scope."""
    return cast("ApiKey", g.key)


def current_reader() -> ApiKey | None:
    """Return the key of this request; None on the operations listener, which asks for none."""
    return cast("ApiKey | None", g.key)


def may(key: ApiKey, scope: str) -> bool:
    """Tell whether a key has a scope, or one that includes it."""
    return not _INCLUDED.get(scope, {scope}).isdisjoint(key.scopes)


def _bearer() -> str:
    given = request.authorization
    if given is None or given.type != "bearer" or not given.token:
        raise UnauthorisedError("an API key is needed: Authorization: Bearer <key>")
    return given.token
