"""Loading by a schema, without what marshmallow asks of every field of every load.

Made from the schema, so there is one place that says what is taken, and how. The schema itself
loads whatever is not plain, and says what is wrong with it.
"""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar, cast

from marshmallow import Schema, ValidationError, fields, missing

from receiver.platform.fields import Converting

Loaded = TypeVar("Loaded")


def compiled(
    schema: Schema, make: Callable[[dict[str, Any]], Loaded]
) -> Callable[[Mapping[str, Any]], Loaded]:
    """Return what loads as `schema.load` does; `make` is what its post_load does.

    What it returns raises ValidationError as the schema does, since the schema is then asked.
    Raises: TypeError for a schema whose fields do more than convert.
    """
    if not all(_only_converts(field) for field in schema.fields.values()):
        raise TypeError(f"{type(schema).__name__} can't be compiled")
    known = schema.load_fields.items()
    plan = [(name, field.data_key or name, _converter(field)) for name, field in known]
    defaults = {
        name: field.load_default
        for name, field in known
        if field.load_default is not missing and not callable(field.load_default)
    }
    nullable = {name for name, field in known if field.allow_none and field.load_default is None}
    ask = cast("Callable[[Mapping[str, Any]], Loaded]", schema.load)

    def load(said: Mapping[str, Any]) -> Loaded:
        loaded: dict[str, Any] = defaults.copy()
        try:
            for name, key, convert in plan:
                value = said.get(key)
                if value is not None:
                    loaded[name] = convert(value)
                elif key in said and name not in nullable:
                    return ask(said)
        except ValidationError:
            return ask(said)
        return make(loaded) if len(loaded) == len(plan) else ask(said)

    return load


def _converter(field: fields.Field[Any]) -> Callable[[Any], Any]:
    if isinstance(field, Converting):
        return field.convert
    return lambda value: field._deserialize(value, None, None)  # noqa: SLF001


def _only_converts(field: fields.Field[Any]) -> bool:
    return not (field.validators or field.pre_load or field.post_load)
