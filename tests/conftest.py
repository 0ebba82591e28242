"""What several test modules share: the project's place, the measured documents, settings."""

from __future__ import annotations

import os
import subprocess
from functools import cache
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

pytest_plugins = ["tests.database_fixtures"]

ROOT = Path(__file__).resolve().parent.parent

# A shared machine is sometimes slow; a test must not fail for that.
settings.register_profile(
    "house", deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=100
)
settings.load_profile("house")


DRAWS_CHINESE = frozenset({"test_pdf"})
"""Modules whose sample pages name a Chinese font but do not hold it: the system's is used."""


@cache
def _has_chinese_font() -> bool:
    try:
        found = subprocess.run(
            ["fc-list", ":lang=zh"],  # noqa: S607
            capture_output=True,
            check=False,
        )
    except FileNotFoundError:
        return False
    return bool(found.stdout.strip())


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip, with the reason, what this machine cannot show."""
    reason = "没有中文字体，画不出样张。安装：sudo apt-get install fontconfig fonts-noto-cjk"
    for item in items:
        if item.path.stem in DRAWS_CHINESE and not _has_chinese_font():
            item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(scope="session")
def root() -> Path:
    """The project's root folder."""
    return ROOT


@pytest.fixture(scope="session")
def gold() -> Path:
    """The folder of measured real documents; tests that want it skip where there is none."""
    folder = Path(os.environ.get("HECHA_GOLD", ROOT.parent / "shared" / "gold"))
    if not folder.is_dir():
        pytest.skip("没有实测文件夹（环境变量 HECHA_GOLD，或项目旁的 shared/gold）")
    return folder
