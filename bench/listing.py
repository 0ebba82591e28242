"""How long a page of a list of 100,000 documents and a search among them take.

On SQLite, or with `--postgres` on the PostgreSQL of the tests. The rows are put in at once, as the
service would have left them; every question is asked anew, from the routes' own functions, many
times with other filters and places.
"""

from __future__ import annotations

import argparse
import random
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import partial
from hashlib import sha256
from pathlib import Path
from time import perf_counter
from typing import Any

from sqlalchemy import URL, Connection, create_engine, insert, text

from api.store import cases, documents, searching
from api.store.cases import CaseFilters
from api.store.database import Database
from api.store.documents import Filters
from api.store.migrating import migrate
from api.store.name_index import label_values
from api.store.schema import (
    BATCH_ITEMS,
    BATCHES,
    CASE_DOCUMENTS,
    CASES,
    DEFAULT_TENANT,
    DOCUMENTS,
    FILES,
)
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
    said = (
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
            ("text", "1", tokens_of(said, [person])),
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
                **label_values(tenant, f"{start + at}.pdf", row["title"]),
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
    batch = _batch(start // _PART)
    connection.execute(
        insert(BATCHES).values(
            tenant=tenant, id=batch, created_at=moment, updated_at=moment, kind="zip",
            name="整批", status="done", total=len(rows),
        )
    )  # fmt: skip
    item = {"tenant": tenant, "batch": batch, "path": "a.pdf", "status": "succeeded"}
    items = [{**item, "position": at, "document": row["id"]} for at, row in enumerate(rows)]
    connection.execute(insert(BATCH_ITEMS), items)
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


def _batch(at: int) -> str:
    return f"0195a1c2-0000-7000-9000-{at:012}"


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
    return _asking(
        database,
        count,
        Filters(), Filters(kind="EVAL"), Filters(status="succeeded"), Filters(status="failed"),
        Filters(case=_case(3)), Filters(batch=_batch(2)), Filters(batch=_batch(count // _PART)),
        Filters(received_after=_received(count - 50)), Filters(received_before=_received(50)),
    )  # fmt: skip


def _names(database: Database, count: int) -> Iterator[Callable[[], object]]:
    """Names that many have, that few have, and that none has, alone and with other filters."""
    return _asking(
        database,
        count,
        Filters(text="净石县"), Filters(text="无此文件"), Filters(text="报告"), Filters(text="·1"),
        Filters(text="事"), Filters(text="公司事故"), Filters(text=f"{count - 1}.pdf"),
        Filters(text="触电", kind="REP"), Filters(text="报告", kind="NOTICE"),
        Filters(text="报告", status="failed"), Filters(text="无此文件", status="succeeded"),
        Filters(text="报告", case=_case(3)), Filters(text="净石县", batch=_batch(2)),
        Filters(text="净石县", received_before=_received(count // 20)),
    )  # fmt: skip


def _asking(database: Database, count: int, *chosen: Filters) -> Iterator[Callable[[], object]]:
    chance = random.Random(1)  # noqa: S311

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


@contextmanager
def _empty(*, is_postgresql: bool) -> Iterator[URL]:
    """The address of an empty database, which is gone afterwards."""
    if not is_postgresql:
        with tempfile.TemporaryDirectory() as folder:
            yield URL.create("sqlite", database=str(Path(folder) / "hecha.db"))
        return
    from tests.postgres_server import fresh_database, running_server

    with running_server() as server, fresh_database(server.url) as url:
        yield url


def _settle(url: URL) -> None:
    """Let PostgreSQL look at what was filled in, as it does by itself after a minute."""
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text("VACUUM ANALYZE"))
    engine.dispose()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("count", nargs="?", type=int, default=COUNT)
    parser.add_argument("--postgres", action="store_true")
    given = parser.parse_args()
    with _empty(is_postgresql=given.postgres) as url, closing(Database(url)) as database:
        migrate(database)
        began = perf_counter()
        fill(database, given.count)
        filled = perf_counter() - began
        if given.postgres:
            _settle(url)
        tokens_of("词典")
        kind = "PostgreSQL" if given.postgres else "SQLite"
        show(
            f"{given.count:,} 份文件的列表和检索（{kind}，95% 的请求不超过）",
            {
                "填入": Figure(filled, "秒"),
                "文件列表": Figure(_p95(_listings(database, given.count)), "毫秒", MOST_MS),
                "按名称查文件": Figure(_p95(_names(database, given.count)), "毫秒", MOST_MS),
                "案卷列表": Figure(_p95(_case_listings(database)), "毫秒", MOST_MS),
                "全文检索": Figure(_p95(_searches(database)), "毫秒", MOST_MS),
            },
        )


if __name__ == "__main__":
    main()
