"""A parsed document as bytes and back: `load_document(dump_document(document)) == document`.

The form is JSON, compressed. It holds every field, so that a checklist can be built later
without the file. It is private to the store: what goes out of the service is the extraction.
"""

from __future__ import annotations

import json
import struct
import zlib
from array import array
from base64 import b64decode, b64encode

from extractor.document import Block, Document, Furniture, LineLayout, Notice, Page, Span


def dump_document(document: Document) -> bytes:
    """Return the document as compressed JSON."""
    record = {
        "id": document.id,
        "filename": document.filename,
        "media_type": document.media_type,
        "text": document.text,
        "status": document.status,
        "blocks": [
            (b.span.start, b.span.end, b.kind, b.page, b.level, b.row, b.column, b.table)
            for b in document.blocks
        ],
        "pages": [(page.number, page.width, page.height) for page in document.pages],
        "furniture": [(f.text, f.kind, f.page, f.box) for f in document.furniture],
        "warnings": [(w.code, w.message, w.page) for w in document.warnings],
        "lines": [
            (
                *(line.start, line.page, line.top, line.bottom),
                *(_pack(line.left), _pack(line.right), line.confidence),
            )
            for line in document.lines
        ],
        "page_starts": document._page_starts,
    }
    return zlib.compress(json.dumps(record, ensure_ascii=False).encode())


def load_document(data: bytes) -> Document:
    """Return the document that `dump_document` wrote."""
    record = json.loads(zlib.decompress(data))
    return Document(
        id=record["id"],
        filename=record["filename"],
        media_type=record["media_type"],
        text=record["text"],
        blocks=tuple(Block(Span(start, end), *rest) for start, end, *rest in record["blocks"]),
        pages=tuple(Page(*page) for page in record["pages"]),
        furniture=tuple(
            Furniture(text, kind, page, tuple(box) if box is not None else None)
            for text, kind, page, box in record["furniture"]
        ),
        warnings=tuple(Notice(*notice) for notice in record["warnings"]),
        lines=tuple(
            LineLayout(start, page, top, bottom, _unpack(left), _unpack(right), *confidence)
            for start, page, top, bottom, left, right, *confidence in record["lines"]
        ),
        status=record["status"],
        _page_starts=tuple((offset, page) for offset, page in record["page_starts"]),
    )


def _pack(edges: array[float]) -> str:
    return b64encode(struct.pack(f"<{len(edges)}f", *edges)).decode("ascii")


def _unpack(packed: str) -> array[float]:
    data = b64decode(packed)
    return array("f", struct.unpack(f"<{len(data) // 4}f", data))
