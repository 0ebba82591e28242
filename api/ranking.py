"""Builds the checklist of a case with the ranker that can run: sentence vectors, else words."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date

from extractor import build_checklist
from extractor.checklist.model import Checklist
from extractor.document import Document
from extractor.extraction import Extraction
from models import TaggerError, load_ranker


def build_case(
    sources: Sequence[tuple[Document, Extraction]], today: date, tell: Callable[[str], object]
) -> Checklist:
    """Build the checklist; what was reported of a measure is found by the better ranker.

    The network loads when the first case has something to compare. Where it cannot be used, `tell`
    gets a sentence that says so, and words alone do the work.
    """
    try:
        return build_checklist(sources, today=today, ranker=load_ranker())
    except TaggerError as error:
        tell(f"注意：句向量不能用，落实举措改按字词查找。{error.message}")
        return build_checklist(sources, today=today)
