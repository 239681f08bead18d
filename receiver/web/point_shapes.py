"""The shapes of answers about integration points. Source: CONTRACT.md 8."""

from typing import Any, Final

from marshmallow import fields

from receiver.store.entities import NAMES
from receiver.web import saying
from receiver.web.shapes import Shape


class HubSecretShape(Shape):
    """A secret that is replaced, and when it ends."""

    secret = saying.text()
    until = saying.text()


class KeptTokenShape(Shape):
    """A hook token, and when it ends."""

    token = saying.text()
    until = saying.maybe_text()


class OptsShape(Shape):
    """Options; all but the first four are there once they are set."""

    title = fields.String()
    comment = fields.String()
    allow_files_api = fields.Boolean()
    issync = fields.Boolean()
    platform_url = fields.String()
    profile_key = fields.String(allow_none=True)
    signature = fields.String()
    signature_secrets = fields.List(fields.Raw(), allow_none=True)
    allow_sha1 = fields.Boolean()
    allow_ips = fields.List(fields.String())
    timezone = fields.String()
    max_body = fields.Integer(allow_none=True)
    notifyurl = fields.String()
    store_text = fields.String()
    disabled = fields.Boolean()
    tokens = fields.List(fields.Nested(KeptTokenShape))


class ExtShape(Shape):
    """When a point was made, and last written."""

    ct = fields.String()
    lwt = fields.String()


class IntegrationPointShape(Shape):
    """An integration point. Secrets are null where they can't be read with today's keys."""

    id = fields.String()
    code = fields.String()
    type = fields.String()
    token_local = fields.String()
    token_remote = fields.String(allow_none=True)
    token_remote2 = fields.String(allow_none=True)
    url = fields.String()
    recv_svcscriptcode = fields.String()
    recv_svcscriptcode_ws = fields.String()
    send_svcscriptcode = fields.String()
    send_svcscriptcode_ws = fields.String()
    opts = fields.Nested(OptsShape)
    ext = fields.Nested(ExtShape)


class SelfLink(Shape):
    """Where something is."""

    href = saying.text()


class Links(Shape):
    """Where more is to be had."""

    self_ = saying.nested(SelfLink, data_key="self")


class LinkedPoint(Shape):
    """A point by its id."""

    id = saying.text()
    links = saying.nested(Links, data_key="_links")


class TokenShape(Shape):
    """The point that a hook token opens."""

    domain = saying.text()
    integration_point = saying.nested(LinkedPoint)


#: A point with `flat=true`.
FLAT: Final[dict[str, Any]] = {
    "type": "object",
    "properties": {name: {} for name in NAMES},
    "additionalProperties": False,
}
IDS: Final = {"type": "array", "items": {"type": "string"}, "minItems": 1}
