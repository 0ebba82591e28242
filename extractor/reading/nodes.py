"""The tree of an outline: one node a numbered element or heading."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field

ROOT_LEVEL = 0
INLINE_LEVEL = 6
CHINESE_DIGITS = "一二三四五六七八九十"


@dataclass(slots=True)
class Node:
    """One numbered element or heading; ranges are of the view's text.

    `start` is at the marker, `body` behind it, `own_end` where the first child begins (or the end),
    `end` after the last child. `title` is the heading's own text, also of a run-in heading.
    `rank` orders the nesting: the level, or half a step below the parent where a list restarts
    under a heading of its own level. `is_assumed`: the heading is lost, and nothing stands for it.
    """

    level: int
    marker: str
    number: int | None
    start: int
    body: int
    end: int
    own_end: int
    title: str | None
    title_end: int
    is_heading: bool
    parent: Node | None = field(default=None, repr=False)
    children: list[Node] = field(default_factory=list, repr=False)
    slot: str | None = None
    rank: float = 0.0
    is_assumed: bool = False

    def __post_init__(self) -> None:
        """Give the node the rank of its level."""
        self.rank = self.rank or float(self.level)

    def walk(self) -> Iterator[Node]:
        """Yield this node and all below it, in document order."""
        yield self
        for child in self.children:
            yield from child.walk()

    def ancestors(self) -> Iterator[Node]:
        """Yield the parent, its parent, and so on to the root."""
        node = self.parent
        while node is not None:
            yield node
            node = node.parent

    @property
    def own_slot(self) -> str | None:
        """The slot that this node's own heading names, if any."""
        return self.slot

    @property
    def inherited_slot(self) -> str | None:
        """The slot of this node, or else of the nearest heading above it."""
        node: Node | None = self
        while node is not None:
            if node.slot is not None:
                return node.slot
            node = node.parent
        return None

    def path(self) -> tuple[Node, ...]:
        """The headings from the highest down to this node."""
        return (*reversed([node for node in self.ancestors() if node.level]), self)


@dataclass(frozen=True, slots=True)
class Outline:
    """The tree of numbered elements of a document; `root` covers the whole text."""

    root: Node

    def nodes(self) -> Iterator[Node]:
        """Yield every node but the root, in document order."""
        nodes = self.root.walk()
        next(nodes)
        yield from nodes

    def in_slot(self, slot: str) -> list[Node]:
        """Return the highest nodes whose heading names `slot`, in document order."""
        found: list[Node] = []
        for node in self.nodes():
            if node.slot == slot and not any(above.slot == slot for above in node.ancestors()):
                found.append(node)
        return found

    def at(self, index: int) -> Node:
        """Return the deepest node that holds `view.text[index]`."""
        node = self.root
        while node.children:
            place = bisect_right(node.children, index, key=lambda child: child.start) - 1
            if place < 0 or index >= node.children[place].end:
                break
            node = node.children[place]
        return node


@dataclass(frozen=True, slots=True)
class LostHeading:
    """A place where a chapter begins though no heading says so, its slot and its level."""

    at: int
    slot: str
    level: int


def lost_node(lost: LostHeading) -> Node:
    """Return the node that stands for a lost heading: it has no characters of its own."""
    at = lost.at
    return Node(
        lost.level, "", None, at, at, at, at, None, at, True, slot=lost.slot, is_assumed=True
    )


def inner_node(level: int, marker: str, number: int | None, start: int) -> Node:
    """Return a node inside a paragraph; its end and title are set when the next is known."""
    body = start + len(marker)
    return Node(level, marker, number, start, body, body, body, None, body, False)
