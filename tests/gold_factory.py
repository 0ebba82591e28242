"""Truth and results for one short text, so that a test says only what it is about."""

from __future__ import annotations

from typing import Any

from corpus.gold import Gold
from extractor.extraction import Extraction

TEXT = (
    "对甲某某处罚款3万元，对东溪县兴达公司处罚款50万元。"
    "一是兴达公司要开展排查。二是东溪县住建局要加强检查。问题：培训不足。建议：补课。"
)


def wanted_penalty(**changes: Any) -> dict[str, Any]:
    """One sanction of the truth: a fine of 30,000 on a person."""
    return {
        "party": "甲某某",
        "party_kind": "person",
        "kind": "admin.fine",
        "stage": "proposed",
        "amount_yuan": 30000,
        "quote": "处罚款3万元",
    } | changes


def gold_of(**changes: Any) -> Gold:
    """The truth of TEXT, empty unless the changes say otherwise."""
    return Gold.model_validate(
        {
            "id": "made",
            "kind": "INV",
            "accident": None,
            "document_numbers": [],
            "organizations": [["东溪县兴达公司", "兴达公司"]],
            "penalties": [],
            "measures": [],
            "problems": [],
            "suggestions": [],
        }
        | changes
    )


def given_penalty(**changes: Any) -> dict[str, Any]:
    """One sanction as the reader gives it."""
    return {
        "id": "k1",
        "party": "p1",
        "kind": "admin.fine",
        "stage": "proposed",
        "amount_yuan": 30000,
        "start": 0,
        "end": 11,
        "confidence": 0.9,
        "rule": "made",
    } | changes


def given_party(name: str = "甲某某", kind: str = "person", **more: Any) -> dict[str, Any]:
    """One party as the reader gives it."""
    return {"id": "p1", "kind": kind, "name": name} | more


def given_measure(start: int, end: int, *actors: str) -> dict[str, Any]:
    """One measure as the reader gives it."""
    return {
        "id": "m1",
        "actors": actors,
        "modality": "required",
        "specificity": "generic",
        "start": start,
        "end": end,
        "confidence": 0.9,
        "rule": "made",
    }


def result_of(**changes: Any) -> Extraction:
    """A result for TEXT, empty unless the changes say otherwise."""
    document = {
        "id": "made",
        "filename": "made.txt",
        "media_type": "text/plain",
        "kind": "INV",
        "title": None,
        "number": None,
        "issuer": None,
        "date": None,
        "pages": None,
        "characters": len(TEXT),
        "status": "complete",
    }
    return Extraction.model_validate({"document": document, "accident": None} | changes)
