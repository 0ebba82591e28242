"""DOCX as a package: strict, broken or strange ones are opened all the same."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from functools import cache

import pytest
from docx import Document as new_document

from extractor.document import Document
from extractor.errors import CorruptFileError
from extractor.formats import parse
from tests.hostile_documents import strange_version
from tests.sample_files import W, changed, paragraph, zip_file


def read(data: bytes) -> Document:
    return parse(data, "a.docx")


def lines(document: Document) -> list[str]:
    return document.text.split("\n")


def test_strict_open_xml_is_read_like_any_other() -> None:
    """The ISO strict form has its own namespaces; Word can save it."""
    strict = f'<w:document xmlns:w="http://purl.oclc.org/ooxml/wordprocessingml/main"><w:body>{paragraph("严格")}</w:body></w:document>'
    assert read(zip_file({"word/document.xml": strict})).text == "严格"


def test_broken_references_do_not_stop_the_text() -> None:
    """Converters leave relations to parts that are not there (python-docx issue 1105)."""
    relations = (
        '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
        '<Relationship Id="r1" Type="x/image" Target="../NULL"/>'
        '<Relationship Id="r2" Type="x/styles" Target="styles.xml"/></Relationships>'
    )
    body = f'<w:document xmlns:w="{W}"><w:body>{paragraph("正文")}</w:body></w:document>'
    files = {"word/document.xml": body, "word/_rels/document.xml.rels": relations}
    assert read(zip_file(files)).text == "正文"


@cache
def real_file() -> bytes:
    """What python-docx writes: all the parts that Word writes."""
    file = new_document()
    file.add_heading("一、基本情况", level=1)
    file.add_paragraph("2019年7月12日，某某公司发生事故。")
    file.add_paragraph("第一项", style="List Number")
    file.add_paragraph("第二项", style="List Number")
    table = file.add_table(rows=2, cols=2)
    table.cell(0, 0).merge(table.cell(0, 1)).text = "处理情况"
    table.cell(1, 0).text = "赵某某"
    table.cell(1, 1).text = "行政警告"
    file.sections[0].header.paragraphs[0].text = "某某市应急管理局"
    buffer = io.BytesIO()
    file.save(buffer)
    return buffer.getvalue()


def strict(name: str, content: bytes) -> bytes:
    """The namespaces and relations of ISO/IEC 29500-1, annex A."""
    if name == "[Content_Types].xml":
        return content
    old = rb"http://schemas\.openxmlformats\.org/(wordprocessingml|officeDocument|drawingml)/2006/"
    return re.sub(old, rb"http://purl.oclc.org/ooxml/\1/", content)


def with_dead_relations(name: str, content: bytes) -> bytes:
    if not name.endswith(".rels"):
        return content
    dead = b'<Relationship Id="dead" Type="x/image" Target="../NULL"/></Relationships>'
    return content.replace(b"</Relationships>", dead)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda name, content: content, id="as it was written"),
        pytest.param(strict, id="in the strict form"),
        pytest.param(with_dead_relations, id="relations to parts that are not there"),
        pytest.param(
            lambda name, content: content.replace(
                b"vnd.openxmlformats-officedocument.wordprocessingml.document.main",
                b"vnd.ms-word.document.macroEnabled.main",
            ),
            id="with macros",
        ),
        pytest.param(
            lambda name, content: None if name == "[Content_Types].xml" else content,
            id="without its list of types",
        ),
        pytest.param(
            lambda name, content: b"<torn" if name.startswith("docProps/") else content,
            id="torn properties, which hold no text",
        ),
    ],
)
def test_a_file_of_a_real_writer(change: Callable[[str, bytes], bytes | None]) -> None:
    """python-docx itself opens only the first of these."""
    document = read(changed(real_file(), change))
    assert lines(document) == [
        "一、基本情况", "2019年7月12日，某某公司发生事故。", "1.第一项", "2.第二项",
        "处理情况", "赵某某", "行政警告",
    ]  # fmt: skip
    assert (document.blocks[0].kind, document.blocks[0].level) == ("heading", 1)
    assert [(item.kind, item.text) for item in document.furniture] == [
        ("header", "某某市应急管理局")
    ]
    assert (document.warnings, document.status) == ((), "complete")


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda: strange_version("word/document"), id="the body"),
        pytest.param(lambda: strange_version("header1"), id="a header"),
        pytest.param(lambda: strange_version("footnotes"), id="notes, which are read last"),
    ],
)
def test_xml_that_only_one_of_two_parsers_takes_is_damage(make: Callable[[], bytes]) -> None:
    with pytest.raises(CorruptFileError, match="损坏"):
        parse(make(), "a.docx")
