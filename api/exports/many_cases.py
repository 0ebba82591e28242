"""One workbook over many cases, written row by row: it takes the same memory for ten as for ten
thousand. Every text is a string cell, never a formula, as in the workbook of one case.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from api.exports.xlsx import cell_styles, is_risky

if TYPE_CHECKING:
    from xlsxwriter.format import Format
    from xlsxwriter.worksheet import Worksheet

Titled = Sequence[tuple[str, float]]
"""Columns: heading and width in characters."""

MOST_ROWS: Final = 1_000_000
_WHOLE_NUMBERS: Final = 9


@dataclass(slots=True)
class _Table:
    name: str
    columns: Titled
    page: Worksheet
    pages: int = 1
    row: int = 0


class ManyCasesWriter:
    """Writes tables side by side; each table begins with its first row."""

    def __init__(self, path: Path, temporary: Path) -> None:
        """Begin a workbook; its parts are kept in the folder `temporary` until it is closed."""
        from xlsxwriter import Workbook

        options = {"constant_memory": True, "tmpdir": str(temporary), "strings_to_formulas": False}
        self._book = Workbook(str(path), options)
        self._tables: dict[str, _Table] = {}
        self._formats: dict[tuple[str, bool], Format] = {}

    def begin(self, name: str, columns: Titled) -> None:
        """Add a table, in the order of the tabs."""
        self._tables[name] = _Table(name, columns, self._page(name, columns))

    def has(self, name: str) -> bool:
        """Tell whether a table was begun."""
        return name in self._tables

    def write(self, name: str, rows: Iterable[tuple[float, Sequence[str]]]) -> None:
        """Write rows of a table: height in points, and texts that are clean."""
        table = self._tables[name]
        for height, cells in rows:
            if table.row >= MOST_ROWS:
                table.pages += 1
                table.page = self._page(f"{name}（{table.pages}）", table.columns)
                table.row = 0
            table.row += 1
            table.page.set_row(table.row, height)
            for column, text in enumerate(cells):
                if text:
                    self._write(table.page, table.row, column, text)

    def close(self) -> None:
        """Write the file.

        Raises:
            OSError: it cannot be written.
        """
        from xlsxwriter.exceptions import FileCreateError

        for table in self._tables.values():
            table.page.autofilter(0, 0, max(table.row, 1), len(table.columns) - 1)
        try:
            self._book.close()
        except FileCreateError as error:
            # The library leaves the files of its rows open then.
            for page in self._book.worksheets():
                if (rows := getattr(page, "row_data_fh", None)) is not None:
                    rows.close()
            cause = error.args[0] if error.args else None
            raise cause if isinstance(cause, OSError) else OSError(str(error)) from error

    def _page(self, name: str, columns: Titled) -> Worksheet:
        page = self._book.add_worksheet(name)
        page.set_landscape()
        page.set_paper(9)
        page.fit_to_pages(1, 0)
        page.hide_gridlines(0)
        page.repeat_rows(0)
        page.set_footer("&L&9本表由程序生成初稿，须经人工核对&C&9第 &P 页，共 &N 页")
        page.freeze_panes(1, 2)
        for at, (_, width) in enumerate(columns):
            page.set_column(at, at, width)
        for at, (title, _) in enumerate(columns):
            page.write_string(0, at, title, self._format("head"))
        return page

    def _write(self, page: Worksheet, row: int, column: int, text: str) -> None:
        if len(text) < _WHOLE_NUMBERS and text.isdecimal() and text.isascii():
            page.write_number(row, column, int(text), self._format("centre"))
        else:
            page.write_string(row, column, text, self._format("text", is_risky(text)))

    def _format(self, style: str, quoted: bool = False) -> Format:
        key = style, quoted
        if key not in self._formats:
            values = cell_styles(style)
            if style != "head":  # the lines of the sheet serve as borders: empty cells need none
                values = {name: value for name, value in values.items() if "border" not in name}
            if quoted:
                values = {**values, "quote_prefix": True}
            self._formats[key] = self._book.add_format(values)
        return self._formats[key]
