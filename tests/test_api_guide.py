"""The OpenAPI description and docs/api.md: complete, and true."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from fastapi import FastAPI
from pydantic import BaseModel

from api.access.rules import METRICS_PATH, rule_of
from api.app import create_app
from api.exports.case_checklist import CaseChecklist
from api.problems import MEDIA_TYPE, PROBLEMS, Problem
from api.routes import examples
from api.routes.audit_routes import AuditPage
from api.routes.batch_routes import BatchPage, FolderRequest, ItemPage
from api.routes.casework import CaseChange, CaseMerge, CasePage, NewCase, RegroupedCase
from api.routes.checklists import ChecklistRequest
from api.routes.event_routes import EventPage
from api.routes.health import Health
from api.routes.key_routes import KeyList, KeyRequest
from api.routes.legal_hold import HoldRequest
from api.routes.openapi_docs import PROBLEM
from api.routes.search import SearchPage
from api.routes.uploads import DocumentPage
from api.routes.webhook_routes import (
    DeliveryPage,
    SecretRotation,
    WebhookChange,
    WebhookList,
    WebhookRequest,
)
from api.scopes import USUAL_ROLES
from api.settings import Settings
from api.store.api_keys import KeyEntry, MadeKey
from api.store.batches import BatchEntry
from api.store.cases import CaseDetails
from api.store.documents import DocumentEntry
from api.store.outbox import Delivery
from api.store.placements import DocumentPlacement
from api.store.webhooks import NewWebhook, Webhook
from extractor.checklist.model import Checklist
from extractor.extraction import Extraction
from extractor.formats import DEFAULT_LIMITS
from extractor.rules import penalty_labels
from tests.conftest import ROOT


@pytest.fixture(scope="module")
def app() -> FastAPI:
    return create_app(Settings())


MODELS: dict[str, type[BaseModel]] = {
    model.__name__: model
    for model in (
        AuditPage, BatchEntry, BatchPage, CaseChange, CaseChecklist, CaseDetails, CaseMerge,
        CasePage, Checklist, ChecklistRequest, Delivery, DeliveryPage, DocumentEntry, DocumentPage,
        DocumentPlacement, EventPage, Extraction, FolderRequest, Health, HoldRequest, ItemPage,
        KeyEntry, KeyList, KeyRequest, MadeKey, NewCase, NewWebhook, RegroupedCase, SearchPage,
        SecretRotation,
        Webhook, WebhookChange, WebhookList, WebhookRequest,
    )
} | {PROBLEM: Problem}  # fmt: skip
METHODS = ("get", "post", "put", "patch", "delete")


def _operations(app: FastAPI) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, item in app.openapi()["paths"].items():
        for method in METHODS:
            if method in item:
                yield method, path, item[method]


def _bodies(operation: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Every body in an operation: what it is, its media type, its description."""
    for kind, content in operation.get("requestBody", {}).get("content", {}).items():
        yield "request", kind, content
    for status, response in operation["responses"].items():
        for kind, content in response.get("content", {}).items():
            yield status, kind, content


def _examples(content: dict[str, Any], components: dict[str, Any]) -> Sequence[Any]:
    if "examples" in content:
        names = [item["$ref"].rpartition("/")[2] for item in content["examples"].values()]
        return [components["examples"][name]["value"] for name in names]
    if "example" in content:
        return [content["example"]]
    name = content["schema"].get("$ref", "").rpartition("/")[2]
    return list(components["schemas"].get(name, {}).get("examples", []))


def test_every_operation_and_response_has_a_valid_example(app: FastAPI) -> None:
    components = app.openapi()["components"]
    checked = 0
    for method, path, operation in _operations(app):
        for what, kind, content in _bodies(operation):
            found = _examples(content, components)
            assert found, f"{method} {path} {what} {kind}"
            if not kind.endswith("json"):
                continue
            model = MODELS[content["schema"]["$ref"].rpartition("/")[2]]
            for value in found:
                model.model_validate_json(json.dumps(value))
                checked += 1
            if kind == MEDIA_TYPE:
                assert {str(value["status"]) for value in found} == {what}
    assert checked > 30


def test_every_operation_is_described_in_chinese(app: FastAPI) -> None:
    assert app.openapi()["openapi"].startswith("3.1")
    for _, path, operation in _operations(app):
        texts = [operation["summary"], operation["description"], *operation["tags"]]
        texts += [response["description"] for response in operation["responses"].values()]
        texts += [parameter["description"] for parameter in operation.get("parameters", [])]
        assert [text for text in texts if not re.search(r"[\u4e00-\u9fff]", text)] == [], path


def test_every_reference_in_the_description_leads_somewhere(app: FastAPI) -> None:
    description = app.openapi()
    for kind, held in description["components"].items():
        references = set(re.findall(rf'"#/components/{kind}/(\w+)"', json.dumps(description)))
        assert references - set(held) == set()
    assert "HTTPValidationError" not in description["components"]["schemas"]


def test_problems_of_requests_and_of_reports_are_two_schemas(app: FastAPI) -> None:
    schemas = app.openapi()["components"]["schemas"]
    assert "instance" in schemas[PROBLEM]["properties"]
    assert "units" in schemas["Problem"]["properties"]


def test_every_operation_says_which_scope_it_asks_for(app: FastAPI) -> None:
    schemes = app.openapi()["components"]["securitySchemes"]
    assert schemes["key"]["scheme"] == "bearer"
    for method, path, operation in _operations(app):
        scope = rule_of(method.upper(), path).scope
        assert operation["security"] == ([] if scope is None else [{"key": [scope]}])
        refusals = {"401", "403", "429"} & set(operation["responses"])
        own = {"403"} if path == METRICS_PATH else set()
        assert refusals == (own if scope is None else {"401", "403", "429"}), path


def test_the_example_report_says_what_its_extraction_says() -> None:
    extraction = examples.EXTRACTION
    text = examples.TEXT
    assert extraction.penalties[0].kind in penalty_labels()
    assert text[slice(*extraction.penalties[0].sources["amount_yuan"])] == "35万元"
    for mention in extraction.parties[0].mentions:
        assert text[mention.start : mention.end] == extraction.parties[0].name
    for section in extraction.sections:
        assert text[section.start :].startswith(f"{section.marker}{section.title}")
    for row in (*examples.CHECKLIST.accountability, *examples.CHECKLIST.measures):
        for quote in row.sources:
            assert text[quote.start : quote.end] == quote.quote


GUIDE = ROOT / "docs" / "api.md"


def test_the_guide_names_every_route(app: FastAPI) -> None:
    guide = GUIDE.read_text(encoding="utf-8")
    routes = [f"`{method.upper()} {path}`" for method, path, _ in _operations(app)]
    assert [route for route in routes if route not in guide] == []
    named = set(re.findall(r"^\| `((?:GET|POST|PUT|PATCH|DELETE) /[^`]*)`", guide, re.M))
    page = {
        "GET /", "POST /", "GET /checklist.xlsx", "GET /checklist.json", "GET /openapi.json",
        "GET /login", "POST /login", "POST /logout", "GET /login/oidc", "GET /login/callback",
        "GET /logout/callback",
        "POST /cases/{case_id}/move", "POST /cases/{case_id}/regroup",
        "POST /documents/{document_id}/regroup",
    }  # fmt: skip
    assert named == {route.strip("`") for route in routes} | page


def test_the_guide_names_every_setting_with_its_default() -> None:
    guide = GUIDE.read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| `(HECHA_\w+)` \| (?:`([^`]*)`|—) \|", guide, re.M))
    expected = {}
    for name, field in Settings.model_fields.items():
        default = field.default
        shown = ",".join(default) if isinstance(default, tuple) else str(default)
        if (
            default in (DEFAULT_LIMITS, USUAL_ROLES)
            or default is None
            or field.default_factory is not None
        ):
            shown = ""
        expected[f"HECHA_{name.upper()}"] = shown
    assert rows == expected


def test_the_guide_names_every_problem_with_its_status() -> None:
    guide = GUIDE.read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)` \| (\d{3}) \| ([^|]+) \|", guide, re.M)
    assert {code: (int(status), title.strip()) for code, status, title in rows} == {
        code: (kind.status, kind.title) for code, kind in PROBLEMS.items()
    }
