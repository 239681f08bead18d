"""Roles: what a process serves of all there is, so that heavy reads need not share the way in."""

from collections.abc import Collection, Mapping, Sequence
from functools import partial, wraps
from typing import NoReturn

from flask import Blueprint, Flask

from receiver.domain.errors import ElsewhereError


def register(
    app: Flask, blueprints: Mapping[str, Sequence[Blueprint]], roles: Collection[str]
) -> None:
    """Add what each role serves; what only other processes serve is answered 503 here.

    So whoever comes to the wrong one comes again, and a proxy asks the next.
    """
    for role, served in blueprints.items():
        for blueprint in served:
            app.register_blueprint(blueprint)
        if role not in roles:
            _leave(app, role, {blueprint.name for blueprint in served})


def _leave(app: Flask, role: str, names: Collection[str]) -> None:
    for endpoint, view in app.view_functions.items():
        if endpoint.partition(".")[0] in names:
            app.view_functions[endpoint] = wraps(view)(partial(_elsewhere, role))


def _elsewhere(role: str, *_: object, **__: object) -> NoReturn:
    raise ElsewhereError(f"this process does not have the role {role}: another one serves this")
