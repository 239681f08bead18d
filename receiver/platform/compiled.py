"""Loading by a schema, without what marshmallow asks of every field of every load.

Made from the schema, so there is one place that says what is taken, and how. The schema itself
loads whatever is not plain, and says what is wrong with it.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar, cast

from marshmallow import Schema, ValidationError, fields, missing

Loaded = TypeVar("Loaded")

_ABSENT: Final = object()


def compiled(
    schema: Schema, make: Callable[[dict[str, Any]], Loaded]
) -> Callable[[Mapping[str, Any]], Loaded]:
    """Return what loads as `schema.load` does; `make` is what its post_load does.

    What it returns raises ValidationError as the schema does, since the schema is then asked.
    Raises: TypeError for a schema whose fields do more than convert.
    """
    if not all(_only_converts(field) for field in schema.fields.values()):
        raise TypeError(f"{type(schema).__name__} can't be compiled")
    plan = [
        (name, field.data_key or name, field._deserialize, field.load_default, field.allow_none)  # noqa: SLF001
        for name, field in schema.load_fields.items()
    ]

    ask = cast("Callable[[Mapping[str, Any]], Loaded]", schema.load)

    def load(said: Mapping[str, Any]) -> Loaded:
        loaded: dict[str, Any] = {}
        try:
            for name, key, convert, default, may_be_none in plan:
                value = said.get(key, _ABSENT)
                if value is _ABSENT:
                    if default is missing:
                        return ask(said)
                    loaded[name] = default() if callable(default) else default
                elif value is not None:
                    loaded[name] = convert(value, name, said)
                elif may_be_none:
                    loaded[name] = None
                else:
                    return ask(said)
        except ValidationError:
            return ask(said)
        return make(loaded)

    return load


def _only_converts(field: fields.Field[Any]) -> bool:
    return not (field.validators or field.pre_load or field.post_load)
