"""Writes investigation reports, replies and evaluation reports."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain

from corpus.synthetic.document_writer import DocumentWriter
from corpus.synthetic.remedies import Remedies
from corpus.synthetic.sanctioning import Manner
from corpus.synthetic.speaker import Bindings
from corpus.synthetic.spelling import day
from corpus.synthetic.treatment import Item, Treatment

TITLE_BREAKS = 0.15


def write_investigation(writer: DocumentWriter) -> None:
    """Write an investigation report: overview, story, causes, treatment, measures."""
    incident = writer.speaker.incident
    writer.speaker.today = incident.reported
    name = "{name.lines}" if writer.chance.happens(TITLE_BREAKS) else "{name}"
    writer.words(name + writer.chance.pick(("调查报告", "调查报告", "调查处理报告")))
    writer.maybe(0.75, "preamble")
    if writer.chance.happens(0.8):
        writer.paragraph("setup")
        writer.paragraph("principle")
    _overview(writer)
    _story(writer)
    _causes(writer)
    if writer.chance.happens(0.3):
        writer.heading("head.lesson")
        for mark, _ in zip(writer.numbers(), range(writer.some("lesson", 1, 3)), strict=False):
            writer.start(mark)
            writer.speaker.say("lesson")
    writer.heading("head.treatment")
    _treatment(writer, Treatment(writer, writer.suggests))
    writer.heading("head.measures")
    writer.maybe(0.7, "slogan.lead")
    _measures(writer, writer.chance.between(3, 7))
    writer.words("{mark}调查组")
    writer.plain(day(incident.reported))


def _overview(writer: DocumentWriter) -> None:
    writer.heading("head.overview")
    writer.paragraph("company_facts")
    writer.maybe(0.7, "project_facts")
    writer.maybe(0.4, "service_facts")
    writer.maybe(0.3, "victim_facts")
    writer.maybe(0.25, "trap.other_case")
    writer.maybe(0.25, f"trap.{writer.chance.pick(('statistics', 'policy'))}")


def _story(writer: DocumentWriter) -> None:
    writer.heading("head.story")
    writer.paragraph("story")
    writer.paragraph("rescue")
    writer.maybe(0.6, "aftermath")
    writer.maybe(0.3, "inspection_facts")
    writer.heading("head.toll")
    writer.paragraph("toll_facts")


def _causes(writer: DocumentWriter) -> None:
    writer.heading("head.cause")
    writer.heading("head.direct", is_group=True)
    writer.paragraph("direct_cause")
    writer.heading("head.indirect", is_group=True)
    count = writer.some("indirect_cause", 2, 5)
    for mark, _ in zip(writer.numbers(), range(count), strict=False):
        writer.start(mark)
        writer.speaker.say("indirect_cause")
    writer.maybe(0.25, f"trap.{writer.chance.pick(('quoted_law', 'statistics'))}")
    writer.heading("head.nature", is_group=True)
    writer.paragraph("nature")


def _groups(writer: DocumentWriter, treatment: Treatment) -> list[tuple[str, Iterator[Item]]]:
    """Return the groups of sanctions with the tables of their headings."""
    chance = writer.chance
    groups = [
        ("sub.dead", 0.5, treatment.dead()),
        ("sub.fact", 0.5, treatment.facts(chance.between(1, 3))),
        ("sub.transferred", 0.4, treatment.transferred(chance.between(1, 2))),
        ("sub.discipline", 0.8, treatment.discipline(chance.between(1, 6))),
        ("sub.admin_person", 0.8, treatment.admin_people(chance.between(0, 3))),
        ("sub.internal", 0.4, treatment.internal(chance.between(1, 3))),
        ("sub.admin_unit", 0.9, treatment.admin_units()),
        ("sub.unit", 0.6, treatment.units()),
    ]
    return [(table, items) for table, rate, items in groups if chance.happens(rate)]


def _treatment(writer: DocumentWriter, treatment: Treatment) -> None:
    groups = _groups(writer, treatment)
    if writer.chance.happens(0.15):
        everything = writer.chance.shuffled(list(chain.from_iterable(it for _, it in groups)))
        _numbered(writer, everything, numbered=writer.chance.happens(0.7))
        return
    numbers = writer.numbers()
    for table, items in groups:
        writer.heading(table, is_group=True, bindings=_stage_words(writer, treatment))
        if not writer.outline.is_continuous:
            numbers = writer.numbers()
        for item in items:
            writer.start(next(numbers))
            item()
            _maybe_trap(writer)


def _stage_words(writer: DocumentWriter, treatment: Treatment) -> Bindings:
    """Return what a heading says of the stage: 建议 in a report, nothing in a reply."""
    suggests = treatment.manner.suggests

    def maybe(_argument: str) -> None:
        writer.scribe.write("建议" if suggests and writer.chance.happens(0.7) else "")

    def opinion(_argument: str) -> None:
        writer.scribe.write(writer.chance.pick(("建议", "意见")) if suggests else "意见")

    return {"maybe": maybe, "opinion": opinion}


def _maybe_trap(writer: DocumentWriter) -> None:
    if writer.chance.happens(0.04):
        writer.speaker.say(f"trap.{writer.chance.pick(('reward', 'quoted_law', 'condition'))}")


def _numbered(writer: DocumentWriter, items: Iterable[Item], *, numbered: bool) -> None:
    for mark, item in zip(writer.numbers(), items, strict=False):
        writer.start(mark if numbered else "")
        item()


def _measures(writer: DocumentWriter, count: int) -> None:
    remedies = Remedies(writer)
    by_group = writer.chance.happens(0.6)
    marks = writer.numbers()
    for org in remedies.actors(count):
        mark = writer.outline.next_group() if by_group else next(marks)
        remedies.required(mark, org)


def write_reply(writer: DocumentWriter) -> None:
    """Write the reply of a government to a report: facts, treatment, measures, duties."""
    incident = writer.speaker.incident
    writer.speaker.today = incident.replied
    writer.words("{gov.full}")
    writer.words("关于{name}调查报告的批复")
    writer.words("{number.gov.reply}")
    writer.words("{auth.regulator.full}：")
    writer.paragraph("rep.open")
    outline = writer.outline
    writer.start(outline.next_chapter())
    writer.speaker.say("rep.facts")
    writer.start(outline.next_chapter())
    if writer.chance.happens(0.25):
        writer.speaker.say("rep.agree_only")
    else:
        writer.speaker.say("rep.treatment")
        treatment = Treatment(writer, Manner("decided", alt_stage=("proposed",)))
        _treatment(writer, treatment)
    writer.start(outline.next_chapter())
    writer.speaker.say("rep.measures")
    remedies = Remedies(writer)
    for org in remedies.actors(writer.chance.between(2, 4)):
        row = writer.speaker.row("measure.required")
        remedies.item(outline.next_group(), row, org, "required")
    for _ in range(writer.some("rep.close", 1, 3)):
        remedies.duty(outline.next_chapter())
    writer.words("{gov.full}")
    writer.plain(day(incident.replied))


def write_evaluation(writer: DocumentWriter) -> None:
    """Write an evaluation report: process, accountability, measures, problems, suggestions."""
    incident = writer.speaker.incident
    writer.speaker.today = incident.evaluated
    kind = writer.chance.pick(
        ("防范和整改措施落实情况", "整改措施落实情况", "责任追究和整改措施落实情况")
    )
    name = "{name.lines}" if writer.chance.happens(TITLE_BREAKS) else "{name}"
    writer.words(name + kind + writer.chance.pick(("评估报告", "评估报告", "的评估报告")))
    writer.paragraph("eval.preamble")
    writer.paragraph("eval.basis")
    writer.heading("head.eval.process")
    writer.paragraph("eval.process")
    writer.maybe(0.3, "trap.statistics")
    writer.speaker.since = incident.replied
    writer.heading("head.eval.accountability")
    _outcomes(writer)
    writer.heading("head.eval.measures")
    _reported(writer)
    if writer.chance.happens(0.6):
        writer.heading("head.eval.overall")
        writer.paragraph("eval.overall")
        writer.maybe(0.4, "eval.good")
    remedies = Remedies(writer)
    writer.heading("head.eval.problems")
    for mark, _ in zip(writer.numbers(), range(writer.some("eval.problem", 1, 4)), strict=False):
        remedies.finding(mark, "eval.problem")
    writer.heading("head.eval.suggestions")
    orgs = remedies.actors(writer.some("eval.suggestion", 1, 4))
    for mark, org in zip(writer.numbers(), orgs, strict=False):
        remedies.suggestion(mark, "eval.suggestion", org)
    writer.words("{mark}评估组")
    writer.plain(day(incident.evaluated))


def _outcomes(writer: DocumentWriter) -> None:
    chance = writer.chance
    treatment = Treatment(writer, Manner("decided", alt_stage=("executed",)))
    groups = [
        ("sub.eval.fact", 0.6, treatment.outcome_facts(chance.between(1, 3))),
        ("sub.eval.discipline", 0.9, treatment.outcome_officials(chance.between(1, 5))),
        ("sub.eval.admin", 0.9, treatment.outcome_admin(chance.between(0, 3))),
        ("sub.eval.other", 0.6, treatment.outcome_others()),
    ]
    numbers = writer.numbers()
    for table, rate, items in groups:
        if not chance.happens(rate):
            continue
        writer.heading(table, is_group=True)
        if not writer.outline.is_continuous:
            numbers = writer.numbers()
        for item in items:
            writer.start(next(numbers))
            item()


def _reported(writer: DocumentWriter) -> None:
    remedies = Remedies(writer)
    orgs = remedies.actors(writer.chance.between(2, 5))
    under = writer.chance.happens(0.5)
    for mark, org in zip(writer.numbers(), orgs, strict=False):
        if under:
            remedies.reported_under(org)
        else:
            remedies.reported(mark, org)
