"""The OpenAPI document: valid, whole, and shown by examples that are true."""

from collections.abc import Iterator
from typing import Any

import pytest
from openapi_schema_validator import OAS31Validator
from openapi_spec_validator import OpenAPIV31SpecValidator

from receiver.store.points import Point
from receiver.web.examples import missing
from receiver.web.openapi import DOCUMENT, OPERATIONS
from receiver.web.operations import Operation, Shapes
from receiver.web.shapes import Problem
from tests.web.service import Caller, Service

METHODS = [method for methods in DOCUMENT["paths"].values() for method in methods.values()]
EACH = pytest.mark.parametrize("method", METHODS, ids=lambda method: method["operationId"])


def contents(method: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """What goes in and out as JSON by an operation, with its schema."""
    for place in (method.get("requestBody", {}), *method["responses"].values()):
        for kind, content in place.get("content", {}).items():
            if kind.endswith("json"):
                yield content


def classes(shape: Shapes) -> Iterator[Any]:
    if isinstance(shape, type):
        yield shape
    elif shape:
        for inner in (*shape.get("anyOf", ()), *filter(None, [shape.get("items")])):
            yield from classes(inner)


def test_the_document_is_valid() -> None:
    assert list(OpenAPIV31SpecValidator(DOCUMENT).iter_errors()) == []
    assert DOCUMENT["openapi"] == "3.1.0"
    assert DOCUMENT["servers"]


def test_names_of_operations_make_good_functions_and_are_unique() -> None:
    names = [method["operationId"] for method in METHODS]

    assert {"listSends", "recordSends", "getSend", "completeSend", "listMessages"} <= set(names)
    assert sorted(set(names)) == sorted(names)
    assert all(name.isidentifier() and name[0].islower() for name in names)


@EACH
def test_every_operation_is_told_apart_and_guarded(method: dict[str, Any]) -> None:
    assert method["summary"].endswith(".")
    assert set(method["tags"]) <= {tag["name"] for tag in DOCUMENT["tags"]}
    assert method["security"] in (
        [],
        [{"key": ["read"]}],
        [{"key": ["send"]}],
        [{"key": ["admin"]}],
        [{"platformKey": []}, {"key": ["send"]}],
    )
    is_ours = bool(method["security"]) and method["tags"] != ["Gateway"]
    assert ("401" in method["responses"]) == is_ours  # the platform says so with 200


@EACH
def test_every_parameter_says_what_it_means(method: dict[str, Any]) -> None:
    assert [each["name"] for each in method["parameters"] if not each.get("description")] == []


@EACH
def test_every_shape_is_shown_by_true_examples(method: dict[str, Any]) -> None:
    for content in contents(method):
        schema = content["schema"]
        examples = content.get("examples", {})
        assert examples or schema == {}
        validator = OAS31Validator({**schema, "components": DOCUMENT["components"]})
        for example in examples.values():
            assert [error.message for error in validator.iter_errors(example["value"])] == []


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda each: each.id)
def test_no_field_is_without_an_example(operation: Operation) -> None:
    body = None if operation.bodies else operation.body
    shapes = [body, *operation.answers.values()]
    shown = {cls for each in shapes for cls in classes(each)} - {Problem}  # shown by its status

    assert [name for cls in shown for name in missing(cls)] == []


def test_what_is_shown_of_requests_is_taken(service: Service, point: Point, caller: Caller) -> None:
    paths = DOCUMENT["paths"]
    hooked = paths["/hooks/{token}"]["post"]["requestBody"]["content"]["application/json"]
    recorded = paths["/api/v1/sends"]["post"]["requestBody"]["content"]["application/json"]

    for example in hooked["examples"].values():
        assert service.hook(point, example["value"]).json["result"] == "accepted"
    for example in recorded["examples"].values():
        answer = caller.post("/sends", json=example["value"])
        assert answer.status_code in (200, 201), answer.json
        assert not any(each["errors"] for each in answer.json.get("results", [answer.json]))
