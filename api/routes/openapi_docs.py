"""How routes describe their answers: one real example for each, and the problems they may give."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from fastapi import FastAPI
from pydantic import BaseModel

from api.access.rules import rule_of
from api.problems import MEDIA_TYPE, PROBLEMS, Problem, make_problem

Responses = dict[int | str, dict[str, Any]]
PROBLEM: Final = "ProblemDetails"
"""How the schema is called; an extraction has a `Problem` of its own."""
PROBLEM_REF: Final = {"$ref": f"#/components/schemas/{PROBLEM}"}


def example(name: str) -> dict[str, Any]:
    """Return the part of a response's description that refers to the JSON example `name`."""
    return {"content": {"application/json": {"examples": {name: _reference(name)}}}}


def file_answer(kind: str, what: str) -> dict[str, Any]:
    """Describe an answer that is a file of this media type; `what` is shown."""
    schema = {"type": "string", "contentMediaType": kind}
    return {"content": {kind: {"schema": schema, "example": what}}}


def upload_body(description: str, what: str, **others: dict[str, Any]) -> dict[str, Any]:
    """Describe a body that is a file, or a form with the field `file`; `what` is shown.

    `others` are further kinds of bodies by the last part of their media type (application/…).
    """
    kind = "application/octet-stream"
    octets = {"type": "string", "contentMediaType": kind, "minLength": 1}
    form = {"type": "object", "required": ["file"], "properties": {"file": octets}}
    content = {
        "multipart/form-data": {"schema": form, "example": {"file": what}},
        kind: {"schema": octets, "example": what},
        **{f"application/{name}": body for name, body in others.items()},
    }
    return {"requestBody": {"required": True, "description": description, "content": content}}


def place_headers(what: str, address: str) -> dict[str, Any]:
    """Describe the headers that say where something that was taken in stands, and its progress."""
    return {
        name: {"description": said, "schema": {"type": "string"}, "example": address}
        for name, said in (("Location", what), ("Operation-Location", "查询进度的地址"))
    }


def retry_header(seconds: int) -> dict[str, Any]:
    """Describe the header that says when to ask again."""
    return {
        "Retry-After": {
            "description": "多少秒以后再查询进度",
            "schema": {"type": "integer"},
            "example": seconds,
        }
    }


def problems(*codes: str) -> Responses:
    """Return the descriptions of these problems and of those that any request may meet."""
    return _add_problems({}, (*codes, "host_not_allowed", "internal_error"))


def _add_problems(responses: Responses, codes: Iterable[str], kind_of: type = int) -> Responses:
    for code in codes:
        kind = PROBLEMS[code]
        response = responses.setdefault(
            kind_of(kind.status),
            {
                "description": kind.title,
                "content": {MEDIA_TYPE: {"schema": PROBLEM_REF, "examples": {}}},
            },
        )
        if kind.title not in response["description"]:
            response["description"] += f"；{kind.title}"
        response["content"][MEDIA_TYPE]["examples"][code] = _reference(code)
    return responses


class DescribedApi(FastAPI):
    """An app whose description holds what its routes refer to: the examples and the problems.

    They are put in at the end, because FastAPI drops every null from what routes give it.
    """

    def __init__(self, *, examples: Mapping[str, BaseModel], **options: Any) -> None:
        """Make the app; `examples` are the models that `example(name)` refers to."""
        super().__init__(**options)
        self._examples = examples

    def openapi(self) -> dict[str, Any]:
        """Return the OpenAPI 3.1 description."""
        if self.openapi_schema is None:
            description = super().openapi()
            components = description.setdefault("components", {})
            components["examples"] = _problem_examples() | {
                name: {"value": value.model_dump(mode="json")}
                for name, value in self._examples.items()
            }
            _describe_problems(description, components["schemas"])
            for value in self._examples.values():
                # A body that a route reads by itself is not known to FastAPI.
                schema = type(value).model_json_schema(ref_template="#/components/schemas/{model}")
                components["schemas"].setdefault(type(value).__name__, schema)
            components["securitySchemes"] = {"key": _KEY}
            for path, item in description["paths"].items():
                for method, operation in item.items():
                    _describe_access(operation, rule_of(method.upper(), path).scope)
        return super().openapi()


_KEY: Final = {
    "type": "http",
    "scheme": "bearer",
    "description": "密钥，以 hk_ 开头；由管理员新建，权限有 read、upload、review、admin",
}
_REFUSALS: Final = ("unauthenticated", "forbidden", "rate_limited")


def _describe_access(operation: dict[str, Any], scope: str | None) -> None:
    """Say which scope an operation asks for, and how it refuses who has it not."""
    if scope is None:
        operation["security"] = []
        return
    operation["security"] = [{"key": [scope]}]
    _add_problems(operation["responses"], _REFUSALS, str)


def _reference(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/examples/{name}"}


def _problem_examples() -> dict[str, Any]:
    shown = {}
    for code, kind in PROBLEMS.items():
        error_id = "9f86d081884c7d65" if code == "internal_error" else None
        problem = make_problem(code, "/v1/documents", error_id=error_id)
        shown[code] = {
            "summary": kind.title,
            "value": problem.model_dump(mode="json", exclude_none=True),
        }
    return shown


def _describe_problems(description: dict[str, Any], schemas: dict[str, Any]) -> None:
    """Put the schema of our problems in the place of FastAPI's validation errors."""
    schema = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas.update(schema.pop("$defs"))
    schemas[PROBLEM] = schema
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    for path in description["paths"].values():
        for operation in path.values():
            invalid = operation["responses"].get("422", {}).get("content", {})
            if invalid and MEDIA_TYPE not in invalid:
                del operation["responses"]["422"]
