"""Writes penalty decisions, circulars, plans, self-reports and news."""

from __future__ import annotations

from datetime import timedelta

from corpus.synthetic.document_writer import DocumentWriter
from corpus.synthetic.remedies import Remedies
from corpus.synthetic.sanctioning import Manner, Sanctioner
from corpus.synthetic.spelling import day

DECISION_DAYS = 40
"""So long after the reply a penalty is decided."""


def write_decision(writer: DocumentWriter) -> None:
    """Write a penalty decision on the company."""
    speaker, incident = writer.speaker, writer.speaker.incident
    speaker.today = incident.replied + timedelta(days=DECISION_DAYS)
    unit, regulator = incident.unit, incident.authorities["regulator"]
    writer.words("{organ.regulator.full}")
    writer.plain("行政处罚决定书")
    writer.words("{number.penalty.now}")
    writer.words("被处罚单位：{unit.full}")
    writer.words("地址：{place.city}{place.county}{place.town}{place.village}{n.2.160}号")
    head = incident.cast.person(unit, "titles_chief")
    writer.scribe.line()
    writer.scribe.write("法定代表人", "ROLE")
    writer.scribe.write("（负责人）：")
    speaker.person(head)
    writer.words("统一社会信用代码：91{n.100000.999999}MA{n.1000.9999}XX{n.10.99}")
    writer.paragraph("pen.facts")
    unit.use("你公司")
    writer.paragraph("pen.faults")
    writer.paragraph("pen.evidence")
    writer.start()
    Sanctioner(speaker, Manner("decided")).decision(unit, regulator.use(regulator.full))
    for _ in range(writer.some("pen.close", 1, 3)):
        writer.paragraph("pen.close")
    writer.words("{organ.regulator.full}")
    writer.plain(day(speaker.today))


def write_circular(writer: DocumentWriter) -> None:
    """Write a circular on an inspection: problems and demands, no sanction."""
    incident = writer.speaker.incident
    campaign = writer.chance.pick(("安全生产督查检查", "安全生产明查暗访", "安全生产专项检查"))
    writer.words("关于" + campaign + "情况的通报")
    writer.words("{number.safety}")
    writer.paragraph("circ.open")
    writer.start(writer.outline.next_chapter() + "总体情况\n")
    writer.paragraph("circ.state")
    writer.maybe(0.5, "trap.statistics")
    remedies = Remedies(writer)
    writer.heading("head.circ.problems")
    for mark, _ in zip(writer.numbers(), range(writer.some("circ.problem", 2, 5)), strict=False):
        remedies.finding(mark, "circ.problem")
    writer.heading("head.circ.demands")
    orgs = remedies.actors(1 + writer.some("circ.demand", 2, 4))[1:]
    for mark, org in zip(writer.numbers(), orgs, strict=False):
        remedies.suggestion(mark, "circ.demand", org)
    writer.words("{auth.regulator.full}")
    writer.plain(day(incident.reported))


def write_plan(writer: DocumentWriter) -> None:
    """Write a plan: a goal, assigned tasks, conditional sanctions."""
    incident = writer.speaker.incident
    writer.words("{place}{campaign}" + writer.chance.pick(("实施方案", "工作方案", "行动方案")))
    writer.words("{number.gov}")
    writer.paragraph("plan.open")
    writer.heading("head.plan.goal")
    writer.paragraph("plan.goal")
    writer.heading("head.plan.tasks")
    remedies = Remedies(writer)
    for org in remedies.actors(writer.chance.between(3, 6))[1:]:
        row = writer.speaker.row("measure.planned")
        remedies.item(writer.outline.next_group(), row, org, "planned")
    writer.heading("head.plan.demands")
    for _ in range(writer.some("trap.condition", 1, 2)):
        writer.paragraph("trap.condition")
    writer.plain(day(incident.reported))


def write_self_report(writer: DocumentWriter) -> None:
    """Write what a company reports on its own measures."""
    incident = writer.speaker.incident
    writer.speaker.today = incident.evaluated
    writer.words("{unit.full}关于{mark}整改措施落实情况的报告")
    writer.words("{auth.regulator.full}：")
    writer.paragraph("eval.preamble")
    writer.maybe(0.4, "trap.policy")
    writer.start(writer.outline.next_chapter() + "整改措施落实情况\n")
    remedies = Remedies(writer)
    for mark, _ in zip(writer.numbers(), range(writer.chance.between(3, 6)), strict=False):
        remedies.reported(mark, incident.unit)
    writer.words("{unit.full}")
    writer.plain(day(incident.evaluated))


def write_news(writer: DocumentWriter) -> None:
    """Write a news text: figures of enforcement, no sanction on anybody named."""
    writer.words(
        "{place}" + writer.chance.pick(("扎实开展安全生产执法检查", "强化安全监管守牢安全底线"))
    )
    for _ in range(writer.some("media.body", 3, 5)):
        writer.paragraph("media.body")
    writer.maybe(0.5, "trap.statistics")
