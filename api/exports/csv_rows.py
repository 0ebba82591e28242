"""One table of the checklist as CSV, for spreadsheets and other programs."""

from __future__ import annotations

import csv
import io
import re
from typing import Final, Literal

from api.exports.sheets import checklist_sheets
from extractor.checklist.model import Checklist

TableName = Literal["accountability", "measures", "problems", "suggestions", "practices"]
_SHEETS: Final[dict[TableName, str]] = {
    "accountability": "责任追究",
    "measures": "整改措施",
    "problems": "问题",
    "suggestions": "建议",
    "practices": "经验做法",
}
_RISKY: Final = re.compile(r"\s*[=+\-@]|[\t\r]")


def checklist_csv(checklist: Checklist, table: TableName) -> bytes:
    """Return a table with its headings; UTF-8 with the mark that Excel looks for.

    A cell that a spreadsheet would take for a formula begins with a quote mark.
    """
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer)
    for sheet in checklist_sheets(checklist):
        if sheet.name == _SHEETS[table]:
            writer.writerow(column.title for column in sheet.columns)
            writer.writerows([_harmless(cell) for cell in row] for row in sheet.rows)
    return buffer.getvalue().encode("utf-8-sig", "replace")


def _harmless(cell: str) -> str:
    return f"'{cell}" if _RISKY.match(cell) else cell
