"""Where LibreOffice is, and how to get it where it is not."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Final

ADVICE: Final = (
    "Debian、Ubuntu、统信、麒麟执行 sudo apt-get install libreoffice-writer-nogui"
    "（没有这个包的装 libreoffice-writer），其他系统安装 LibreOffice"
)
_ELSEWHERE: Final = (
    "/Applications/LibreOffice.app/Contents/MacOS/soffice",
    r"C:\Program Files\LibreOffice\program\soffice.exe",
    r"C:\Program Files (x86)\LibreOffice\program\soffice.exe",
)


def find_office() -> str | None:
    """Return the program of LibreOffice, from the search path or where installers put it."""
    for name in ("soffice", "libreoffice"):
        if (found := shutil.which(name)) is not None:
            return found
    return next((path for path in _ELSEWHERE if Path(path).is_file()), None)
