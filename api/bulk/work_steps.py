"""What the worker processes do: read a file to its result. (`api.spooling` opens archives.)

Everything is done here, so that the parent holds no document: a worker opens the file, writes what
it read, and hands back a few plain values.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cache
from importlib import import_module
from pathlib import Path
from time import perf_counter
from typing import Any, Final

from api.batch import write_file
from api.store.document_codec import dump_document
from extractor.checklist.case_facts import case_facts
from extractor.errors import HechaError
from extractor.extraction import Extraction
from extractor.formats import check_size, parse_one
from extractor.formats.containers import (
    find_container,
)
from extractor.formats.limits import Limits
from extractor.pipeline import extract
from models import NoTagger, Tagger, TaggerError, ready_tagger

READ: Final = "api.bulk.work_steps:read_to_files"
READ_MANY: Final = "api.bulk.work_steps:read_many"
CHECK_TAGGER: Final = "api.bulk.work_steps:check_tagger"


def check_tagger(name: str, *, limits: Limits) -> str:
    """Return why a tagger cannot be used, "" when it can."""
    try:
        _tagger(name)
    except TaggerError as error:
        return str(error.message)
    return ""


@cache
def _tagger(name: str) -> Tagger | None:
    return ready_tagger(name) if name != NoTagger.name else None


def read_to_files(
    source: str, name: str, target: str, texts: str, tagger: str, *, limits: Limits
) -> dict[str, Any]:
    """Read a file, write its result to `target` and its text into the folder `texts`.

    Returns what the manifest says of it: `status` done, failed or archive (nothing was read: it is
    to be unpacked). A letter is read and `has_entries` says that it holds files as well.

    Raises:
        ParseError: the file cannot be read.
    """
    began = perf_counter()
    data = _bytes_of(source, limits)
    if isinstance(data, dict):
        return data
    digest = hashlib.sha256(data).hexdigest()
    check_size(data, limits)
    container = find_container(data)
    if container is not None and not container.is_document:
        return {"status": "archive", "sha256": digest}
    document = parse_one(data, name, limits=limits)
    extraction = extract(document, _tagger(tagger))
    result = (extraction.model_dump_json(indent=2) + "\n").encode()
    kept = Path(texts) / digest[:2] / digest
    for path, content in ((kept, dump_document(document)), (Path(target), result)):
        problem = write_file(path, content)
        if problem is not None:
            return _failure("write_failed", f"结果没有写出：{path}：{problem}", digest)
    return {
        "status": "done",
        "sha256": digest,
        "seconds": round(perf_counter() - began, 3),
        "has_entries": container is not None,
        "output_size": len(result),
        "facts": case_facts(extraction).model_dump(exclude_defaults=True, mode="json"),
        **_counts(extraction),
    }


def read_many(
    function: str, orders: Sequence[tuple[str, ...]], *, limits: Limits
) -> list[dict[str, Any]]:
    """Read several files with `function`, each as if alone; what one raises is its own answer.

    Raises:
        MemoryError: not enough for one of them; alone it will say so.
    """
    module, _, name = function.partition(":")
    read = getattr(import_module(module), name)
    answers = []
    for order in orders:
        try:
            answers.append(read(*order, limits=limits))
        except HechaError as error:
            if isinstance(error.__cause__, MemoryError):
                raise
            answers.append(_failure(error.code, error.message))
    return answers


def _counts(extraction: Extraction) -> dict[str, Any]:
    record = extraction.document
    return {
        "kind": record.kind,
        "title": record.title,
        "pages": record.pages,
        "characters": record.characters,
        "partial": record.status == "partial",
        "warnings": sorted({warning.code for warning in record.warnings}),
        "parties": len(extraction.parties),
        "penalties": len(extraction.penalties),
        "measures": len(extraction.measures),
        "numbers": len(extraction.document_numbers),
        "problems": len(extraction.problems),
        "suggestions": len(extraction.suggestions),
    }


def _failure(code: str, message: str, digest: str | None = None) -> dict[str, Any]:
    return {"status": "failed", "code": code, "message": message, "sha256": digest}


def _bytes_of(source: str, limits: Limits) -> bytes | dict[str, Any]:
    try:
        with Path(source).open("rb") as file:
            # One byte more than the limit is enough for the reader to refuse it.
            return file.read(limits.max_bytes + 1)
    except FileNotFoundError:
        return _failure("file_not_found", "文件已经不在原处。请核对文件夹后再处理。")
    except PermissionError:
        return _failure("file_unreadable", "没有读取权限，或文件正被其他程序占用。")
    except OSError as error:
        return _failure("file_unreadable", f"无法读取：{error.strerror}。")
