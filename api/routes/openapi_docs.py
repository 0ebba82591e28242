"""How routes describe their answers: one real example for each, and the problems they may give."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from fastapi import FastAPI
from pydantic import BaseModel

from api.problems import MEDIA_TYPE, PROBLEMS, Problem, make_problem

Responses = dict[int | str, dict[str, Any]]
PROBLEM: Final = "ProblemDetails"
"""How the schema is called; an extraction has a `Problem` of its own."""
PROBLEM_REF: Final = {"$ref": f"#/components/schemas/{PROBLEM}"}


def example(name: str) -> dict[str, Any]:
    """Return the part of a response's description that refers to the JSON example `name`."""
    return {"content": {"application/json": {"examples": {name: _reference(name)}}}}


def problems(*codes: str) -> Responses:
    """Return the descriptions of these problems and of those that any request may meet."""
    responses: Responses = {}
    for code in (*codes, "host_not_allowed", "internal_error"):
        kind = PROBLEMS[code]
        response = responses.setdefault(
            kind.status,
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
        return super().openapi()


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
