"""An invented investigation report of any length: no name, unit, number or sentence comes twice.

A report that only repeats itself is no test of growth, since equal records are merged: here ten
times the length is ten times the persons, units, sanctions, document numbers and measures.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count

_SURNAMES = "赵钱孙李周吴郑王冯陈褚卫蒋沈韩杨朱秦尤许何吕施张孔曹严华金魏陶姜"
_GIVEN = "远山明川志宏建国文斌海涛立军晓峰云飞长林春生玉成少华庆丰德昌永康"
_PLACES = "青石云溪柳渡东川岚北泽安平岭清河桐城龙潭松口白沙"
_TRADES = ("建筑工程", "化工", "机械制造", "物流", "食品", "矿业", "装饰装修", "劳务")
_GROUP = 80
"""Items in a group: the reader knows marks of two digits, and real lists are shorter still."""
_DUTIES = ("项目经理", "法定代表人", "安全员", "车间主任", "总监理工程师", "副局长", "副镇长")
_FIELDS = ("动火作业", "高处作业", "有限空间作业", "起重吊装", "临时用电", "危险化学品储存")


def long_report(characters: int) -> str:
    """Return a report of at least this length, at most one item longer.

    A third is narrative, a half is treatment, the rest are measures, as in published reports.
    """
    parts = ["青石县东川化工有限公司“3·5”较大爆炸事故调查报告", ""]
    parts.append("2023年3月5日9时许，青石县东川化工有限公司发生爆炸，造成3人死亡、5人受伤，")
    parts.append("直接经济损失986.5万元。县政府批复（青政复〔2023〕7号）成立事故调查组。")
    for title, share, write in (
        ("一、事故基本情况", 0.33, _fact),
        ("二、对事故有关责任人员和责任单位的处理建议", 0.83, _treatment),
        ("三、事故防范和整改措施", 1.0, _measure),
    ):
        parts.append(title)
        parts += _until(parts, characters * share, write)
    return "\n".join(parts) + "\n"


def _until(parts: list[str], wanted: float, write: Callable[[int], str]) -> Iterator[str]:
    length = sum(len(part) + 1 for part in parts)
    for number in count():
        if length >= wanted:
            return
        line = write(number)
        if number % _GROUP == 0:
            line = f"（{_chinese(number // _GROUP + 1)}）第{number // _GROUP + 1}部分\n{line}"
        length += len(line) + 1
        yield line


def _chinese(number: int) -> str:
    tens, ones = divmod(number, 10)
    digits = "〇一二三四五六七八九"
    return (
        (digits[tens] if tens > 1 else "") + ("十" if tens else "") + (digits[ones] if ones else "")
    )


def _pick(letters: str, number: int) -> str:
    return letters[number % len(letters)]


def _person(number: int) -> str:
    high, low = divmod(number // len(_SURNAMES), len(_GIVEN))
    return _pick(_SURNAMES, number) + _pick(_GIVEN, high + number) + _pick(_GIVEN, low)


def unit_name(number: int) -> str:
    """Return the name of an invented company; 200 numbers give 200 names."""
    high, low = divmod(number // len(_TRADES), len(_PLACES))
    name = _pick(_PLACES, low) + _pick(_PLACES, high + 7 * low + 3) + _pick(_GIVEN, high)
    return f"青石县{name}{_TRADES[number % len(_TRADES)]}有限公司"


def _mark(number: int) -> str:
    return f"{1 + number % _GROUP}."


def _fact(number: int) -> str:
    return (
        f"{unit_name(number)}成立于{1990 + number % 30}年{1 + number % 12}月{1 + number % 28}日，"
        f"现有职工{40 + number}人，持有安全生产许可证，"
        f"{number + 11}号厂房与现场相距{number + 90}米。"
        f"当日{_FIELDS[number % len(_FIELDS)]}未经审批，现场监护人员没有到岗，县应急管理局曾以"
        f"青应急责改〔2022〕{number + 100}号要求其整改。"
    )


def _treatment(number: int) -> str:
    unit = unit_name(number)
    who = f"{_person(number)}，{unit}{_DUTIES[number % len(_DUTIES)]}"
    if number % 3 == 0:
        fine = f"处{300_000 + 100 * number}元罚款。"
        what = "安全生产主体责任不落实，对事故发生负有责任，建议由青石县应急管理局"
        return f"{_mark(number)}{unit}，{what}依据《安全生产法》第一百一十四条第（一）项，{fine}"
    if number % 3 == 1:
        what = "未督促检查安全生产工作，对事故发生负有主要责任，建议由青石县应急管理局"
        return f"{_mark(number)}{who}，{what}处上一年年收入40%的罚款。"
    what = "履行职责不到位，对事故发生负有监管责任，建议给予其政务记过处分，"
    return f"{_mark(number)}{who}，{what}并责成其向县政府作出书面检查。"


def _measure(number: int) -> str:
    work, month = _FIELDS[number % len(_FIELDS)], 1 + number % 12
    return (
        f"{_mark(number)}{unit_name(number)}要于2023年{month}月底前完成{work}的隐患排查，"
        f"建立第{number}号台账，逐项整改销号，并报县应急管理局备案。"
    )


def task_rows(count: int) -> list[tuple[str, str, str, str]]:
    """Return the rows of a task table: number, measure, unit, deadline; no two alike.

    Each third measure is long, so that its row takes several lines and may run over a page.
    """
    rows = []
    for number in range(count):
        work, month = _FIELDS[number % len(_FIELDS)], 1 + number % 12
        measure = f"完成{work}的隐患排查，建立第{number}号台账"
        if number % 3 == 0:
            measure += f"，逐项整改销号；对{number + 3}名作业人员重新培训考核，合格后方可上岗"
            measure += (
                f"；配齐{number + 2}套防护用品，并于每月{1 + number % 28}日前报县应急管理局备案"
            )
        rows.append((str(number + 1), measure, unit_name(number), f"2023年{month}月底"))
    return rows


def evaluation_report(characters: int) -> str:
    """Return an evaluation of the same accident, about this long: carried out, found, advised.

    Four tenths say what was done to whom, as many what was put right; then problems and advice.
    """
    parts = ["青石县东川化工有限公司“3·5”较大爆炸事故整改措施落实情况评估报告", ""]
    parts.append("2023年3月5日9时许，青石县东川化工有限公司发生爆炸，造成3人死亡、5人受伤，")
    parts.append("直接经济损失986.5万元。2023年6月1日，县政府以《关于青石县东川化工有限公司“3·5”")
    parts.append("较大爆炸事故调查报告的批复》（青政复〔2023〕7号）批复结案。")
    for title, share, write in (
        ("一、责任追究落实情况", 0.4, _carried_out),
        ("二、整改措施落实情况", 0.7, _put_right),
        ("三、存在的问题", 0.85, _problem),
        ("四、工作建议", 1.0, _advice),
    ):
        parts.append(title)
        parts += _until(parts, characters * share, write)
    return "\n".join(parts) + "\n"


def _carried_out(number: int) -> str:
    who = f"{_person(number)}，{unit_name(number)}{_DUTIES[number % len(_DUTIES)]}"
    if number % 2 == 0:
        fine = f"{30_000 + 100 * number}元"
        paper = f"青应急罚〔2023〕{number + 1}号"
        return f"{_mark(number)}{who}。青石县应急管理局已作出{fine}罚款的行政处罚（{paper}）。"
    return f"{_mark(number)}{who}。2023年7月{1 + number % 28}日，县纪委监委给予其政务记过处分。"


def _put_right(number: int) -> str:
    work, month = _FIELDS[number % len(_FIELDS)], 1 + number % 12
    return (
        f"{_mark(number)}{unit_name(number)}已于2023年{month}月完成{work}隐患排查，"
        f"建立第{number}号台账，整改隐患{number + 3}项。"
    )


def _problem(number: int) -> str:
    work = _FIELDS[number % len(_FIELDS)]
    return (
        f"{_mark(number)}{unit_name(number)}{work}管理不到位，"
        f"第{number + 40}号台账记录不全，{number + 2}名员工未参加考核。"
    )


def _advice(number: int) -> str:
    work = _FIELDS[number % len(_FIELDS)]
    return f"{_mark(number)}{unit_name(number)}要加强{work}管理，补齐第{number + 40}号台账的记录。"
