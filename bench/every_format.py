"""The same reports in every format: the same characters in order, and the same facts as from TXT.

A format whose tool is not on this machine is left out, and its row says why.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from bench.fidelity import Fidelity, compare_facts, facts_of, judge_characters
from bench.figures import Figure, show
from bench.story_files import ARCHIVE, FORMS, SCANS, Form, MissingError, Story, stories, zip_of
from extractor import FileResult, parse, parse_all
from extractor.document import Document

CHARACTERS = 30_000
SCANNED = 6_000
EXAMPLES = 8


def judge_reading(document: Document, story: Story, facts: Counter[str]) -> Fidelity:
    """Compare a reading with its story and with the facts that its plain text states."""
    found = judge_characters(document, story.lines)
    found.add(compare_facts(facts, facts_of(document)))
    return found


def measure(forms: Sequence[Form], told: Sequence[Story]) -> tuple[dict[str, Figure], list[str]]:
    """Return the figures of these formats over all stories, and what was missed, for people."""
    facts = {story: facts_of(parse(story.text.encode(), "报告.txt")) for story in told}
    figures: dict[str, Figure] = {}
    missed: list[str] = []
    saved: dict[str, Saved] = {}
    for form in forms:
        try:
            made = [
                Saved(form, story, form.make(story))
                for story in told
                if form.takes_tables or not story.rows
            ]
        except MissingError as error:
            figures[form.name] = Figure(f"跳过：{error}", "")
            continue
        total = Fidelity()
        for file in made:
            document = _last(parse_all(file.data, form.filename))
            total.add(judge_reading(document, file.story, facts[file.story]))
        figures |= _figures(form.name, total, form)
        missed += [f"{form.name}：{example}" for example in total.missed[:EXAMPLES]]
        if form.is_clean:
            saved |= {f"{form.name}/{file.story.name}/{form.filename}": file for file in made}
    if not saved:
        return figures, missed
    name = f"压缩包，{len(saved)} 个文件"
    return figures | _figures(name, judge_archive(saved, facts), ARCHIVE), missed


@dataclass(frozen=True, slots=True)
class Saved:
    """A story as a file."""

    form: Form
    story: Story
    data: bytes


def judge_archive(saved: Mapping[str, Saved], facts: Mapping[Story, Counter[str]]) -> Fidelity:
    """Put all files into one ZIP, read it, and compare each with its story."""
    results: dict[str, list[FileResult]] = {name: [] for name in saved}
    archive = zip_of({name: file.data for name, file in saved.items()})
    for result in parse_all(archive, "案卷.zip"):
        entry = "/".join(result.path.split("/")[1:4])
        results[entry].append(result)
    total = Fidelity()
    for name, found in results.items():
        story = saved[name].story
        total.add(judge_reading(_last(found), story, facts[story]))
    return total


def _last(results: Iterable[FileResult]) -> Document:
    """Return the document that is measured: of a letter its attachment."""
    last = list(results)[-1]
    if last.document is None:
        raise last.error or ValueError(last.path)
    return last.document


def _figures(name: str, found: Fidelity, form: Form) -> dict[str, Figure]:
    exact = 100 * found.same_characters / found.characters
    facts = 100 * found.same_facts / found.facts
    return {
        f"{name}：文字": Figure(exact, "%", least=form.exact),
        f"{name}：{found.facts} 条事实": Figure(facts, "%", least=form.facts),
    }


def main() -> None:
    """Measure and print."""
    figures, missed = measure(FORMS, stories(CHARACTERS))
    scanned, unread = measure(SCANS, stories(SCANNED))
    figures |= scanned
    missed += unread
    show("同样的报告，各种格式", figures)
    for example in missed:
        print(f"  {example}")


if __name__ == "__main__":
    main()
