"""When an evaluation is due, as the rule of its place says.

Source: 安全生产法 art. 86 ¶3; 安委办〔2021〕4号 art. 3; the rules named in `windows.toml`.
Pure: no clock is read; a caller who wants to know whether the date has passed gives `today`.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from typing import Literal

from extractor.checklist.model import Window, WindowState
from extractor.rules import load_toml

_FIRST_YEAR, _LAST_YEAR = 1949, 2199

BaseKind = Literal["reply", "report"]
"""What the clock starts at: the reply, or (flagged) the date of the report."""


@dataclass(frozen=True, slots=True)
class WindowRule:
    """One row of `windows.toml`: the evaluation window of a place, in calendar months."""

    id: str
    rule: str
    months_open: int
    months_close: int
    places: tuple[str, ...] = ()
    numbers: tuple[str, ...] = ()
    group_days: int | None = None


@dataclass(frozen=True, slots=True)
class EvaluationDates:
    """The dates of a case: start of the clock, set-up of the group, date of the evaluation."""

    base: date | None = None
    base_kind: BaseKind = "reply"
    established: date | None = None
    evaluated: date | None = None


@cache
def window_rules() -> tuple[WindowRule, ...]:
    """Return the rules, the national one first."""
    return tuple(
        WindowRule(
            id=row["id"],
            rule=row["rule"],
            months_open=row["months_open"],
            months_close=row["months_close"],
            places=tuple(row.get("places", ())),
            numbers=tuple(row.get("numbers", ())),
            group_days=row.get("group_days"),
        )
        for row in load_toml("windows.toml")["window"]
    )


def find_rule(places: Iterable[str], numbers: Iterable[str] = ()) -> WindowRule:
    """Return the rule that a document cites, else that of the narrowest place, else the national.

    `places` are printed places or issuers; a row holds when one of its words stands in one of them.
    """
    national, *local = window_rules()
    cited = frozenset(numbers)
    for rule in local:
        if cited & frozenset(rule.numbers):
            return rule
    text = "\n".join(places)
    fitting = [(len(word), rule) for rule in local for word in rule.places if word in text]
    return max(fitting, key=lambda pair: pair[0])[1] if fitting else national


def to_date(text: str | None) -> date | None:
    """Return the day of a full ISO date (2019-12-16); None for a partial or impossible one."""
    if text is None or len(text) != 10:
        return None
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    return day if _FIRST_YEAR <= day.year <= _LAST_YEAR else None


def add_months(start: date, months: int) -> date:
    """Return the day `months` later, or the end of its month: 2020-04-30 + 10 → 2021-02-28."""
    year, month = divmod(start.year * 12 + start.month - 1 + months, 12)
    return date(year, month + 1, min(start.day, monthrange(year, month + 1)[1]))


def evaluation_window(
    dates: EvaluationDates, rule: WindowRule, *, today: date | None = None
) -> Window:
    """Return the window and where the evaluation stands in it.

    early, in_window, late: by the date of the evaluation, both ends of the window included.
    Without an evaluation: late when `today` is past the end, else open. Without a base: unknown.
    """
    evaluated = dates.evaluated or dates.established
    finish = None
    if dates.established and rule.group_days:
        finish = dates.established + timedelta(days=rule.group_days)
    if dates.base is None:
        return Window(
            rule=rule.rule, state="unknown", evaluated=_iso(evaluated), finish_by=_iso(finish)
        )
    opens = add_months(dates.base, rule.months_open)
    closes = add_months(dates.base, rule.months_close)
    return Window(
        opens=_iso(opens),
        closes=_iso(closes),
        rule=rule.rule,
        state=_state(opens, closes, evaluated, today),
        base=_iso(dates.base),
        base_kind=dates.base_kind,
        evaluated=_iso(evaluated),
        finish_by=_iso(finish),
    )


def _state(opens: date, closes: date, evaluated: date | None, today: date | None) -> WindowState:
    if evaluated is None:
        return "late" if today is not None and today > closes else "open"
    if evaluated < opens:
        return "early"
    return "in_window" if evaluated <= closes else "late"


def _iso(day: date | None) -> str | None:
    return day.isoformat() if day is not None else None
