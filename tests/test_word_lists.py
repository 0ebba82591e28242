"""Numbers that Word writes by itself: constructed cases, also held against an office program."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from extractor.formats import parse
from tests.sample_files import convert_all, docx, list_level, numbered, paragraph

GLUED = '<w:suff w:val="nothing"/>'
SPACE = '<w:suff w:val="space"/>'
NO_RESTART = '<w:lvlRestart w:val="0"/>'


@dataclass(frozen=True)
class Case:
    """One document: its lists, its styles, its body, and what is printed.

    `alone` says why an office program is not asked: it prints otherwise than Word does.
    """

    name: str
    numbering: str
    body: str
    wanted: Sequence[str]
    styles: str = ""
    alone: str = ""

    def file(self) -> bytes:
        parts = {"numbering": self.numbering}
        return docx(self.body, **parts, **({"styles": self.styles} if self.styles else {}))


def abstract(*levels: str, at: int = 0, extra: str = "") -> str:
    """A list definition; `extra` stands before its levels."""
    return f'<w:abstractNum w:abstractNumId="{at}">{extra}{"".join(levels)}</w:abstractNum>'


def num(num_id: int, definition: int = 0, *overrides: str) -> str:
    return (
        f'<w:num w:numId="{num_id}"><w:abstractNumId w:val="{definition}"/>'
        f"{''.join(overrides)}</w:num>"
    )


def start(level: int, value: int) -> str:
    return f'<w:lvlOverride w:ilvl="{level}"><w:startOverride w:val="{value}"/></w:lvlOverride>'


def other(level: int, definition: str) -> str:
    return f'<w:lvlOverride w:ilvl="{level}">{definition}</w:lvlOverride>'


def body(*places: tuple[int, int]) -> str:
    """Paragraphs 甲 of the list and level given."""
    return "".join(numbered("甲", num_id, level) for num_id, level in places)


def one(*levels: int) -> str:
    """Paragraphs 甲 of list 1."""
    return body(*((1, level) for level in levels))


def printed(*labels: str) -> list[str]:
    return [f"{label}甲" for label in labels]


def simple(number_format: str, text: str, *labels: str, first: int = 1, alone: str = "") -> Case:
    """A list of one level in this format."""
    levels = abstract(list_level(number_format, text, 0, first, GLUED))
    name = f"{number_format} from {first}"
    return Case(name, levels + num(1), one(*[0] * len(labels)), printed(*labels), alone=alone)


FOUR = (
    list_level("chineseCounting", "%1、", 0, extra=GLUED),
    list_level("chineseCounting", "（%2）", 1, extra=GLUED),
    list_level("decimal", "%3.", 2, extra=GLUED),
    list_level("decimal", "（%4）", 3, extra=GLUED),
)
CHAPTERS = (
    list_level("chineseCountingThousand", "第%1章", 0, extra=SPACE),
    list_level("decimal", "%1.%2", 1, extra=SPACE),
    list_level("decimal", "%1.%2.%3", 2, extra=SPACE),
)
LEGAL = (
    CHAPTERS[0],
    list_level("decimal", "%1.%2", 1, extra=f"<w:isLgl/>{SPACE}"),
    list_level("lowerLetter", "%1.%2.%3", 2, extra=f"<w:isLgl/>{SPACE}"),
)
DECIMAL = list_level("decimal", "%1.", 0, extra=GLUED)


def style(style_id: str, name: str, based_on: str = "", properties: str = "") -> str:
    base = f'<w:basedOn w:val="{based_on}"/>' if based_on else ""
    return (
        f'<w:style w:type="paragraph" w:styleId="{style_id}"><w:name w:val="{name}"/>{base}'
        f"<w:pPr>{properties}</w:pPr></w:style>"
    )


def list_of(num_id: int | None = None, level: int | None = None) -> str:
    at = f'<w:ilvl w:val="{level}"/>' if level is not None else ""
    of = f'<w:numId w:val="{num_id}"/>' if num_id is not None else ""
    return f"<w:numPr>{at}{of}</w:numPr>"


def styled(style_id: str, more: str = "") -> str:
    return paragraph("甲", f'<w:pStyle w:val="{style_id}"/>{more}')


NORMAL = (
    '<w:style w:type="paragraph" w:default="1" w:styleId="a"><w:name w:val="Normal"/></w:style>'
)
LINKED = NORMAL + (
    style("h1", "heading 1", "a", list_of(1) + '<w:outlineLvl w:val="0"/>')
    + style("h2", "heading 2", "a", list_of(1, 1) + '<w:outlineLvl w:val="1"/>')
    + style("mine", "公文二级", "h2")
    + style("bare", "无编号", "h1", list_of(0))
)
LINKED_LIST = abstract(
    list_level("chineseCounting", "%1、", 0, extra=f'<w:pStyle w:val="h1"/>{GLUED}'),
    list_level("chineseCounting", "（%2）", 1, extra=f'<w:pStyle w:val="h2"/>{GLUED}'),
)


def cell(inside: str) -> str:
    return f'<w:tc><w:tcPr><w:tcW w:w="2000" w:type="dxa"/></w:tcPr>{inside}</w:tc>'


def table(*rows: Sequence[str]) -> str:
    columns = len(rows[0])
    grid = '<w:gridCol w:w="2000"/>' * columns
    inside = "".join(f"<w:tr>{''.join(map(cell, row))}</w:tr>" for row in rows)
    return f"<w:tbl><w:tblPr/><w:tblGrid>{grid}</w:tblGrid>{inside}</w:tbl>"


def hidden(num_id: int = 1) -> str:
    mark = "<w:rPr><w:vanish/></w:rPr>"
    return f"<w:p><w:pPr>{list_of(num_id, 0)}{mark}</w:pPr><w:r>{mark}<w:t>暗</w:t></w:r></w:p>"


def deleted() -> str:
    """A numbered paragraph that a tracked change takes out."""
    change = '<w:del w:id="1" w:author="某" w:date="2023-01-01T00:00:00Z"'
    return (
        f"<w:p><w:pPr>{list_of(1, 0)}<w:rPr>{change}/></w:rPr></w:pPr>"
        f"{change}><w:r><w:delText>删</w:delText></w:r></w:del></w:p>"
    )


CUSTOM = (
    '<w:lvl w:ilvl="0"><w:start w:val="1"/><mc:AlternateContent><mc:Choice Requires="w14">'
    '<w:numFmt w:val="custom" w:format="001, 002, 003, ..."/></mc:Choice><mc:Fallback>'
    f'<w:numFmt w:val="decimal"/></mc:Fallback></mc:AlternateContent>{GLUED}'
    '<w:lvlText w:val="（%1）"/></w:lvl>'
)
WINGDINGS = (
    '<w:lvl w:ilvl="0"><w:start w:val="1"/><w:numFmt w:val="bullet"/><w:lvlText w:val="l"/>'
    '<w:rPr><w:rFonts w:ascii="Wingdings" w:hAnsi="Wingdings"/></w:rPr></w:lvl>'
)
OTHERWISE = "the office program writes this format in its own way"

CASES = [
    simple("decimal", "%1．", "1．", "2．", "3．"),
    simple("decimalZero", "%1)", "08)", "09)", "10)", first=8),
    simple("decimalFullWidth", "%1、", "９、", "１０、", first=9),
    simple("chineseCounting", "%1、", "九、", "十、", "十一、", first=9),
    simple("chineseCounting", "%1、", "十九、", "二十、", "二十一、", first=19),
    simple("chineseCountingThousand", "第%1条", "第九十九条", "第一百条", "第一百零一条", first=99),
    simple("japaneseCounting", "（%1）", "（十）", "（十一）", "（十二）", first=10),
    simple("ideographDigital", "%1、", "九、", "一〇、", "一一、", first=9, alone=OTHERWISE),
    simple("ideographTraditional", "%1、", "甲、", "乙、", "丙、"),
    simple("ideographZodiac", "%1、", "子、", "丑、", "寅、"),
    simple("decimalEnclosedCircle", "%1", "①", "②", "③"),
    simple("decimalEnclosedCircleChinese", "%1", "⑲", "⑳", first=19),
    simple("chineseLegalSimplified", "%1、", "壹、", "贰、", "叁、"),
    simple("upperRoman", "%1.", "III.", "IV.", "V.", first=3),
    simple("lowerRoman", "%1.", "ix.", "x.", first=9),
    simple("upperLetter", "%1.", "A.", "B."),
    simple("lowerLetter", "%1)", "y)", "z)", "aa)", "bb)", first=25),
    simple("none", "附件", "附件", "附件"),
    Case("custom digits", abstract(CUSTOM) + num(1), one(0, 0), printed("（001）", "（002）")),
    Case(
        "a bullet of a symbol font is no letter",
        abstract(WINGDINGS) + num(1),
        one(0, 0),
        printed("", ""),
        alone="the office program prints the bullet",
    ),
    Case(
        "four levels of official documents",
        abstract(*FOUR) + num(1),
        one(0, 1, 2, 3, 3, 2, 1, 0, 1),
        printed("一、", "（一）", "1.", "（1）", "（2）", "2.", "（二）", "二、", "（一）"),
    ),
    Case(
        "chapters with a space before the text",
        abstract(*CHAPTERS) + num(1),
        one(0, 1, 2, 2, 1, 0, 1),
        printed("第一章 ", "一.1 ", "一.1.1 ", "一.1.2 ", "一.2 ", "第二章 ", "二.1 "),
    ),
    Case(
        "isLgl writes all places in digits",
        abstract(*LEGAL) + num(1),
        one(0, 1, 2, 2, 0, 1),
        printed("第一章 ", "1.1 ", "1.1.1 ", "1.1.2 ", "第二章 ", "2.1 "),
        alone="older office programs do not know isLgl",
    ),
    Case(
        "a skipped level counts as used",
        abstract(*FOUR) + num(1),
        one(1, 0, 2, 1),
        printed("（一）", "二、", "1.", "（二）"),
    ),
    Case(
        "lvlRestart 0 counts on",
        abstract(FOUR[0], list_level("decimal", "%2.", 1, extra=NO_RESTART + GLUED)) + num(1),
        one(0, 1, 1, 0, 1),
        printed("一、", "1.", "2.", "二、", "3."),
        alone="the office program restarts all the same",
    ),
    Case(
        "lvlRestart 1 restarts under the first level only",
        abstract(
            FOUR[0],
            FOUR[1],
            list_level("decimal", "%3.", 2, extra=f'<w:lvlRestart w:val="1"/>{GLUED}'),
        )
        + num(1),
        one(0, 1, 2, 1, 2, 0, 2),
        printed("一、", "（一）", "1.", "（二）", "2.", "二、", "1."),
        alone="the office program restarts all the same",
    ),
    Case(
        "two lists of one definition count together",
        abstract(DECIMAL) + num(1) + num(2),
        body((1, 0), (2, 0), (1, 0)),
        printed("1.", "2.", "3."),
    ),
    Case(
        "two definitions count apart",
        abstract(DECIMAL) + abstract(DECIMAL, at=1) + num(1) + num(2, 1),
        body((1, 0), (2, 0), (1, 0), (2, 0)),
        printed("1.", "1.", "2.", "2."),
    ),
    Case(
        "a start override restarts once",
        abstract(DECIMAL) + num(1) + num(2, 0, start(0, 1)),
        body((1, 0), (1, 0), (2, 0), (2, 0)),
        printed("1.", "2.", "1.", "2."),
    ),
    Case(
        "a start override at a number",
        abstract(DECIMAL) + num(1) + num(2, 0, start(0, 5)),
        body((1, 0), (2, 0), (2, 0)),
        printed("1.", "5.", "6."),
    ),
    Case(
        "a start override of a lower level holds once",
        abstract(*FOUR) + num(1, 0, start(1, 3)),
        one(0, 1, 1, 0, 1),
        printed("一、", "（三）", "（四）", "二、", "（一）"),
    ),
    Case(
        "a level override prints otherwise",
        abstract(DECIMAL)
        + num(1)
        + num(2, 0, other(0, list_level("decimal", "（%1）", 0, extra=GLUED))),
        body((1, 0), (2, 0)),
        printed("1.", "（2）"),
        alone="the office program keeps two counts",
    ),
    Case(
        "a level override with a start of its own",
        abstract(DECIMAL)
        + num(1, 0, other(0, list_level("chineseCounting", "%1、", 0, 4, extra=GLUED))),
        one(0, 0),
        printed("四、", "五、"),
    ),
    Case(
        "paragraphs without a list do not count",
        abstract(DECIMAL) + num(1),
        one(0) + paragraph("甲") + one(0) + paragraph("甲", list_of(0, 0)) + one(0),
        printed("1.", "", "2.", "", "3."),
    ),
    Case(
        "styles bring list and level",
        LINKED_LIST + num(1),
        styled("h1") + styled("h2") + styled("mine") + styled("h1") + styled("mine"),
        printed("一、", "（一）", "（二）", "二、", "（一）"),
        styles=LINKED,
    ),
    Case(
        "a style may take back the list of its base",
        LINKED_LIST + num(1),
        styled("h1") + styled("bare") + styled("h1"),
        printed("一、", "", "二、"),
        styles=LINKED,
    ),
    Case(
        "the paragraph wins over its style",
        LINKED_LIST + abstract(DECIMAL, at=1) + num(1) + num(2, 1),
        styled("h1") + styled("h1", list_of(2, 0)) + styled("h1", list_of(0)) + styled("h1"),
        printed("一、", "1.", "", "二、"),
        styles=LINKED,
    ),
    Case(
        "a link to a numbering style by its styleLink",
        abstract(extra='<w:numStyleLink w:val="L"/>')
        + abstract(*FOUR, at=1, extra='<w:styleLink w:val="L"/>')
        + num(1)
        + num(2, 1),
        one(0, 1, 0),
        printed("一、", "（一）", "二、"),
        styles=NORMAL
        + '<w:style w:type="numbering" w:styleId="L"><w:name w:val="L"/><w:pPr>'
        + f"{list_of(2)}</w:pPr></w:style>",
    ),
    Case(
        "a link to a numbering style by the list of the style",
        abstract(extra='<w:numStyleLink w:val="L"/>') + abstract(*FOUR, at=1) + num(1) + num(2, 1),
        one(0, 1, 0),
        printed("一、", "（一）", "二、"),
        styles=NORMAL
        + '<w:style w:type="numbering" w:styleId="L"><w:name w:val="L"/><w:pPr>'
        + f"{list_of(2)}</w:pPr></w:style>",
        alone="the office program asks for the styleLink",
    ),
    Case(
        "numbers in cells run along the rows",
        abstract(DECIMAL) + num(1),
        table((one(0), paragraph("甲")), (one(0), one(0))) + one(0),
        printed("1.", "", "2.", "3.", "4."),
    ),
    Case(
        "a hidden paragraph is neither printed nor counted",
        abstract(DECIMAL) + num(1),
        one(0) + hidden() + one(0),
        printed("1.", "2."),
        alone="the office program writes hidden text into a text file",
    ),
    Case(
        "a deleted paragraph is not counted",
        abstract(DECIMAL) + num(1),
        one(0) + deleted() + one(0),
        printed("1.", "2."),
        alone="the office program prints the state before the change",
    ),
    Case(
        "a list that starts at nought",
        abstract(list_level("decimal", "%1.", 0, 0, GLUED)) + num(1),
        one(0, 0),
        printed("0.", "1."),
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_numbers_are_those_that_are_printed(case: Case) -> None:
    assert parse(case.file(), "a.docx").text.split("\n") == list(case.wanted)


@pytest.mark.slow
def test_an_office_program_prints_the_same_numbers(tmp_path: Path) -> None:
    """All cases but those where it is known to print otherwise than Word, spaces apart."""
    asked = {f"case{at}": case for at, case in enumerate(CASES) if not case.alone}
    texts = convert_all(tmp_path, {name: case.file() for name, case in asked.items()}, "txt")
    found = {asked[name].name: _squeezed(data.decode("utf-8-sig")) for name, data in texts.items()}
    assert found == {case.name: _squeezed("\n".join(case.wanted)) for case in asked.values()}


def _squeezed(text: str) -> list[str]:
    lines = (re.sub(r"\s", "", line) for line in text.splitlines())
    return [line for line in lines if line]
