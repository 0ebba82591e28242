"""What runs in the worker processes: reading a document, drawing a page. Only plain values go back.

A worker is kept for the next document with the code, the tables and the tagger that it has loaded.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from importlib import import_module
from time import perf_counter
from typing import Any

from api.jobs.stepping_back import step_back
from api.store.document_codec import dump_document
from extractor.errors import HechaError
from extractor.formats import parse
from extractor.formats.limits import Limits
from extractor.formats.page_images import page_image
from extractor.pipeline import extract
from models import NoTagger, Tagger, TaggerError, ready_tagger


class TaggerUnusableError(HechaError):
    """The tagger of the settings cannot be used in this worker."""

    code = "tagger_unusable"


def read_file(
    data: bytes,
    filename: str,
    digest: str,
    tagger: str,
    derived: Mapping[str, str],
    *,
    limits: Limits,
) -> tuple[str, str | None, str, bytes, dict[str, Any], dict[str, float]]:
    """Read a file: record, accident and extraction as JSON, the document, what is derived, seconds.

    `digest` becomes the id of the document, also where an archive holds the one that is read;
    `derived` names functions "module:function" of a document and an extraction.

    Raises:
        ParseError: the bytes cannot be read.
        TaggerUnusableError: the tagger cannot be used.
    """
    step_back()
    began = perf_counter()
    document = parse(data, filename, limits=limits)
    if document.id != digest:
        document = replace(document, id=digest)
    parsed = perf_counter()
    extraction = extract(document, _tagger(tagger))
    extracted = perf_counter()
    more = {name: _find(place)(document, extraction) for name, place in derived.items()}
    blob = dump_document(document)
    seconds = {
        "parse": parsed - began,
        "extract": extracted - parsed,
        "derive": perf_counter() - extracted,
    }
    accident = extraction.accident
    return (
        extraction.document.model_dump_json(),
        accident.model_dump_json() if accident is not None else None,
        extraction.model_dump_json(),
        blob,
        more,
        {stage: round(value, 4) for stage, value in seconds.items()},
    )


def draw(data: bytes, page: int, dpi: float, *, limits: Limits) -> bytes:
    """Return a page as a PNG; see `extractor.page_image` for the errors."""
    step_back()
    return page_image(data, page, dpi=dpi, most_pixels=limits.max_ocr_pixels)


def tagger_name(name: str, *, limits: Limits) -> str:
    """Return the name and version of a tagger after it has been loaded.

    Raises:
        TaggerUnusableError: it cannot be used.
    """
    tagger = _tagger(name)
    return tagger.name if tagger is not None else NoTagger.name


@cache
def _tagger(name: str) -> Tagger | None:
    if name == NoTagger.name:
        return None
    try:
        return ready_tagger(name)
    except TaggerError as error:
        raise TaggerUnusableError(error.message) from error


@cache
def _find(place: str) -> Any:
    module, _, name = place.partition(":")
    return getattr(import_module(module), name)
