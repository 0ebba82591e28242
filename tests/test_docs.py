"""The documents say what is there, and all of it: targets, commands, links, versions, examples."""

from __future__ import annotations

import os
import re
import subprocess
import tomllib
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
import typer.main

from api.cli import app
from corpus.build_samples import SAMPLES
from extractor.formats import FORMATS
from tests.conftest import ROOT

DOCUMENTS = sorted(
    path
    for path in (*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *ROOT.glob("*/README.md"))
    if path.is_file()
)
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
TARGETS = dict(re.findall(r"(?m)^([a-z-]+):.*?## (.+)$", MAKEFILE))

_LINK = re.compile(r"!?\[[^\]\n]{0,200}\]\(([^)\s]{1,300})\)")
_HEADING = re.compile(r"(?m)^#{1,6} +(.+?) *$")


def _read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def _code(path: Path) -> str:
    """What stands in code blocks and code spans of a document."""
    text = path.read_text(encoding="utf-8")
    blocks = re.findall(r"(?ms)^ *```\w*\n(.*?)^ *```", text)
    spans = re.findall(r"`([^`\n]+)`", re.sub(r"(?ms)^ *```.*?^ *```", "", text))
    return "\n".join([*blocks, *spans])


def _anchor(heading: str) -> str:
    kept = re.sub(r"[^\w\- ]", "", heading.replace("`", "").lower())
    return kept.replace(" ", "-")


GROUP: Any = typer.main.get_command(app)


def _commands(group: Any, name: str = "") -> dict[str, Any]:
    """A group and all its commands, those of groups inside it too, by what one writes."""
    found = {name: group}
    for each, command in getattr(group, "commands", {}).items():
        found |= _commands(command, f"{name} {each}".strip())
    return found


COMMANDS: dict[str, Any] = _commands(GROUP)


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(path: Path) -> None:
    broken = []
    for link in _LINK.findall(path.read_text(encoding="utf-8")):
        if re.match(r"[a-z]+:", link):
            continue
        file, _, anchor = unquote(link).partition("#")
        target = (path.parent / file) if file else path
        text = target.read_text("utf-8") if target.is_file() and target.suffix == ".md" else ""
        anchors = {_anchor(heading) for heading in _HEADING.findall(text)}
        if not target.exists() or (anchor and anchor not in anchors):
            broken.append(link)
    assert broken == []


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_named_make_targets_exist(path: Path) -> None:
    named = set(re.findall(r"(?<![\w-])make ([a-z][a-z-]*)", _code(path)))
    assert named - set(TARGETS) == set()


def test_every_make_target_is_documented() -> None:
    both = _code(ROOT / "README.md") + _code(ROOT / "CONTRIBUTING.md")
    assert [name for name in TARGETS if f"make {name}" not in both and name != "help"] == []


@pytest.mark.parametrize("target", TARGETS)
def test_make_alone_lists_the_target(target: str) -> None:
    listed = subprocess.run(
        ["make"],  # noqa: S607
        cwd=ROOT,
        env={**os.environ, "MAKEFLAGS": "", "MAKELEVEL": ""},
        capture_output=True,
        text=True,
        check=True,
    )
    assert re.search(rf"make {target} +{re.escape(TARGETS[target])}", listed.stdout)


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_named_commands_exist(path: Path) -> None:
    named = set(re.findall(r"(?m)(?:^|[ /])hecha ([a-z][a-z-]+)", _code(path)))
    assert named - set(COMMANDS) == set()


@pytest.mark.parametrize("name", COMMANDS)
def test_commands_and_options_are_documented(name: str) -> None:
    document = _read("docs/cli.md")
    options = {
        option
        for parameter in COMMANDS[name].params
        if not getattr(parameter, "hidden", False)
        for option in parameter.opts
        if option.startswith("--")
    }
    shell = {"--install-completion", "--show-completion"}
    assert f"hecha {name}".strip() in document
    assert {option for option in options - shell if option not in document} == set()


def test_changelog_has_this_version() -> None:
    versions = re.findall(r"(?m)^## \[([^\]]+)\]", _read("CHANGELOG.md"))
    assert versions[0] == "未发布"
    assert PROJECT["version"] in versions


def test_readme_names_every_format() -> None:
    readme = _read("README.md")
    assert [form.name for form in FORMATS if form.name not in readme] == []


def test_samples_are_where_the_makefile_looks() -> None:
    names = {path.name for path in SAMPLES.iterdir() if path.is_file()}
    assert {"调查报告.docx", "批复.pdf", "评估报告.txt"} <= names


@pytest.mark.parametrize("name", ["README.md", "docs/library.md"])
def test_python_examples_run(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    examples = re.findall(r"(?ms)^```python\n(.*?)^```", _read(name))
    assert examples
    for path in SAMPLES.iterdir():
        if path.is_file():
            (tmp_path / path.name).write_bytes(path.read_bytes())
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    for example in examples:
        exec(compile(example, name, "exec"), names)  # noqa: S102
