"""What is installed, what is missing, and how to get it."""

from __future__ import annotations

import platform
import re
import sys
import tomllib
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path

from extractor.errors import MissingToolError
from extractor.formats import FORMATS, ocr
from extractor.formats.chinese_font import find_font
from extractor.formats.container_7z import load_libarchive
from extractor.formats.ocr_recognition import INSTALL
from extractor.formats.office_tools import ADVICE, find_office

_NAME = re.compile(r"[A-Za-z0-9._-]+")
_EXTRA = re.compile(r"extra\s*==\s*['\"]([^'\"]+)['\"]")
_UNKNOWN = "未知"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked for. `required` tells whether the program needs it."""

    group: str
    name: str
    found: str | None
    advice: str = ""
    required: bool = True


def program_version() -> str:
    """Return the version of hecha: of the installed package, else of the project beside it."""
    try:
        return version("hecha")
    except PackageNotFoundError:
        project = Path(__file__).resolve().parent.parent / "pyproject.toml"
        if not project.is_file():
            return _UNKNOWN
        found: str = tomllib.loads(project.read_text(encoding="utf-8"))["project"]["version"]
        return found


def examine() -> list[Finding]:
    """Look for everything that the program can use."""
    return [
        Finding("程序", "hecha", program_version()),
        Finding("程序", "Python", platform.python_version(), _python_advice()),
        Finding("程序", "系统", f"{platform.system()} {platform.machine()}"),
        Finding("程序", "输出编码", sys.stdout.encoding or _UNKNOWN),
        *(Finding("可读格式", form.name, " ".join(form.extensions)) for form in FORMATS),
        *_packages(),
        _office(),
        Finding("可选程序", "扫描件识别", _recognition(), INSTALL, required=False),
        _archives(),
        _font(),
    ]


def _archives() -> Finding:
    """Look for libarchive, by which 7z and RAR are read."""
    advice = "读 7z、RAR 时要用：系统软件包 libarchive13，以及 pip install 'hecha[archives]'"
    try:
        number = int(load_libarchive().ffi.version_number())
    except MissingToolError:
        return Finding("可选程序", "libarchive", None, advice, required=False)
    found = f"{number // 1_000_000}.{number // 1000 % 1000}.{number % 1000}"
    return Finding("可选程序", "libarchive", found, required=False)


def _font() -> Finding:
    """Look for a font with Chinese characters, with which pages of OFD are drawn."""
    advice = "画 OFD 的页面图像时要用：一种中文字体，例如系统软件包 fonts-noto-cjk"
    return Finding("可选程序", "中文字体", find_font(), advice, required=False)


def _recognition() -> str | None:
    return _installed("rapidocr") if ocr.is_available() else None


def _python_advice() -> str:
    return "" if sys.version_info >= (3, 11) else "需要 Python 3.11 或更新的版本"


def _packages() -> list[Finding]:
    """Look for the packages that the installed program declares, by extra."""
    try:
        declared = requires("hecha") or []
    except PackageNotFoundError:
        advice = "程序没有安装，是从源码运行的。请在项目文件夹执行 make setup"
        return [Finding("依赖", "hecha", None, advice, required=False)]
    findings = []
    for line in declared:
        name = _NAME.match(line)
        extra = _EXTRA.search(line)
        if name is None:
            continue
        group = f"可选 {extra.group(1)}" if extra else "依赖"
        advice = f'安装：python -m pip install "{line.partition(";")[0].strip()}"'
        findings.append(Finding(group, name.group(), _installed(name.group()), advice, not extra))
    return findings


def _installed(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _office() -> Finding:
    """Look for LibreOffice, by which .doc, .wps, .rtf and .odt are read."""
    advice = f"读 .doc、.wps、.rtf、.odt 时要用：{ADVICE}；也可用 Word、WPS 另存为 .docx"
    return Finding("可选程序", "LibreOffice", find_office(), advice, required=False)
