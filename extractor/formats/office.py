"""DOC, WPS, RTF and ODT: LibreOffice makes a DOCX of them, and the DOCX reader reads it.

Every job has a profile and a folder of its own, a time limit, and a guard (`office_guard`) that
ends it with all its children, even when this program is killed. In the profile macros, Java and
links of strangers are off, and every proxy is a dead port: nothing is run, nothing is fetched.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Final

from extractor.document import DocumentBuilder
from extractor.errors import CorruptFileError, LimitError, MissingToolError
from extractor.formats import office_files, office_guard, office_tools
from extractor.formats.limits import Limits, over_limit, size_text
from extractor.formats.word import read_docx

_TARGET: Final = "docx:MS Word 2007 XML"
_MOMENT: Final = 0.05
_GRACE: Final = 10.0
"""Seconds that the guard may take beyond the time limit of its command."""

_SETTINGS: Final = (
    ("Office.Common/Security/Scripting", "DisableMacrosExecution", "true"),
    ("Office.Common/Security/Scripting", "MacroSecurityLevel", "3"),
    ("Office.Common/Security/Scripting", "BlockUntrustedRefererLinks", "true"),
    ("Office.Java/VirtualMachine", "Enable", "false"),
    ("Office.Common/Misc", "FirstRun", "false"),
    ("Office.Recovery/RecoveryInfo", "Enabled", "false"),
    ("Office.Writer/Content/Update", "Link", "0"),
    ("Inet/Settings", "ooInetProxyType", "2"),
    ("Inet/Settings", "ooInetHTTPProxyName", "127.0.0.1"),
    ("Inet/Settings", "ooInetHTTPProxyPort", "9"),
    ("Inet/Settings", "ooInetHTTPSProxyName", "127.0.0.1"),
    ("Inet/Settings", "ooInetHTTPSProxyPort", "9"),
    ("Inet/Settings", "ooInetFTPProxyName", "127.0.0.1"),
    ("Inet/Settings", "ooInetFTPProxyPort", "9"),
    ("Inet/Settings", "ooInetNoProxy", ""),
)
"""Path below `/org.openoffice.`, property and value of the profile of each job."""
_ITEM: Final = (
    '<item oor:path="/org.openoffice.{}"><prop oor:name="{}" oor:op="fuse">'
    "<value>{}</value></prop></item>"
)
_PROFILE: Final = (
    '<?xml version="1.0" encoding="UTF-8"?>\n<oor:items '
    'xmlns:oor="http://openoffice.org/2001/registry" '
    'xmlns:xs="http://www.w3.org/2001/XMLSchema" '
    'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">{}</oor:items>\n'
)


def read_doc(data: bytes, builder: DocumentBuilder, limits: Limits) -> None:
    """Read a .doc or .wps by way of LibreOffice; a file that was cut off is read in part.

    Raises:
        MissingToolError: there is no LibreOffice on this machine.
        EncryptedFileError: a password is needed.
        CorruptFileError: LibreOffice cannot open it.
        LimitError: over one of `limits`, the time of a conversion among them.
    """
    office_files.check_doc(data, builder)
    read_docx(convert(data, ".doc", limits), builder, limits)


def read_rtf(data: bytes, builder: DocumentBuilder, limits: Limits) -> None:
    """Read RTF by way of LibreOffice; raises as `read_doc`, but RTF knows no password.

    What was cut off is read as far as it goes, with a warning.
    """
    read_docx(convert(office_files.mend_rtf(data, builder), ".rtf", limits), builder, limits)


def read_odt(data: bytes, builder: DocumentBuilder, limits: Limits) -> None:
    """Read an OpenDocument text by way of LibreOffice; raises as `read_doc`."""
    office_files.check_odt(data, limits)
    read_docx(convert(data, ".odt", limits), builder, limits)


def convert(data: bytes, suffix: str, limits: Limits) -> bytes:
    """Return the DOCX that LibreOffice makes of a file with this suffix (`.doc`).

    No more conversions run at once on this machine than it has processors. Raises as `read_doc`.
    """
    office = office_tools.find_office()
    if office is None:
        raise MissingToolError(
            "读取 .doc、.wps、.rtf、.odt 要用 LibreOffice 转换，这台机器上没有。"
            f"请安装（{office_tools.ADVICE}），或用 Word、WPS 另存为 .docx 后再读。"
        )
    until = time.monotonic() + limits.max_convert_seconds
    with (
        tempfile.TemporaryDirectory(prefix="hecha-office-", ignore_cleanup_errors=True) as name,
        _turn(until, limits),
    ):
        folder = Path(name)
        source = folder / f"source{suffix}"
        source.write_bytes(data)
        _write_profile(folder / "profile")
        code = _run(_command(office, folder, source), folder, until, limits)
        return _result(folder / "out" / "source.docx", code, limits)


def _command(office: str, folder: Path, source: Path) -> list[str]:
    return [
        office,
        f"-env:UserInstallation={(folder / 'profile').as_uri()}",
        *("--headless", "--norestore", "--nologo", "--nodefault", "--nofirststartwizard"),
        *("--convert-to", _TARGET, "--outdir", str(folder / "out"), str(source)),
    ]


def _write_profile(profile: Path) -> None:
    user = profile / "user"
    user.mkdir(parents=True)
    items = "".join(_ITEM.format(*setting) for setting in _SETTINGS)
    (user / "registrymodifications.xcu").write_text(_PROFILE.format(items), encoding="utf-8")


def _run(command: list[str], folder: Path, until: float, limits: Limits) -> int:
    """Run the command under its guard; whatever happens here, nothing of it is left running."""
    seconds = max(until - time.monotonic(), 0.0)
    guard = subprocess.Popen(  # noqa: S603 - our own script, and LibreOffice as found
        [
            *(sys.executable, "-I", "-S", office_guard.__file__, str(folder)),
            *(f"{seconds:.3f}", str(limits.max_uncompressed_bytes), str(limits.max_memory_bytes)),
            *command,
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=_environment(folder, os.environ),
        start_new_session=True,
    )
    try:
        return guard.wait(seconds + _GRACE)
    finally:
        with suppress(OSError):
            _stdin(guard).close()  # the guard ends what still runs, and then itself
        guard.wait()


def _stdin(process: subprocess.Popen[bytes]) -> IO[bytes]:
    if process.stdin is None:
        raise ValueError("a process without a pipe")
    return process.stdin


def _environment(folder: Path, current: Mapping[str, str]) -> dict[str, str]:
    """Return what LibreOffice needs of the environment: no display, no proxy, no other home."""
    kept = ("PATH", "SYSTEMROOT", "WINDIR", "COMSPEC", "LANG", "LC_ALL", "LD_LIBRARY_PATH")
    environment = {name: current[name] for name in kept if name in current}
    dead = dict.fromkeys(("http_proxy", "https_proxy", "ftp_proxy"), "http://127.0.0.1:9")
    home = dict.fromkeys(("HOME", "TMPDIR", "TEMP", "TMP", "USERPROFILE", "APPDATA"), str(folder))
    return {**environment, **dead, **home, "SAL_USE_VCLPLUGIN": "svp", "SAL_DISABLE_OPENCL": "1"}


def _result(path: Path, code: int, limits: Limits) -> bytes:
    used_up = getattr(signal, "SIGXCPU", None)  # not on Windows
    if code == office_guard.TIMED_OUT or (used_up is not None and code == -used_up):
        raise _too_slow(limits)
    try:
        size = path.stat().st_size
    except OSError as exc:  # LibreOffice says nothing of use, and its exit code is 0
        raise CorruptFileError(
            "LibreOffice 打不开这个文件，可能已损坏或没有传完。请重新下载或复制原文件，"
            "能用 Word 或 WPS 打开时另存为 .docx 后再上传。"
        ) from exc
    if size > limits.max_bytes:
        found = f"转换后的文件大小 {size_text(size)}"
        raise over_limit(found, "max_bytes", size_text(limits.max_bytes))
    return path.read_bytes()


def _too_slow(limits: Limits) -> LimitError:
    allowed = f"{limits.max_convert_seconds:g} 秒"
    return over_limit("LibreOffice 转换超时", "max_convert_seconds", allowed)


_threads = threading.BoundedSemaphore(os.cpu_count() or 1)


@contextmanager
def _turn(until: float, limits: Limits) -> Iterator[None]:
    """Wait for one of as many places as there are processors, shared by all programs of a user."""
    if not _threads.acquire(timeout=max(until - time.monotonic(), 0.0)):
        raise _too_slow(limits)
    try:
        held = _lock_place(until, limits)
        try:
            yield
        finally:
            if held is not None:
                os.close(held)
    finally:
        _threads.release()


def _lock_place(until: float, limits: Limits) -> int | None:
    """Lock one of the files that stand for the places, and return it; None without file locks.

    The system unlocks the file of a program that dies.
    """
    try:
        import fcntl
    except ImportError:  # Windows: the places are only counted within this program
        return None
    folder = Path(os.environ.get(office_guard.LOCKS) or tempfile.gettempdir())
    while True:
        for place in range(os.cpu_count() or 1):
            path = folder / f"hecha-office-{os.getuid()}-{place}.lock"
            try:
                handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
            except OSError:  # somebody else's file, or a folder without room for one
                return None
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                os.close(handle)
                continue
            return handle
        if time.monotonic() >= until:
            raise _too_slow(limits)
        time.sleep(_MOMENT)
