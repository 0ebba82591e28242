"""How the service logs: one JSON object a line, or plain text; nothing that may name a person.

Our own messages are written to be safe. A message of a library is not: it may hold an address, a
file name or the text of an exception. Of those only the place in the program is written, and the
kind of exception; of uvicorn and alembic also the words that stand in their source.
"""

from __future__ import annotations

import json
import logging
import sys
import threading
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Literal, TextIO, TypeAlias

from api.telemetry.context import at_work

LogForm: TypeAlias = Literal["json", "text"]
LogLevel: TypeAlias = Literal["debug", "info", "warning", "error"]

FIELDS: Final[Mapping[str, str]] = {
    "time": "时间（UTC）",
    "level": "级别：debug、info、warning、error、critical",
    "logger": "记录者",
    "message": "内容；库的日志只有它在程序中的位置",
    "request_id": "请求编号，与应答头 X-Request-ID 一致",
    "document": "正在读取的文件的编号（SHA-256）",
    "method": "请求的方法",
    "route": "接口的模板，例如 /v1/documents/{document_id}",
    "status": "应答的状态码",
    "milliseconds": "用时",
    "error": "异常的类型",
    "error_id": "意外错误的编号，与应答和文件的错误信息里的一致",
    "code": "错误代码",
    "place": "异常在程序中的位置",
}
"""All fields of a line in JSON, and what each tells; those that do not apply are left out."""

_OURS: Final = "hecha"
_WORDED: Final = ("uvicorn", "alembic")
_EXTRA: Final = ("method", "route", "status", "milliseconds", "error", "error_id", "code")
_FRAMES: Final = 4


class SafeFormatter(logging.Formatter):
    """Writes a record without anything that its maker did not write in the source."""

    def __init__(self, form: LogForm) -> None:
        """Write in this form."""
        super().__init__()
        self._form = form

    def format(self, record: logging.LogRecord) -> str:
        """Return the line of a record."""
        moment = datetime.fromtimestamp(record.created, UTC)
        fields: dict[str, Any] = {
            "time": moment.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": message_of(record),
        }
        fields |= at_work()
        fields |= {name: getattr(record, name) for name in _EXTRA if hasattr(record, name)}
        if record.exc_info and record.exc_info[0] is not None:
            fields["error"] = record.exc_info[0].__name__
            fields["place"] = place_of(record.exc_info[2])
        if self._form == "json":
            return json.dumps(fields, ensure_ascii=False)
        more = " ".join(f"{name}={fields[name]}" for name in _SHOWN if name in fields)
        head = f"{fields['time']} {record.levelname:<7} {record.name} {fields['message']}"
        return f"{head} {more}".rstrip()


_SHOWN: Final = ("request_id", "document", "error", "place")


def message_of(record: logging.LogRecord) -> str:
    """Return what may be written of the message of a record."""
    if _is_of(record, _OURS):
        return record.getMessage()
    place = f"{Path(record.pathname).name}:{record.lineno} {record.funcName}"
    if isinstance(record.msg, str) and any(_is_of(record, name) for name in _WORDED):
        return f"{record.msg} ({place})"
    return place


def place_of(trace: TracebackType | None) -> str:
    """Return the innermost places of a traceback, without the source lines."""
    places = []
    while trace is not None:
        code = trace.tb_frame.f_code
        places.append(f"{Path(code.co_filename).name}:{trace.tb_lineno} {code.co_name}")
        trace = trace.tb_next
    return " < ".join(reversed(places[-_FRAMES:]))


def set_up_logs(form: LogForm, level: LogLevel, stream: TextIO | None = None) -> None:
    """Send all logs of this process to `stream` (standard error), in this form.

    `level` holds for our own; of libraries only warnings are written. What ends a thread is logged
    in the same way, where Python would print the message of the exception.
    """
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(SafeFormatter(form))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger(_OURS).setLevel(level.upper())
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access", "dbos", "alembic", "sqlalchemy"):
        logger = logging.getLogger(name)
        logger.handlers[:] = [logging.NullHandler()] if name == "dbos" else []
        logger.propagate = name != "uvicorn.access"
    logging.captureWarnings(True)
    threading.excepthook = _on_thread_error


def _on_thread_error(ended: threading.ExceptHookArgs) -> None:
    trace, kind = ended.exc_traceback, ended.exc_type.__name__
    logging.getLogger(_OURS).error("a thread ended: %s at %s", kind, place_of(trace))


def _is_of(record: logging.LogRecord, name: str) -> bool:
    return record.name == name or record.name.startswith(f"{name}.")
