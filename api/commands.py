"""What the commands of `hecha` do; each returns its exit code."""

from __future__ import annotations

import errno
import ipaddress
import json
import socket
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path

import typer
from pydantic import ValidationError
from rich import box
from rich.table import Table
from rich.text import Text

from api.batch import (
    Done,
    Failure,
    Inputs,
    OutputNames,
    Skipped,
    find_inputs,
    read_files,
    report,
    write_file,
)
from api.console import FAILED, OK, progress, say, show, wrong_use
from api.doctor import examine
from api.exports.explanation import explanation_text, known_records
from api.exports.table import checklist_view, extraction_view, render_text
from api.exports.xlsx import checklist_xlsx
from api.ranking import build_case
from api.tagging import tagger_of
from extractor import Checklist, Extraction
from models import NoTagger, TaggerError

_FORMATS = ("json", "table")
_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_PRINT_WIDTH = 120


def run_extract(
    files: Sequence[Path],
    folder: Path | None,
    form: str,
    records: Sequence[str] = (),
    tagger: str = NoTagger.name,
) -> int:
    """Extract every file: to stdout, or one result a file into `folder`.

    `form` is json, table or explain; `records` are the ids that an explanation is wanted of.
    """
    if form not in (*_FORMATS, "explain"):
        wrong_use(f"--format 只能是 json 或 table，写的是“{form}”")
    if folder is not None and folder.exists() and not folder.is_dir():
        wrong_use(f"-o 要写文件夹，“{folder}”是一个文件")
    inputs = _found(files)
    if folder is None and form == "json" and len(inputs.paths) > 1:
        wrong_use(f"有{len(inputs.paths)}个文件：请用 -o 指定保存结果的文件夹，例如 -o 结果")
    suffix = ".json" if form == "json" else ".txt"
    names = OutputNames(suffix)
    failed = bool(inputs.failures)
    printed: list[Done] = []
    with progress("正在读取", len(inputs.paths)) as step:
        for result in read_files(inputs.paths, step, tagger_of(tagger)):
            report(result)
            if isinstance(result, Failure):
                failed = True
            elif isinstance(result, Skipped):
                continue
            elif folder is None:
                printed.append(result)
            else:
                data = _extraction_bytes(result, form, records)
                failed |= not _save(folder / names.of(result.path), data, inputs.paths)
    if form == "json" and len(printed) > 1:
        wrong_use(f"里面有{len(printed)}个文件：请用 -o 指定保存结果的文件夹，例如 -o 结果")
    for done in printed:
        failed |= not _print_extraction(done, form, records)
    return FAILED if failed else OK


def _print_extraction(done: Done, form: str, records: Sequence[str]) -> bool:
    """Print one result; False when a record is asked for that it does not have."""
    if form == "table":
        show(extraction_view(done.document, done.extraction))
        return True
    typer.echo(_extraction_bytes(done, form, records).decode(), nl=False)
    unknown = [name for name in records if name not in known_records(done.extraction)]
    for name in unknown:
        say(f"{done.extraction.document.filename} 没有编号为 {name} 的内容")
    return not unknown


def _extraction_bytes(done: Done, form: str, records: Sequence[str]) -> bytes:
    if form == "json":
        return (done.extraction.model_dump_json(indent=2) + "\n").encode()
    if form == "explain":
        text = explanation_text(done.document, done.extraction, records)
        return text.encode("utf-8", "replace")
    view = extraction_view(done.document, done.extraction)
    return render_text(view, _PRINT_WIDTH).encode("utf-8", "replace")


def run_view(file: Path, output: Path | None, dpi: int, tagger: str = NoTagger.name) -> int:
    """Write one file as a self-contained page: its text, its pages, its facts in both."""
    if file.is_dir():
        wrong_use(f"view 一次看一个文件，“{file}”是文件夹")
    target = output if output is not None else Path(f"{file.stem}.html")
    if target.suffix.lower() not in (".html", ".htm"):
        wrong_use(f"-o 只能写 .html 文件，写的是“{target}”")
    if target.is_dir():
        wrong_use(f"-o 要写文件，“{target}”是文件夹，例如 {target / '查看.html'}")
    inputs = _found([file])
    with progress("正在读取", len(inputs.paths)) as step:
        results = list(read_files(inputs.paths, step, tagger_of(tagger)))
    if any(result.path != file for result in results):
        wrong_use(f"view 一次看一个文件，“{file}”里装着别的文件：请解开后看其中一个")
    failed = bool(inputs.failures)
    for result in results:
        report(result)
        if not isinstance(result, Done):
            failed = True
            continue
        # Loaded here: the other commands need neither templates nor pictures.
        exporter = import_module("api.exports.side_by_side")
        html: str = exporter.side_by_side_html(
            result.path.read_bytes(), result.document, result.extraction, dpi=dpi
        )
        failed |= not _save(target, html.encode("utf-8", "replace"), inputs.paths)
    return FAILED if failed else OK


def _found(files: Sequence[Path]) -> Inputs:
    """Return the files of a command, and report what could not be found."""
    inputs = find_inputs(files)
    for failure in inputs.failures:
        report(failure)
    return inputs


def run_checklist(
    files: Sequence[Path], outputs: Sequence[Path], quiet: bool, tagger: str = NoTagger.name
) -> int:
    """Build the checklist of one case from its files, print it and save it."""
    for path in outputs:
        if path.suffix.lower() not in (".xlsx", ".json"):
            wrong_use(f"-o 只能写 .xlsx 或 .json 文件，写的是“{path}”")
        if path.is_dir():
            wrong_use(f"-o 要写文件，“{path}”是文件夹，例如 {path / '清单.xlsx'}")
    inputs = _found(files)
    failed = len(inputs.failures)
    done: list[Done] = []
    with progress("正在读取", len(inputs.paths)) as step:
        for result in read_files(inputs.paths, step, tagger_of(tagger)):
            report(result)
            if isinstance(result, Failure):
                failed += 1
            elif not isinstance(result, Skipped):
                done.append(result)
    if not done:
        say("没有读到任何文件，未生成清单。")
        return FAILED
    today = datetime.now(UTC).astimezone().date()
    sources = [(each.document, each.extraction) for each in done]
    built = build_case(sources, today, say)
    if not quiet:
        show(checklist_view(built))
    saved = [_save(path, _checklist_bytes(built, path), inputs.paths) for path in outputs]
    if failed:
        say(f"注意：清单未包含以上{failed}个失败的文件。")
    return OK if all(saved) and not failed else FAILED


def _checklist_bytes(checklist: Checklist, path: Path) -> bytes:
    if path.suffix.lower() == ".xlsx":
        return checklist_xlsx(checklist)
    return (checklist.model_dump_json(indent=2) + "\n").encode()


def _save(path: Path, data: bytes, inputs: Sequence[Path]) -> bool:
    """Write a result and say so; never over a file that was read."""
    if any(path.resolve() == source.resolve() for source in inputs):
        say(f"失败 {path} [output_is_input] 结果会覆盖原文件，没有写入。请换一个名称或文件夹。")
        return False
    problem = write_file(path, data)
    if problem is not None:
        say(f"失败 {path} [write_failed] {problem}")
        return False
    say(f"已写入 {path}")
    return True


def run_schema(of_checklist: bool) -> int:
    """Print the JSON Schema of the extraction or of the checklist."""
    model = Checklist if of_checklist else Extraction
    described = {"$schema": _DIALECT, **model.model_json_schema(mode="serialization")}
    typer.echo(json.dumps(described, ensure_ascii=False, indent=2))
    return OK


def run_serve(host: str, port: int) -> int:
    """Run the service until it is stopped."""
    problem = _port_problem(host, port)
    if problem is not None:
        say(f"无法启动服务：{problem}")
        return FAILED
    try:
        import uvicorn

        service = import_module("api.app").create_app()
    except ImportError as error:
        say(f"无法启动服务：缺少 {error.name}。请重新安装 hecha，或运行 hecha doctor 查看。")
        return FAILED
    except TaggerError as error:
        say(f"无法启动服务：HECHA_TAGGER 指定的识别模型不能用。{error.message}")
        return FAILED
    except ValidationError as error:
        for each in error.errors():
            say(
                f"无法启动服务：设置 HECHA_{str(each['loc'][0]).upper()} 的值不对。见 docs/api.md。"
            )
        return FAILED
    say(f"核查服务：http://{_address(host)}:{port} （按 Ctrl+C 停止）")
    if not _is_local(host):
        say("注意：服务没有身份验证，其他电脑也能访问。请只在可信的内网中这样使用。")
    uvicorn.run(service, host=host, port=port, log_level="warning", access_log=False)
    return OK


def _port_problem(host: str, port: int) -> str | None:
    """Tell why the service cannot listen there, None when it can."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except socket.gaierror:
        return f"地址 {host} 不存在。本机请写 127.0.0.1。"
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            return f"端口 {port} 已被占用。请换一个，例如 --port {port % 65535 + 1}。"
        if error.errno in (errno.EACCES, errno.EPERM):
            return f"没有权限使用端口 {port}。请用 1024 以上的端口，例如 --port 8000。"
        return f"不能在 {host}:{port} 监听（{error.strerror}）。"
    return None


def _address(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _is_local(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def run_doctor() -> int:
    """Print what is installed and what is missing; fails when something needed is missing."""
    findings = examine()
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for title in ("类别", "名称", "状态", "说明"):
        table.add_column(title, overflow="fold")
    for finding in findings:
        missing = finding.found is None
        state = Text(
            "缺少" if finding.required else "没有", style="red" if finding.required else ""
        )
        table.add_row(
            Text(finding.group),
            Text(finding.name),
            state if missing else Text(str(finding.found)),
            Text(finding.advice if missing else ""),
        )
    show(table)
    return FAILED if any(f.required and f.found is None for f in findings) else OK
