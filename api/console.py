"""The terminal side: Chinese help and usage errors, UTF-8 streams, lines for people on stderr.

Results go to stdout, everything else to stderr. Output is UTF-8 whatever the locale says.
"""

from __future__ import annotations

import difflib
import io
import os
import re
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from shutil import get_terminal_size
from typing import Any, NoReturn

import typer
from rich.console import Console, RenderableType
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn
from rich.table import Table
from rich.text import Text
from typer.core import TyperCommand, TyperGroup

from api.exports.table import render_text

OK, FAILED, WRONG_USE = 0, 1, 2
_INTERRUPTED = 130
_PIPE_WIDTH = 100
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+")
_CHINESE = re.compile(r"[\u4e00-\u9fff]")
_QUOTED = re.compile(r"'([^']*)'")


def use_utf8() -> None:
    """Make stdout and stderr write UTF-8; what cannot be written becomes a question mark."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors="replace")


def one_line(text: str) -> str:
    """Return a text for one line of a terminal: no line break, no control character."""
    return _CONTROL.sub(" ", text).strip()


def say(text: str) -> None:
    """Write one line for people to stderr."""
    # Not through typer.echo, which would write over the progress bar.
    sys.stderr.write(one_line(text) + "\n")
    sys.stderr.flush()


def show(view: RenderableType) -> None:
    """Write a view to stdout: with colour on a terminal, as plain text elsewhere."""
    if sys.stdout.isatty():
        Console(file=sys.stdout, highlight=False).print(view)
    else:
        width = max(80, get_terminal_size((_PIPE_WIDTH, 24)).columns)
        typer.echo(render_text(view, width).rstrip("\n"))


def wrong_use(message: str) -> NoReturn:
    """Stop with exit code 2 because the command was not given as it must be.

    Raises:
        BadParameter: always.
    """
    raise typer.BadParameter(message)


@contextmanager
def progress(label: str, total: int) -> Iterator[Any]:
    """Show how far a job is, on stderr and only on a terminal; yields a function to call per step.

    The function takes the name of the file that is read next.
    """
    if not sys.stderr.isatty():
        yield lambda _name: None
        return
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, redirect_stdout=False) as bar:
        task = bar.add_task(label, total=total)
        started = False

        def step(name: str) -> None:
            nonlocal started
            bar.update(task, description=f"{label} {one_line(name)}", advance=int(started))
            started = True

        yield step


class _ChineseHelp:
    """How a command explains itself, in Chinese and with the width of Chinese characters."""

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Write usage, purpose, arguments, options and commands."""
        formatter.write(render_text(_Help(self, ctx).view(), formatter.width).rstrip() + "\n")

    def format_usage(self, ctx: Any, formatter: Any) -> None:
        """Write the usage line."""
        formatter.write(_usage(self, ctx) + "\n")


class ChineseCommand(_ChineseHelp, TyperCommand):
    """A command whose help is in Chinese."""


class ChineseGroup(_ChineseHelp, TyperGroup):
    """The program: its help and all usage errors are in Chinese; exit codes 0, 1, 2."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Find the command; an unknown one is a usage error that names the nearest."""
        if args and not args[0].startswith("-") and self.get_command(ctx, args[0]) is None:
            near = difflib.get_close_matches(args[0], self.commands, n=1)
            ctx.fail(f"没有命令“{one_line(args[0])}”" + (f"，是不是“{near[0]}”？" if near else ""))
        return super().resolve_command(ctx, args)

    def main(
        self,
        args: Any = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        windows_expand_args: bool = True,
        **extra: Any,
    ) -> Any:
        """Run the program and leave with its exit code."""
        options = ("hecha", complete_var, False, windows_expand_args)
        if not standalone_mode:
            return super().main(args, *options, **extra)
        use_utf8()
        try:
            code = super().main(args, *options, **extra)
            sys.stdout.flush()
        except typer.Abort:
            code = _INTERRUPTED
        except BrokenPipeError:
            _drop_stdout()
            code = FAILED
        except typer.TyperException as error:
            typer.echo(explain(error), err=True)
            code = error.exit_code
        if code == _INTERRUPTED:
            say("已中断。")
        sys.exit(code if isinstance(code, int) else OK)


def _drop_stdout() -> None:
    """Send what is still to be written nowhere, so that leaving does not fail again."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


class _Help:
    """The help of one command as a table."""

    def __init__(self, command: Any, ctx: Any) -> None:
        self._command = command
        self._ctx = ctx

    def view(self) -> RenderableType:
        table = Table.grid(padding=(0, 2))
        table.add_column(no_wrap=True)
        table.add_column(overflow="fold")
        for title, rows in self._sections():
            table.add_row("")
            table.add_row(Text(title))
            for name, text in rows:
                table.add_row(Text("  " + name), Text(text))
        outer = Table.grid()
        outer.add_column(overflow="fold")
        outer.add_row(Text(_usage(self._command, self._ctx)))
        outer.add_row(Text("\n" + (self._command.help or "").strip()))
        outer.add_row(table)
        return outer

    def _sections(self) -> Iterator[tuple[str, list[tuple[str, str]]]]:
        params = [p for p in self._command.get_params(self._ctx) if not getattr(p, "hidden", False)]
        arguments = [p for p in params if p.param_type_name == "argument"]
        options = [p for p in params if p.param_type_name == "option"]
        commands = getattr(self._command, "commands", {})
        for title, rows in (
            ("参数：", [(_metavar(p), p.help or "") for p in arguments]),
            ("选项：", [_option(p) for p in options]),
            ("命令：", [(name, each.get_short_help_str(200)) for name, each in commands.items()]),
        ):
            if rows:
                yield title, rows


def _usage(command: Any, ctx: Any) -> str:
    arguments = [p for p in command.get_params(ctx) if p.param_type_name == "argument"]
    pieces = ["[选项]", *map(_metavar, arguments)]
    if getattr(command, "commands", None):
        pieces.append("命令 …")
    return f"用法：{ctx.command_path} {' '.join(pieces)}"


def _metavar(parameter: Any) -> str:
    name: str = parameter.metavar or parameter.human_readable_name
    return name


def _option(parameter: Any) -> tuple[str, str]:
    name = ", ".join(sorted(parameter.opts, key=len))
    if parameter.name == "help":
        return name, "显示帮助"
    return f"{name} {parameter.metavar}" if parameter.metavar else name, parameter.help or ""


def explain(error: typer.TyperException) -> str:
    """Return a usage error in Chinese: the usage, what is wrong, where to read more."""
    if type(error).__name__ == "NoArgsIsHelpError":
        return error.message
    ctx = getattr(error, "ctx", None)
    lines = [f"错误：{one_line(_reason(error))}"]
    if ctx is not None:
        lines = [ctx.get_usage(), *lines, f"详细说明：{ctx.command_path} --help"]
    return "\n".join(lines)


def _reason(error: Any) -> str:
    """Translate the message of the parser; messages of our own are Chinese already."""
    message: str = error.message
    value = next(iter(_QUOTED.findall(message)), "")
    kind = type(error).__name__
    if _CHINESE.search(message) and kind in ("UsageError", "BadParameter"):
        return message
    if kind == "NoSuchOption":
        near = "、".join(sorted(error.possibilities or ()))
        return f"没有选项 {error.option_name}" + (f"，是不是 {near}？" if near else "")
    if kind == "MissingParameter":
        return f"缺少{_named(error.param)}"
    if kind == "BadOptionUsage":
        missing = "requires" in message
        return f"选项 {error.option_name} " + ("后面缺少值" if missing else "后面不写值")
    if kind == "BadParameter":
        purpose = getattr(error.param, "help", None)
        shown = f"：{value}" if value else ""
        return f"{_named(error.param)}的值不对{shown}" + (f"（{purpose}）" if purpose else "")
    if "unexpected extra argument" in message:
        return "多余的参数：" + message.rpartition("(")[2].rstrip(")")
    return message


def _named(parameter: Any) -> str:
    if parameter is None:
        return "参数"
    if parameter.param_type_name == "argument":
        return f"参数“{_metavar(parameter)}”"
    return f"选项 {max(parameter.opts, key=len)} "


def join_names(names: Iterable[str], most: int = 5) -> str:
    """Return names for one line: a、b、c 等12个."""
    listed = [one_line(name) for name in names]
    words = "、".join(listed[:most])
    return words if len(listed) <= most else f"{words} 等{len(listed)}个"
