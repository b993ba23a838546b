"""The OpenAPI document: it is one, it has every route, and the answers are as it says."""

import dataclasses
from typing import Annotated, Any

import pytest
from jsonschema import Draft202012Validator
from openapi_spec_validator import validate

from coordinator.web.application import all_routes
from coordinator.web.json_schemas import Schemas
from coordinator.web.openapi import openapi_path
from coordinator.web.routing import Route
from shared.codec import decode
from shared.field_rules import Malformed, Number, Text
from tests.builders import SHA, a_failure, log_part, out
from tests.fakes.web_office import WebOffice
from tests.fakes.wsgi_client import Answer
from tests.web.user_api.job_forms import BAD_JOBS, FULL


@pytest.fixture
def document(web: WebOffice) -> dict[str, Any]:
    answer = web.client.get("/api/v1/openapi.json")
    assert (answer.status, answer.header("Content-Type")) == (200, "application/json")
    found: dict[str, Any] = answer.json()
    return found


def test_the_document_is_openapi(document: dict[str, Any]) -> None:
    assert document["openapi"].startswith("3.1")
    validate(document)


def test_every_route_is_in_the_document_and_nothing_else(document: dict[str, Any]) -> None:
    said = {(method.upper(), path) for path, calls in document["paths"].items() for method in calls}
    assert said == {(route.method, openapi_path(route)) for route in all_routes()}


def test_every_operation_has_a_name_of_its_own(document: dict[str, Any]) -> None:
    names = [call["operationId"] for calls in document["paths"].values() for call in calls.values()]
    assert len(set(names)) == len(names) == len(all_routes())


@pytest.mark.parametrize("route", [pytest.param(r, id=f"{r.method} {r.path}") for r in all_routes()])
def test_a_route_that_changes_something_says_that_it_may_be_refused(route: Route) -> None:
    if route.method not in ("GET", "HEAD") and route.audience == "people":
        assert 403 in route.errors
    assert not route.body or {400, 422} <= set(route.errors) or route.audience != "people"
    assert route.path.count("{") == 0 or {404, 403, 409} & set(route.errors)


def _check(document: dict[str, Any], answer: Answer, method: str, path: str) -> None:
    """Hold an answer against what the document says of it."""
    said = document["paths"][path][method]["responses"][str(answer.status)]
    content = answer.header("Content-Type").split(";")[0]
    schema = said["content"][content]["schema"]
    Draft202012Validator({**schema, "components": document["components"]}).validate(answer.json())


def test_answers_are_as_the_document_says(web: WebOffice, document: dict[str, Any]) -> None:
    agent = web.office.agent()
    job = web.submit("print it", retries=1)
    lease = agent.take_one()
    agent.exchange(logs=[log_part(lease, out(b"one\n"))], results=[a_failure(lease, 2, log_end=17)])
    client, base = web.client, "/api/v1"
    _check(document, client.post(f"{base}/jobs", FULL), "post", f"{base}/jobs")
    _check(document, client.post(f"{base}/jobs/batch", {"jobs": [FULL]}), "post", f"{base}/jobs/batch")
    _check(document, client.get(f"{base}/jobs"), "get", f"{base}/jobs")
    _check(document, client.get(f"{base}/jobs/{job}"), "get", f"{base}/jobs/{{job}}")
    _check(document, client.get(f"{base}/jobs/none"), "get", f"{base}/jobs/{{job}}")
    _check(document, client.get(f"{base}/jobs/{job}/output"), "get", f"{base}/jobs/{{job}}/output")
    _check(document, client.get(f"{base}/jobs/{job}/files"), "get", f"{base}/jobs/{{job}}/files")
    _check(document, client.post(f"{base}/jobs/{job}/cancel"), "post", f"{base}/jobs/{{job}}/cancel")
    _check(document, client.get(f"{base}/workers"), "get", f"{base}/workers")
    _check(document, client.post(f"{base}/uploads", {"sha256": SHA, "size": 9}), "post", f"{base}/uploads")


def test_what_the_document_refuses_the_coordinator_refuses_too(document: dict[str, Any]) -> None:
    schema = {"$ref": "#/components/schemas/JobForm", "components": document["components"]}
    form = Draft202012Validator(schema)
    assert form.is_valid(FULL)
    assert form.is_valid({"commands": ["a"]})
    refused = [bad for bad, _ in BAD_JOBS if not form.is_valid(bad)]
    assert len(refused) > len(BAD_JOBS) / 2
    for bad, field in BAD_JOBS:
        if (
            field in ("colour", "shell", "retries", "priority", "collect", "mode")
            and bad.get("mode") != "direct"
        ):
            assert bad in refused


@dataclasses.dataclass(frozen=True, slots=True)
class Sample:
    size: Annotated[int, Number(1, 10)]
    name: Annotated[str, Text(5, 1, pattern="[a-z]+")] = "abc"
    note: Annotated[str, Text(3)] | None = None


@pytest.mark.parametrize(
    ("value", "fits"),
    [
        ({"size": 1}, True),
        ({"size": 10, "name": "z", "note": None}, True),
        ({"size": 11}, False),
        ({"size": 0}, False),
        ({"size": "1"}, False),
        ({}, False),
        ({"size": 1, "name": ""}, False),
        ({"size": 1, "name": "abcdef"}, False),
        ({"size": 1, "name": "a1"}, False),
        ({"size": 1, "name": None}, False),
        ({"size": 1, "note": "four"}, False),
        ({"size": 1, "more": 1}, False),
    ],
)
def test_schema_and_codec_agree(value: dict[str, Any], fits: bool) -> None:
    schemas = Schemas()
    reference = schemas.of_request(Sample)
    schema = {**reference, "components": {"schemas": schemas.named}}
    assert Draft202012Validator(schema).is_valid(value) is fits
    try:
        decode(Sample, value)
        decoded = True
    except Malformed:
        decoded = False
    assert decoded is fits


def test_only_the_older_interface_passes_over_unknown_fields(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    for route in all_routes():
        if route.body is not None:
            strict = schemas[route.body.__name__].get("additionalProperties") is False
            assert strict == (route.audience != "older"), route.path
