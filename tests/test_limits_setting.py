"""`HECHA_LIMITS`: what a file may cost, as an installation sets it."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from api.cli import app


def extracted(folder: Path) -> Result:
    path = folder / "报告.txt"
    path.write_text("某某市某某建设有限公司“7·12”一般高处坠落事故调查报告", encoding="utf-8")
    return CliRunner().invoke(app, ["extract", str(path)])


def test_limits_of_the_environment_hold_at_the_command_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HECHA_LIMITS", "max_characters=10")
    result = extracted(tmp_path)
    assert result.exit_code == 1 and "[limit_exceeded]" in result.stderr
    assert "max_characters（设置 HECHA_LIMITS）" in result.stderr


@pytest.mark.parametrize(
    ("value", "says"),
    [("max_page=9", "max_pages"), ("max_pages=0", "正数"), ("max_pages=九百", "九百")],
)
def test_a_wrong_limit_is_a_wrong_use(
    value: str, says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HECHA_LIMITS", value)
    result = extracted(tmp_path)
    assert result.exit_code == 2 and "HECHA_LIMITS" in result.stderr and says in result.stderr
