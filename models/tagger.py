"""What a learned tagger is: text in, mentions with exact ranges and scores out.

The reader works by rules and needs no tagger. One that is given only adds candidates; each must
still pass the same grounding as every other finding.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, get_args, runtime_checkable

Label = Literal[
    "PERSON", "ORG", "ORGAN", "TITLE", "ROLE", "CUE", "AMOUNT", "PLACE", "DATE", "MONEY", "LAW"
]
"""What a mention is; a tagger leaves out whatever it knows that is none of these.

ORGAN is an organisation that decides, investigates or supervises; ROLE a role in the matter
(法定代表人, 死者, 施工单位); CUE what states a sanction; AMOUNT money or a share of income.
"""

LABELS: frozenset[str] = frozenset(get_args(Label))

Role = Literal["treatment", "measure", "cause", "problem", "suggestion", "slogan", "background"]
"""What a sentence is for in a report: who is dealt with, what is to be done, why it happened, …"""


class TaggerError(Exception):
    """A tagger cannot be loaded; the message says which, and what to do.

    `code` is stable: `tagger_missing` (no such folder), `tagger_invalid` (the folder holds no
    usable model), `tool_missing` (a package is not installed) or `examples_invalid` (what a
    training was given cannot be learned from).
    """

    def __init__(self, message: str, code: str = "tagger_invalid") -> None:
        """Make an error with a Chinese message for the user."""
        super().__init__(message)
        self.message = message
        self.code = code


@dataclass(frozen=True, slots=True)
class Mention:
    """A named thing in a text: the half-open range `[start, end)` of code points, label, score."""

    start: int
    end: int
    label: Label
    score: float = 1.0

    def __post_init__(self) -> None:
        """Refuse an empty range, an unknown label and a score that is no probability."""
        if not 0 <= self.start < self.end:
            raise ValueError(f"区间无效：[{self.start}, {self.end})")
        if self.label not in LABELS:
            raise ValueError(f"标签无效：{self.label}")
        if not 0 <= self.score <= 1:
            raise ValueError(f"分值不在 0 与 1 之间：{self.score}")


@dataclass(frozen=True, slots=True)
class RoleSpan:
    """The likeliest role of the half-open range `[start, end)` of a text, with its probability."""

    start: int
    end: int
    role: Role
    score: float


class Tagger(Protocol):
    """Finds names in a text; mentions come sorted by start and do not overlap."""

    @property
    def name(self) -> str:
        """Name and version, as it appears in the rule field of what the tagger found."""
        ...

    def tag(self, text: str) -> Sequence[Mention]:
        """Return the mentions of `text`; `text[mention.start:mention.end]` is the name."""
        ...


@runtime_checkable
class RoleTagger(Tagger, Protocol):
    """A tagger that also tells what the sentences of a text are for."""

    def roles(self, text: str) -> Sequence[RoleSpan]:
        """Return the roles of the sentences of `text`, in order; blank lines have none."""
        ...


@runtime_checkable
class LineTagger(Tagger, Protocol):
    """A tagger that reads each line by itself: some lines alone give what the whole text gives."""

    @property
    def reads_lines_alone(self) -> Literal[True]:
        """Always true; a tagger that is not so has no such attribute."""
        ...


class NoTagger:
    """The tagger that finds nothing: rules alone. The default."""

    name = "none"

    def tag(self, text: str) -> Sequence[Mention]:
        """Return no mention, whatever the text."""
        return ()
