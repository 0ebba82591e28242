"""The dispatcher of jobs: what it could not hand back finds its way into the queue by itself."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from dbos import DBOS
from sqlalchemy.exc import OperationalError

from api.jobs import claims, durable
from api.jobs.durable import jobs_file
from tests.api_client import REPORT, ended, services_of, serving, upload


def test_what_was_claimed_and_neither_begun_nor_handed_back_is_begun_later(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As on a full disk: no workflow can be noted, and the claim cannot be undone."""
    refused: list[str] = []
    start, hand_back = DBOS.start_workflow, claims.hand_back

    def refuse_start(*arguments: Any) -> Any:
        if "start" in refused:
            return start(*arguments)
        refused.append("start")
        raise OperationalError("insert", None, Exception("full"))

    def refuse_back(*arguments: Any) -> None:
        if "hand back" in refused:
            hand_back(*arguments)
        else:
            refused.append("hand back")
            raise OperationalError("update", None, Exception("full"))

    monkeypatch.setattr(DBOS, "start_workflow", refuse_start)
    monkeypatch.setattr(claims, "hand_back", refuse_back)
    with serving() as client:
        document = upload(client, REPORT).json()["id"]
        assert ended(client, document).status == "succeeded"
    assert refused == ["start", "hand back"]


def test_the_file_of_jobs_does_not_wait_for_the_disk(tmp_path: Path) -> None:
    """What it holds can be found out from the documents; each job commits to it three times."""
    with serving(data=tmp_path) as client:
        path = jobs_file(services_of(client).database.url)
        with closing(durable._connect(path)) as connection:
            assert connection.execute("PRAGMA synchronous").fetchone() == (1,)
            assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        with closing(sqlite3.connect(path)) as connection:
            tables = "SELECT count(*) FROM sqlite_master WHERE name = 'workflow_status'"
            assert connection.execute(tables).fetchone() == (1,)
