"""The fields of shapes: each is there in every answer, and has this type."""

from typing import Any

from marshmallow import Schema, fields, validate


def text(**more: Any) -> fields.String:
    """Return the field of a text."""
    return fields.String(required=True, **more)


def maybe_text() -> fields.String:
    """Return the field of a text, or null."""
    return text(allow_none=True)


def time() -> fields.AwareDateTime:
    """Return the field of a time."""
    return fields.AwareDateTime(required=True)


def maybe_time() -> fields.AwareDateTime:
    """Return the field of a time, or null."""
    return fields.AwareDateTime(required=True, allow_none=True)


def flag() -> fields.Boolean:
    """Return the field of true or false."""
    return fields.Boolean(required=True)


def count() -> fields.Integer:
    """Return the field of a whole number."""
    return fields.Integer(required=True)


def maybe_count() -> fields.Integer:
    """Return the field of a whole number, or null."""
    return fields.Integer(required=True, allow_none=True)


def one_of(*choices: str, **more: Any) -> fields.String:
    """Return the field of one of a few words."""
    return text(validate=validate.OneOf(choices), **more)


def nested(shape: type[Schema], **more: Any) -> fields.Nested:
    """Return the field of an object with a shape of its own."""
    return fields.Nested(shape, required=True, **more)


def errors() -> fields.Dict:
    """Return the field that maps the path of a field to its faults."""
    faults = fields.List(fields.String())
    return fields.Dict(keys=fields.String(), values=faults, required=True)
