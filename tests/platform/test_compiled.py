"""The compiled loaders say what their schemas say, of anything."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from marshmallow import Schema, ValidationError, fields, validate

from receiver.platform.compiled import compiled
from receiver.platform.notices import NOTICES
from receiver.platform.receipts import RECEIPTS

TEXTS = st.text(max_size=20)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXTS
VALUES = SCALARS | st.lists(SCALARS, max_size=2) | st.dictionaries(TEXTS, SCALARS, max_size=2)


def said(schema: Schema) -> st.SearchStrategy[dict[str, Any]]:
    names = [field.data_key or name for name, field in schema.fields.items()]
    known = st.fixed_dictionaries(
        {}, optional=dict.fromkeys(names, VALUES) | {"more": VALUES, "kind": st.just("message")}
    )
    return known | known.map(
        lambda given: {"transid": "t-1", "deliverystatus": "Delivered", "kind": "event", **given}
    )


def outcome(load: Any, given: dict[str, Any]) -> Any:
    try:
        return load(given)
    except ValidationError as error:
        return error.messages_dict


@pytest.mark.parametrize("schema", [RECEIPTS, NOTICES], ids=["receipts", "notices"])
@settings(suppress_health_check=[HealthCheck.too_slow])  # the first text builds Unicode's tables
@given(data=st.data())
def test_it_loads_what_the_schema_loads(schema: Any, data: st.DataObject) -> None:
    given = data.draw(said(schema))

    assert outcome(compiled(schema, schema.make), given) == outcome(schema.load, given)


def test_a_schema_that_validates_is_refused() -> None:
    class Strict(Schema):
        name = fields.String(validate=validate.Length(min=1))

    with pytest.raises(TypeError, match="Strict"):
        compiled(Strict(), dict)
