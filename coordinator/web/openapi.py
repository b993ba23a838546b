"""The OpenAPI 3.1 document, made from the route table and the forms that it names."""

import functools
import json
import re
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

from coordinator.web.call import Call, Reply
from coordinator.web.json_schemas import Schemas
from coordinator.web.problems import Problem
from coordinator.web.routing import Route
from shared import VERSION

PATH = "/api/v1/openapi.json"
PROBLEM_TYPE = "application/problem+json"

HEADERS = {  # header -> what it says, and the schema of its value
    "Idempotency-Key": ("Makes a repeat of the call harmless for 24 h", {"type": "string", "maxLength": 128}),
    "Range": ("One range of bytes, as in bytes=0-1023", {"type": "string"}),
    "Last-Event-ID": ("The id of the last event that arrived", {"type": "string"}),
    "Upload-Offset": ("How many bytes have arrived", {"type": "integer", "minimum": 0}),
    "Upload-Length": ("How many bytes there will be", {"type": "integer", "minimum": 0}),
    "Location": ("Where to find what was made", {"type": "string"}),
    "ETag": ("The SHA-256 of the bytes, in quotes", {"type": "string"}),
    "Content-Range": ("Which bytes these are, where not all", {"type": "string"}),
    "X-Exec-Id": ("Names the Direct run, to stop it by", {"type": "string"}),
    "X-Log-Complete": ("Whether nothing will follow", {"enum": ["true", "false"]}),
}


def with_openapi(routes: Sequence[Route]) -> list[Route]:
    """Add to a route table the call that tells the OpenAPI document of it, this call included."""
    table = list(routes)

    @functools.cache
    def document() -> bytes:
        return json.dumps(openapi_document(table), ensure_ascii=False).encode()

    def answer(call: Call) -> Reply:
        return Reply(document())

    table.append(Route("GET", PATH, answer, "Tell this document"))
    return table


def openapi_document(routes: Sequence[Route]) -> dict[str, Any]:
    schemas = Schemas()
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        paths.setdefault(openapi_path(route), {})[route.method.lower()] = _operation(route, schemas)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Sparetime",
            "version": VERSION,
            "description": "Runs jobs on a company's idle PCs. Every call wants the coordinator's own Host;"
            " calls that change something want, from a browser, its own Origin.",
        },
        "paths": paths,
        "components": {
            "schemas": schemas.named,
            "securitySchemes": {
                "attemptToken": {
                    "type": "http",
                    "scheme": "Attempt",
                    "description": "The secret of the attempt, as its lease told it",
                }
            },
        },
    }


def openapi_path(route: Route) -> str:
    return route.path.replace("...}", "}")


def _operation(route: Route, schemas: Schemas) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": _operation_id(route),
        "summary": route.summary,
        "tags": [route.audience],
        "responses": _responses(route, schemas),
    }
    if parameters := _parameters(route, schemas):
        operation["parameters"] = parameters
    if body := _body(route, schemas):
        operation["requestBody"] = {"required": True, "content": body}
    if "Authorization" in route.headers:  # OpenAPI has a place of its own for this one
        operation["security"] = [{"attemptToken": []}]
    return operation


def _operation_id(route: Route) -> str:
    return "_".join([route.method.lower(), *re.findall(r"\w+", route.path)])


def _parameters(route: Route, schemas: Schemas) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in re.findall(r"{(\w+)", route.path)
    ]
    if route.query is not None:
        found += [
            {"name": name, "in": "query", "required": required, "schema": schema}
            for name, schema, required in schemas.fields_of(route.query)
        ]
    for name in route.headers:
        if name != "Authorization":
            required = name == "Upload-Offset"
            found.append({"name": name, "in": "header", "required": required, **_header(name)})
    return found


def _header(name: str) -> dict[str, Any]:
    says, schema = HEADERS[name]
    return {"description": says, "schema": schema}


def _body(route: Route, schemas: Schemas) -> dict[str, Any]:
    if route.body is not None:
        return {
            "application/json": {"schema": schemas.of_request(route.body, tolerant=route.audience == "older")}
        }
    return {"application/octet-stream": {}} if route.raw_body else {}


def _responses(route: Route, schemas: Schemas) -> dict[str, Any]:
    success: dict[str, Any] = {}
    if route.answer is not None:
        success["content"] = {"application/json": {"schema": schemas.of_answer(route.answer)}}
    elif route.status != 204 and route.method != "HEAD":
        success["content"] = {route.answer_type: {}}
    if route.answer_headers:
        success["headers"] = {name: _header(name) for name in route.answer_headers}
    responses = {str(status): {"description": _phrase(status), **success} for status in _successes(route)}
    for status in route.errors:
        responses[str(status)] = {"description": _phrase(status), **_problem(route, schemas)}
    return responses


def _successes(route: Route) -> tuple[int, ...]:
    return (route.status, *route.also)


def _problem(route: Route, schemas: Schemas) -> dict[str, Any]:
    if route.method == "HEAD":
        return {}
    if route.audience == "older":
        return {"content": {"application/json": {}}}
    return {"content": {PROBLEM_TYPE: {"schema": schemas.of_answer(Problem)}}}


def _phrase(status: int) -> str:
    return HTTPStatus(status).phrase
