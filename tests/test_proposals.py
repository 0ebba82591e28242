"""Persons of a tagger: asked for only where they are wanted, at the same places either way."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from hypothesis import given
from hypothesis import strategies as st

from extractor.reading.proposals import Proposals
from models import LineTagger, Mention


class Whole:
    """Takes every 张 with the character behind it for a person, and every 厂 for a firm."""

    name = "whole"

    def __init__(self) -> None:
        self.shown: list[str] = []

    def tag(self, text: str) -> Sequence[Mention]:
        self.shown.append(text)
        persons = (at for at, char in enumerate(text[:-1]) if char == "张" and text[at + 1] != "\n")
        found = {at: Mention(at, at + 2, "PERSON") for at in persons}
        firms = (at for at, char in enumerate(text) if char == "厂" and at - 1 not in found)
        return sorted(
            [*found.values(), *(Mention(at, at + 1, "ORG") for at in firms)],
            key=lambda mention: mention.start,
        )


class ByLine(Whole):
    """The same, and says that each line may be read alone."""

    @property
    def reads_lines_alone(self) -> Literal[True]:
        return True


TEXT = "张一是甲厂的人。\n乙厂没有人。\n\n丙厂有张二和张三。\n"


def test_only_the_lines_in_question_are_shown_and_none_twice() -> None:
    tagger = ByLine()
    proposals = Proposals(TEXT, tagger)
    assert tagger.shown == []
    start = TEXT.index("丙厂")
    names = [TEXT[a:b] for a, b in proposals.between(start, len(TEXT))]
    assert names == ["张二", "张三"]
    assert proposals.names([(start, start + 1)]) == {"张二", "张三"}
    assert proposals.proposes(TEXT.index("张二"), TEXT.index("张二") + 2)
    assert tagger.shown == ["丙厂有张二和张三。"]
    assert proposals.names([(0, 1), (start, start + 1)]) == {"张一", "张二", "张三"}
    assert tagger.shown[1:] == ["张一是甲厂的人。"]


def test_a_tagger_that_reads_a_text_as_one_sees_it_once() -> None:
    tagger = Whole()
    proposals = Proposals(TEXT, tagger)
    assert [TEXT[a:b] for a, b in proposals.between(0, 9)] == ["张一"]
    assert proposals.names([(len(TEXT) - 3, len(TEXT) - 2)]) == {"张二", "张三"}
    assert tagger.shown == [TEXT]


def test_without_a_tagger_nothing_is_proposed() -> None:
    proposals = Proposals(TEXT, None)
    assert not proposals.is_active
    assert proposals.between(0, len(TEXT)) == []
    assert proposals.names([(0, len(TEXT))]) == frozenset()


@given(
    st.text("张一二厂。\n", max_size=40),
    st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)), max_size=6),
)
def test_line_by_line_gives_what_the_whole_text_gives(
    text: str, places: list[tuple[int, int]]
) -> None:
    whole, lines = Proposals(text, Whole()), Proposals(text, ByLine())
    assert isinstance(ByLine(), LineTagger) and not isinstance(Whole(), LineTagger)
    for one, other in places:
        start, end = sorted((min(one, len(text)), min(other, len(text))))
        assert whole.between(start, end) == lines.between(start, end)
        assert whole.names([(start, end)]) == lines.names([(start, end)])
