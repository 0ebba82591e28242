"""What several test modules share: the project's place, the measured documents, settings."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

ROOT = Path(__file__).resolve().parent.parent

# A shared machine is sometimes slow; a test must not fail for that.
settings.register_profile(
    "house", deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=100
)
settings.load_profile("house")


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
