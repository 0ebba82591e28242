"""How long a page of a list of 100,000 documents and a search among them take, on SQLite.

The rows are put in at once, as the service would have left them; every question is asked anew,
from the routes' own functions, many times with other filters and places.
"""

from __future__ import annotations

import random
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from hashlib import sha256
from pathlib import Path
from time import perf_counter
from typing import Any

from sqlalchemy import URL, Connection, insert

from api.store import cases, documents, searching
from api.store.cases import CaseFilters
from api.store.database import Database
from api.store.documents import Filters
from api.store.migrating import migrate
from api.store.schema import CASE_DOCUMENTS, CASES, DEFAULT_TENANT, DOCUMENTS, FILES
from api.store.searching import Narrowing
from api.store.words import tokens_of
from bench.figures import Figure, show
from extractor.extraction import DocumentRecord

COUNT = 100_000
MOST_MS = 100.0
_PART = 2_000
_ROUNDS = 12
_COUNTIES = tuple(f"{a}{b}县" for a in "禾云岚青净桐柳松竹兰" for b in "山溪泉石水江林川平阳")
_UNITS = tuple(
    f"{a}{b}公司" for a in "明安恒泰远景宏华正达" for b in ("建筑", "物流", "食品", "电力")
)
_KINDS = ("高处坠落", "车辆伤害", "物体打击", "坍塌", "触电", "中毒窒息", "起重伤害", "机械伤害")
_TYPES = ("INV", "REP", "EVAL", "PEN", "NOTICE")
_RECORD = DocumentRecord(
    id="0" * 64, filename="a.pdf", media_type="application/pdf", kind="OTHER", title=None,
    number=None, issuer=None, date=None, pages=None, characters=0, status="complete",
)  # fmt: skip
_NAMES = tuple(f"{a}{b}{c}" for a in "赵钱孙李周吴郑王" for b in "明远国建文" for c in "峰山平东强")


def _rows(chance: random.Random, at: int) -> dict[str, Any]:
    county, unit, kind = (chance.choice(each) for each in (_COUNTIES, _UNITS, _KINDS))
    year, month, day = 2010 + at % 15, chance.randint(1, 12), chance.randint(1, 28)
    kind_of, date = _TYPES[at % len(_TYPES)], f"{year}-{month:02}-{day:02}"
    title = f"{county}{unit}“{month}·{day}”{kind}事故调查报告"
    person = chance.choice(_NAMES)
    fine = f"建议由{county}应急管理局对{unit}处{chance.randint(20, 90)}万元罚款"
    text = (
        f"{title}\n{year}年{month}月{day}日，{county}{unit}发生一起{kind}事故，造成1人死亡。"
        f"事故发生后，{county}人民政府成立事故调查组。{person}未履行安全生产管理职责，对事故发生负有"
        f"责任，建议给予撤职处分。{fine}。{unit}应当修订安全管理制度，对全体作业人员进行教育培训，"
        "落实隐患排查治理，完善应急预案，定期组织演练，确保各项措施落到实处。"
    )
    return {
        "id": sha256(str(at).encode()).hexdigest(),
        "title": title,
        "kind": kind_of,
        "date": date,
        "record": _RECORD.model_copy(update={"kind": kind_of, "date": date}),
        "name": title.removesuffix("调查报告"),
        "entries": [
            ("document", "", tokens_of(title)),
            ("text", "1", tokens_of(text, [person])),
            ("party", "p1", tokens_of(person, [person])),
            ("penalty", "k1", tokens_of(f"{unit} 罚款\n{fine}", [unit])),
        ],
    }


def fill(database: Database, count: int) -> None:
    """Put documents, their cases of four and their words into an empty database."""
    chance = random.Random(7)  # noqa: S311
    for start in range(0, count, _PART):
        rows = [_rows(chance, at) for at in range(start, min(start + _PART, count))]
        with database.write() as connection:
            _put(connection, start, rows)


def _put(connection: Connection, start: int, rows: list[dict[str, Any]]) -> None:
    tenant, moment = DEFAULT_TENANT, 1_700_000_000_000_000
    connection.execute(
        insert(FILES), [{"sha256": row["id"], "size": 9, "created_at": moment} for row in rows]
    )
    connection.execute(
        insert(DOCUMENTS),
        [
            {
                "tenant": tenant, "id": row["id"], "filename": f"{start + at}.pdf", "size": 9,
                "source": "batch", "received_at": _received(start + at), "updated_at": moment,
                "status": "succeeded", "version_wanted": "1", "version_done": "1",
                "title": row["title"], "kind": row["kind"], "date": row["date"],
                "reading": "complete", "warnings": [],
            }
            for at, row in enumerate(rows)
        ],
    )  # fmt: skip
    connection.execute(
        insert(CASES),
        [
            {
                "tenant": tenant, "id": _case(start + at), "name": row["name"], "origin": "auto",
                "accident_date": row["date"], "created_at": moment, "updated_at": moment,
            }
            for at, row in enumerate(rows[::4])
        ],
    )  # fmt: skip
    connection.execute(
        insert(CASE_DOCUMENTS),
        [
            {
                "tenant": tenant, "document": row["id"], "case": _case(start + at // 4),
                "origin": "auto", "added_at": moment,
            }
            for at, row in enumerate(rows)
        ],
    )  # fmt: skip
    entries = [
        {
            "tenant": tenant, "document": row["id"], "kind": kind, "row": of, "tokens": tokens,
            "scope": searching.scope_of(tenant, row["id"], kind, row["record"]),
        }
        for row in rows
        for kind, of, tokens in row["entries"]
    ]  # fmt: skip
    searching.put_entries(connection, entries)


def _received(at: int) -> int:
    return 1_700_000_000_000_000 + at * 10_000_000


def _case(at: int) -> str:
    return f"0195a1c2-0000-7000-8000-{at:012}"


def _p95(questions: Iterator[Callable[[], object]]) -> float:
    """Return the time that 95 of 100 questions keep, in milliseconds."""
    times = []
    for ask in questions:
        began = perf_counter()
        ask()
        times.append((perf_counter() - began) * 1000)
    return sorted(times)[round(len(times) * 0.95) - 1]


def _listings(database: Database, count: int) -> Iterator[Callable[[], object]]:
    chance = random.Random(1)  # noqa: S311
    chosen = (
        Filters(), Filters(kind="EVAL"), Filters(status="succeeded"), Filters(text="净石县"),
        Filters(text="无此文件"), Filters(status="failed"), Filters(case=_case(3)),
        Filters(received_after=_received(count - 50)),
        Filters(received_before=_received(50)), Filters(kind="REP", text="触电"),
    )  # fmt: skip

    def ask(filters: Filters, before: int | None) -> None:
        with database.read() as connection:
            documents.listing(connection, DEFAULT_TENANT, 50, before, filters)

    for filters in chosen * _ROUNDS:
        before = chance.choice((None, chance.randint(1, count)))
        yield partial(ask, filters, before)


def _case_listings(database: Database) -> Iterator[Callable[[], object]]:
    chosen = (
        CaseFilters(), CaseFilters(text="净石县"), CaseFilters(text="无此案卷"),
        CaseFilters(date_from="2024-06-01"), CaseFilters(origin="manual"),
    )  # fmt: skip

    def ask(filters: CaseFilters) -> None:
        with database.read() as connection:
            cases.listing(connection, DEFAULT_TENANT, 50, None, filters)

    for filters in chosen * _ROUNDS:
        yield partial(ask, filters)


QUERIES = (
    "罚款", "事故", "事故 调查 责任", "赵明峰", "赵明峰 触电", "“高处坠落事故”", "净石县",
    "兰阳县 罚款", "“净石县应急管理局” 35万元", "无此词语", "撤职 坍塌 达电力", "2·18", "a OR b",
    "教育培训 2024年",
)  # fmt: skip
NARROWINGS = (
    Narrowing(), Narrowing(type="penalty"), Narrowing(kind="INV"),
    Narrowing(date_from="2024-01-01"),
    Narrowing(case=_case(3)), Narrowing(type="document", kind="PEN", date_to="2012-01-01"),
)  # fmt: skip


def _searches(database: Database) -> Iterator[Callable[[], object]]:
    def ask(asked: str, narrowing: Narrowing) -> None:
        with database.read() as connection:
            searching.search(connection, DEFAULT_TENANT, asked, 20, narrowing)

    for asked in QUERIES:
        for narrowing in NARROWINGS:
            yield partial(ask, asked, narrowing)


def main() -> None:
    """Measure and print; the first argument may be another number of documents."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else COUNT
    with tempfile.TemporaryDirectory() as folder:
        url = URL.create("sqlite", database=str(Path(folder) / "hecha.db"))
        with closing(Database(url)) as database:
            migrate(database)
            began = perf_counter()
            fill(database, count)
            filled = perf_counter() - began
            tokens_of("词典")
            show(
                f"{count:,} 份文件的列表和检索（SQLite，95% 的请求不超过）",
                {
                    "填入": Figure(filled, "秒"),
                    "文件列表": Figure(_p95(_listings(database, count)), "毫秒", MOST_MS),
                    "案卷列表": Figure(_p95(_case_listings(database)), "毫秒", MOST_MS),
                    "全文检索": Figure(_p95(_searches(database)), "毫秒", MOST_MS),
                },
            )


if __name__ == "__main__":
    main()
