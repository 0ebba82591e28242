"""The reader: bytes in, extraction and checklist out. No database, network, clock or environment.

>>> from extractor import parse, extract, build_checklist          # doctest: +SKIP
>>> document = parse(data, "报告.pdf")                              # doctest: +SKIP
>>> extraction = extract(document)                                 # doctest: +SKIP
>>> checklist = build_checklist([(document, extraction)])          # doctest: +SKIP
"""

from extractor.checklist import Checklist, build_checklist
from extractor.document import Block, Document, DocumentBuilder, Span
from extractor.errors import HechaError, ParseError
from extractor.explaining import Explanation, explain
from extractor.extraction import Extraction
from extractor.formats import FileResult, parse, parse_all
from extractor.formats.page_images import page_image
from extractor.grounding import verify
from extractor.pipeline import extract

__all__ = [
    "Block",
    "Checklist",
    "Document",
    "DocumentBuilder",
    "Explanation",
    "Extraction",
    "FileResult",
    "HechaError",
    "ParseError",
    "Span",
    "build_checklist",
    "explain",
    "extract",
    "page_image",
    "parse",
    "parse_all",
    "verify",
]
