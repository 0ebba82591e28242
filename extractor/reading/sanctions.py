"""The words of sanctions: where a text states a kind, and what does not count as one.

Cues and their kinds are the rows of sanctions.toml. Left out are: quoted law, titles in 《》,
conditional clauses (…的，予以…), fault descriptions (未给予…), statistics.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache

from extractor.reading.values import find_amounts
from extractor.rules import load_toml

_TITLES = re.compile(
    r"《[^《》\n]{1,80}(?<!证|书|照|可)》|《[^《》\n]{1,80}(?:决定书|通知书|告知书|意见书|责任书|认定书)》"
)
_QUOTED_LAW = re.compile(r"(?<=[条款项定：；，])[“\"][^”\"\n]{15,700}[”\"]")
_BRACKETED = re.compile(r"（[^（）\n]{0,200}）")
_CONDITION = re.compile(
    r"(?:(?:经|如|若|凡|对|违反)[^，。；]{0,40}|仍[^，。；]{1,30}|涉嫌[^，。；]{1,24}|[属系][^，。；]{1,20}|[^，。；]{0,20}(?:不具备|拒不|逾期|构成|情节)[^，。；]{0,24})的(?=，)"
    r"|[^，。；]{2,30}的(?=，(?:依法|予以|移送|移交|按|将|追究))"
    r"|对(?:发生|发现|存在|隐患|整改|拒不|逾期|违反|违法|瞒报|屡)[^，。；]{2,30}的(?:乡镇|镇街|街道|单位|企业|公司|人员|个人|网格员|地区|部门|干部|责任人)(?:[和、及或](?:乡镇|镇街|街道|单位|企业|公司|人员|个人|网格员|地区|部门|干部|责任人))?(?:（[^（）]{1,12}）)?(?=，)"
)
_CONDITION_REACH = 240
_AWAITED = re.compile(r"待[^，。；]{2,40}后(?=，)")
_NEGATION = re.compile(
    r"是否[^，。；]{0,10}$|(?:未|没有|没|无|不)(?!再|予|起诉|得|按|起|履|满|良|力|当|报[^，。；]{0,10}罪)[^，。；]{0,10}$"
)
_NOT_DONE = re.compile(
    r"(?:仍未|尚未|至今未|一直未|迟迟未|还未|未)(?:被|对|能|按|给予|予以|依法|执行|进行|落实|缴纳)?[^，。；]{0,8}$"
)
_BETWEEN = re.compile(r"元?(?:整)?(?:）)?的?")
_LONGEST_SUM = 40
_FILLER = "□"


@dataclass(frozen=True, slots=True)
class Cue:
    """One place that states a kind: the code (or context:word), its range in the view."""

    kind: str
    start: int
    end: int
    passive: bool


@dataclass(frozen=True, slots=True)
class _Row:
    kind: str
    needs: str | None
    passive: bool


@cache
def _cue_table(*, unconditional: bool) -> tuple[re.Pattern[str], tuple[_Row, ...]]:
    rows = load_toml("sanctions.toml")["cue"]
    pattern = "|".join(
        f"(?P<r{i}>{row['pattern']})"
        for i, row in enumerate(rows)
        if not (unconditional and "needs" in row)
    )
    return re.compile(pattern), tuple(
        _Row(row["kind"], row.get("needs"), bool(row.get("passive"))) for row in rows
    )


@cache
def _heading_rows() -> tuple[tuple[str, re.Pattern[str]], ...]:
    return tuple(
        (row["kind"], re.compile(row["pattern"])) for row in load_toml("sanctions.toml")["heading"]
    )


@cache
def _contexts() -> dict[str, dict[str, str]]:
    return {row["word"]: row for row in load_toml("sanctions.toml")["context"]}


def stated_kinds(cue: Cue, *, by_company: bool) -> frozenset[str]:
    """Return the codes that a cue can state, whoever acts: a bare 警告 one of several.

    A kind of discipline also states that there is some discipline, and a fine by a company is one
    inside it.
    """
    stated = set(cue.kind.split("+"))
    for kind in tuple(stated):
        if kind.startswith("context:"):
            row = _contexts()[kind.removeprefix("context:")]
            stated |= {code for key, code in row.items() if key != "word"}
    if any(code.startswith(("party.", "gov.")) for code in stated):
        stated.add("disc.unspecified")
    if "admin.fine" in stated and by_company:
        stated.add("internal.fined")
    return frozenset(stated)


def mask_foreign(text: str) -> str:
    """Blank out quoted law and titles, character for character, so that no cue is read there."""

    def blank(match: re.Match[str]) -> str:
        return match.group()[0] + _FILLER * (len(match.group()) - 2) + match.group()[-1]

    return _TITLES.sub(blank, _QUOTED_LAW.sub(blank, text))


def find_cues(masked: str, start: int, end: int) -> Iterator[Cue]:
    """Yield the cues in `masked[start:end]`, left to right, longest form first.

    A row that needs an amount (行政处罚陆拾万元) counts only directly before one.
    """
    pattern, rows = _cue_table(unconditional=False)
    plain, _ = _cue_table(unconditional=True)
    at = already = start
    taken = -1
    while (match := pattern.search(masked, at, end)) is not None:
        row = rows[int((match.lastgroup or "r0")[1:])]
        if row.needs == "amount" and not (
            _amount_follows(masked, match.end(), end)
            or (len(match.group()) > 1 and _amount_before(masked, match.start()))
        ):
            again = plain.match(masked, match.start(), end)
            if again is None:
                at = match.start() + 1
                continue
            match, row = again, rows[int((again.lastgroup or "r0")[1:])]
        if taken >= 0 and _repeats(masked, taken, match):
            at = match.end()
            continue
        taken = match.end() if row.kind == "admin.confiscate" else -1
        if not (row.kind == "none.exempt" and match.start() < already):
            yield Cue(row.kind, match.start(), match.end(), row.passive)
        # 已给予党内警告处分，不再追究: what was given before is a sanction too.
        at = match.end()
        if row.kind == "none.already":
            at, already = match.start() + 1, match.end()


_IS_A_SUM = re.compile(
    r"(?:的|为|共计)?(?:人民币)?(?=[\d¥￥一二三四五六七八九十壹贰叁肆伍陆柒捌玖拾])"
)


def _repeats(masked: str, at: int, match: re.Match[str]) -> bool:
    """Tell whether the words only close a confiscation: 没收违法所得1.2万元的|行政处罚."""
    if not match.group().endswith("处罚") or _IS_A_SUM.match(masked, at) is None:
        return False
    return match.start() - at <= _LONGEST_SUM and _amount_before(masked, match.start())


def _amount_follows(masked: str, at: int, end: int) -> bool:
    amounts = find_amounts(masked, at, min(at + 24, end))
    return bool(amounts) and amounts[0].start - at <= 6


def _amount_before(masked: str, at: int) -> bool:
    """Tell whether a sum stands right before: 给予人民币叁拾捌万元整（¥380000.00）的行政处罚."""
    amounts = find_amounts(masked, max(0, at - 40), at)
    return bool(amounts) and _BETWEEN.fullmatch(masked, amounts[-1].end, at) is not None


def heading_kind(title: str) -> str | None:
    """Return the kind that a sub-heading of the treatment chapter states for its list."""
    bare = _BRACKETED.sub("", title)
    for kind, pattern in _heading_rows():
        if pattern.search(bare):
            return kind
    return None


def settle_kind(kind: str, conditions: Sequence[str], family_hint: str | None) -> str:
    """Return the code for a bare word, by the first condition that has a reading of its own.

    Conditions are internal, company, unit and official; the last always has one.
    """
    if not kind.startswith("context:"):
        return kind
    row = _contexts()[kind.removeprefix("context:")]
    if conditions == ("official",) and family_hint == "party" and "party" in row:
        return row["party"]
    return next((row[condition] for condition in conditions if condition in row), row["official"])


def is_conditional(masked: str, sentence_start: int, cue_start: int) -> bool:
    """Tell whether the cue stands behind a condition (经整顿仍不具备条件的，予以关闭)."""
    start = max(sentence_start, cue_start - _CONDITION_REACH)
    return _CONDITION.search(masked, start, cue_start) is not None


def is_awaited(masked: str, sentence_start: int, cue_start: int) -> bool:
    """Tell whether the cue stands behind 待…后，: then a vague kind is not yet ordered."""
    return _AWAITED.search(masked, sentence_start, cue_start) is not None


def is_negated(masked: str, clause_start: int, cue_start: int) -> bool:
    """Tell whether the clause denies the cue: a fault (未给予…), not a sanction."""
    return _NEGATION.search(masked, clause_start, cue_start) is not None


def is_not_executed(masked: str, clause_start: int, cue_start: int) -> bool:
    """Tell whether the clause says that a sanction has not been carried out (仍未吊销…)."""
    return _NOT_DONE.search(masked, clause_start, cue_start) is not None
