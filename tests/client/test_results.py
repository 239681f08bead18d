"""What the client reads is what the API answers: its structs and the API's shapes are the same."""

import types
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Union, get_args, get_origin

import msgspec
import pytest
from marshmallow import Schema, fields
from msgspec import Struct

from receiver.client import filters, results
from receiver.web import arrival_queries, arrival_shapes, feed_shapes, queries, send_schemas, shapes

#: Each struct, and the shape that it must be equal to.
PAIRS: Mapping[type[Struct], str] = {
    results.Answer: "AnswerShape",
    results.Compared: "CountsShape",
    results.Counts: "StatsRow",
    results.Deletion: "Deletion",
    results.Delivery: "DeliveryShape",
    results.DeliveryItem: "DeliveryItem",
    results.Entry: "EntryShape",
    results.Found: "SendsFound",
    results.Message: "MessageShape",
    results.More: "More",
    results.Point: "PointShape",
    results.Question: "QuestionShape",
    results.Receipt: "ReceiptShape",
    results.Recorded: "SendResult",
    results.RecordedMany: "SendResults",
    results.Reply: "ReplyShape",
    results.Send: "SendShape",
    results.SendItem: "SendItem",
    results.Stats: "Stats",
    results.Summary: "Summary",
    results.TimeToDelivery: "TimeToDelivery",
    results.Utterance: "Utterance",
}
#: Made by the client, or told in another way than as a shape of its own.
OTHERS = {results.Arrival, results.Change, results.Page}

PLAIN: Mapping[type[fields.Field[Any]], Any] = {
    fields.AwareDateTime: datetime,
    fields.Boolean: bool,
    fields.Float: float,
    fields.Integer: int,
    fields.Raw: Any,
    fields.String: str,
}


def shape(name: str) -> Schema:
    rooms = (shapes, arrival_shapes, feed_shapes)
    found: type[Schema] = next(getattr(room, name) for room in rooms if hasattr(room, name))
    return found()


def said(field: fields.Field[Any]) -> Any:
    """What a shape says of a field, as a type and whether it can be null."""
    if isinstance(field, fields.List):
        inner: Any = (list, said(field.inner))
    elif isinstance(field, fields.Nested):
        inner = type(field.schema).__name__
    elif isinstance(field, fields.Dict):
        inner = dict
    else:
        inner = PLAIN[type(field)]
    return inner, field.allow_none


def read(hint: Any) -> Any:
    """What the client says of a field, in the same words."""
    nullable = get_origin(hint) in (Union, types.UnionType)
    if nullable:
        (hint,) = (part for part in get_args(hint) if part is not type(None))
    if get_origin(hint) is Sequence:
        inner: Any = (list, read(get_args(hint)[0]))
    elif get_origin(hint) is Mapping:
        inner = dict
    else:
        inner = PAIRS.get(hint, hint)
    return inner, nullable


def told(type_: tuple[Any, bool], *, is_required: bool) -> Any:
    """What is told of a field; one that can be absent may be null in Python for that."""
    return type_ if is_required else ("optional", type_[0])


def test_every_struct_is_held_against_a_shape() -> None:
    structs = {
        each
        for each in vars(results).values()
        if isinstance(each, type) and issubclass(each, Struct) and each is not Struct
    }

    assert structs == PAIRS.keys() | OTHERS


@pytest.mark.parametrize("struct", PAIRS, ids=lambda struct: struct.__name__)
def test_a_struct_is_the_shape_that_is_answered(struct: type[Struct]) -> None:
    answered = {
        field.data_key or name: told(said(field), is_required=field.required)
        for name, field in shape(PAIRS[struct]).fields.items()
    }
    known = {
        each.encode_name: told(read(each.type), is_required=each.required)
        for each in msgspec.structs.fields(struct)
    }

    assert known == answered


@pytest.mark.parametrize(
    ("asked", "query"),
    [
        pytest.param(filters.SendFilters, queries.SendsQuery, id="sends"),
        pytest.param(filters.DeliveryFilters, queries.DeliveriesQuery, id="deliveries"),
        pytest.param(filters.MessageFilters, arrival_queries.MessagesQuery, id="messages"),
        pytest.param(filters.EventFilters, arrival_queries.EventsQuery, id="events"),
        pytest.param(filters.ReceiptFilters, arrival_queries.ReceiptsQuery, id="receipts"),
    ],
)
def test_every_parameter_can_be_given(asked: Any, query: type[Schema]) -> None:
    names = {field.data_key or name for name, field in query().fields.items()} - {"cursor"}
    renamed = filters.renamed(dict.fromkeys(asked.__annotations__, 1))
    ours = renamed if "from" in names else asked.__annotations__

    assert names <= set(ours)


def test_every_field_of_a_send_can_be_told() -> None:
    assert filters.SendFields.__annotations__.keys() == send_schemas.SendSchema().fields.keys()
    assert filters.Recipient.__annotations__.keys() == (
        send_schemas.DestinationSchema().fields.keys()
    )
