"""The house rules that no linter knows: sizes, names, public surface, wheel, start-up."""

from __future__ import annotations

import ast
import importlib
import re
import subprocess
import sys
import time
import tomllib
import zipfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import ROOT

PACKAGES = ("extractor", "models", "corpus", "api")
CODE = sorted(
    path
    for folder in (*PACKAGES, "tests", "bench")
    for path in (ROOT / folder).rglob("*.py")
    if "__pycache__" not in path.parts
)
MODULES = [path for path in CODE if path.relative_to(ROOT).parts[0] in PACKAGES]
SHIPPED = sorted(
    path
    for pattern in ("*", ".ci/*", ".github/**/*", "docs/**/*", *(f"{p}/**/*" for p in PACKAGES))
    for path in ROOT.glob(pattern)
    if path.is_file() and "__pycache__" not in path.parts
)
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))

MAX_FILE, MAX_FUNCTION = 600, 60


def _name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def _functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def _body_lines(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    body = node.body[1:] if ast.get_docstring(node) is not None else node.body
    return (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0


def _dotted(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def test_files_are_short() -> None:
    sizes = {_name(p): len(p.read_text(encoding="utf-8").splitlines()) for p in CODE}
    assert {name: size for name, size in sizes.items() if size > MAX_FILE} == {}


def test_functions_are_short() -> None:
    long = {
        f"{_name(path)}:{node.name}": _body_lines(node)
        for path in CODE
        for node in _functions(path)
        if _body_lines(node) > MAX_FUNCTION
    }
    assert long == {}


def test_module_names_are_used_once() -> None:
    names = Counter(path.stem for path in CODE if path.stem != "__init__")
    assert [name for name, count in names.items() if count > 1] == []


@pytest.mark.parametrize("path", [p for p in MODULES if p.name == "__init__.py"], ids=_name)
def test_all_is_what_can_be_imported(path: Path) -> None:
    module = importlib.import_module(_dotted(path))
    listed: list[str] = list(getattr(module, "__all__", []))
    assert listed == sorted(set(listed))
    assert [name for name in listed if not hasattr(module, name)] == []
    tree = ast.parse(path.read_text(encoding="utf-8"))
    if any(isinstance(node, ast.FunctionDef | ast.ClassDef) for node in tree.body):
        return  # a module with code of its own also imports what it works with
    imported = {
        alias.asname or alias.name
        for node in tree.body
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in PACKAGES
        for alias in node.names
        if not (alias.asname or alias.name).startswith("_")
    }
    if listed:
        assert imported - set(listed) == set(), "imported for the public, but not in __all__"


@pytest.mark.parametrize("path", MODULES, ids=_name)
def test_every_module_says_what_it_is(path: Path) -> None:
    assert ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))


@pytest.mark.parametrize("package", PACKAGES)
def test_packages_are_typed(package: str) -> None:
    assert (ROOT / package / "py.typed").is_file()


# Written in two halves, so that this file does not find itself.
FORBIDDEN = {
    "the address of a package registry": "py" + r"pi\.org|python" + r"hosted\.org|npm" + r"js\.",
    "a path of the author's machine": r"(?<![\w.])/(?:" + "wor" + "k|roo" + "t|hom" + r"e)/\w",
    "an open end": r"\b(?:TO" + "DO|FIX" + "ME|XX" + r"X)\b",
}
TEXT = {".py", ".toml", ".tsv", ".md", ".lock", ".yml", ".yaml", ".html", ".js", ".css", ".txt", ""}


@pytest.mark.parametrize("what", FORBIDDEN)
def test_nothing_shipped_holds(what: str) -> None:
    pattern = re.compile(FORBIDDEN[what])
    found = [
        f"{_name(path)}:{number}"
        for path in {*SHIPPED, *CODE}
        if path.suffix in TEXT and (path.suffix or "weights" not in path.parts)
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if pattern.search(line)
    ]
    assert sorted(found) == []


@pytest.mark.parametrize("lock", ["requirements.lock", "requirements-dev.lock"])
def test_lock_pins_every_dependency_with_hashes(lock: str) -> None:
    entries = re.split(r"\n(?=\S)", re.sub(r"(?m)^ *#.*\n", "", (ROOT / lock).read_text("utf-8")))
    pinned = {re.split(r"[=\[ ;]", entry)[0] for entry in entries if entry.strip()}
    assert [entry for entry in entries if entry.strip() and "--hash=sha256:" not in entry] == []
    wanted = list(PROJECT["project"]["dependencies"]) + PROJECT["dependency-groups"]["build"]
    if lock == "requirements-dev.lock":
        wanted += PROJECT["dependency-groups"]["dev"]
    names = {re.split(r"[<>=!~\[ ;]", line)[0].lower().replace("_", "-") for line in wanted}
    assert names - pinned == set()


def test_version_is_written_once() -> None:
    version = PROJECT["project"]["version"]
    pattern = re.compile(rf"""["']{re.escape(version)}["']""")
    assert [_name(p) for p in MODULES if pattern.search(p.read_text(encoding="utf-8"))] == []


def _third_party(path: Path) -> set[str]:
    """Packages that `path` imports at its top level, and so whenever it is used."""
    names: set[str] = set()
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module.split(".")[0])
    return names - set(sys.stdlib_module_names) - set(PACKAGES)


IMPORT_NAMES = {
    "markdown-it-py": "markdown_it",
    "opencv-python-headless": "cv2",
    "pillow": "PIL",
    "python-docx": "docx",
    "python-multipart": "python_multipart",
}


def _declared(requirements: list[str]) -> set[str]:
    names = {re.split(r"[<>=!~\[ ;]", line)[0].lower() for line in requirements}
    return {IMPORT_NAMES.get(name, name.replace("-", "_")) for name in names}


def test_code_imports_only_declared_dependencies() -> None:
    # Starlette and click are the ground under FastAPI and Typer, which pin them.
    declared = _declared(PROJECT["project"]["dependencies"]) | {"starlette", "click", "pdfminer"}
    declared |= _declared(PROJECT["project"]["optional-dependencies"]["ocr"])  # ocr_*.py, images.py
    used = {name: path for path in MODULES for name in _third_party(path)}
    assert {name: _name(path) for name, path in used.items() if name not in declared} == {}


def test_every_dependency_is_imported_somewhere() -> None:
    code = "\n".join(path.read_text(encoding="utf-8") for path in MODULES)
    # FastAPI itself loads python-multipart for uploads.
    declared = _declared(PROJECT["project"]["dependencies"]) - {"python_multipart"}
    unused = {
        name for name in declared if not re.search(rf"\b(?:import|from) {name}\b|\"{name}\"", code)
    }
    assert unused == set()


def _run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603
        command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=120
    )


def test_version_answers_at_once() -> None:
    # The aim is one second; the bound leaves room for a machine that does other things too.
    began = time.monotonic()
    answer = _run(sys.executable, "-m", "api.cli", "--version")
    assert time.monotonic() - began < 3
    assert answer.returncode == 0, answer.stderr
    assert PROJECT["project"]["version"] in answer.stdout


HEAVY = (
    *("pypdfium2", "pdfplumber", "pdfminer", "docx", "lxml"),
    *("rapidocr", "onnxruntime", "cv2", "numpy", "PIL"),
    *("spacy", "xlsxwriter", "fastapi", "uvicorn", "sqlalchemy"),
)


def test_heavy_libraries_load_on_first_use() -> None:
    loaded = _run(
        sys.executable, "-c", "import sys, extractor, models, api.cli; print(*sys.modules)"
    )
    assert loaded.returncode == 0, loaded.stderr
    assert set(HEAVY) & set(loaded.stdout.split()) == set()


def test_import_contracts_hold() -> None:
    kept = _run(str(Path(sys.executable).parent / "lint-imports"), "--no-cache", "--no-logo")
    assert kept.returncode == 0, kept.stdout


@pytest.mark.slow
def test_wheel_holds_packages_and_data_and_starts_alone(tmp_path: Path) -> None:
    built = _run(
        *(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"),
        *("--wheel-dir", str(tmp_path), str(ROOT)),
    )
    assert built.returncode == 0, built.stderr
    (wheel,) = tmp_path.glob("hecha-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        held = set(archive.namelist())
        archive.extractall(tmp_path / "site")
    expected = {
        _name(path)
        for package in PACKAGES
        for path in (ROOT / package).rglob("*")
        if path.is_file() and not {"__pycache__", "styles"} & set(path.parts)
    }
    assert {name for name in held if ".dist-info/" not in name} == expected
    dev = {*_declared(PROJECT["dependency-groups"]["dev"]), "pytest", "importlinter"}
    blocked = f"import sys; sys.path.insert(0, {str(tmp_path / 'site')!r}); " + (
        f"[sys.modules.__setitem__(name, None) for name in {sorted(dev)!r}]; "
        "import extractor, models, corpus, api.cli; print(extractor.__file__)"
    )
    started = _run(sys.executable, "-P", "-c", blocked)
    assert started.returncode == 0, started.stderr
    assert str(tmp_path) in started.stdout
