"""The roster: every party that the document names, under one identity each.

Organisations are collected where their left border is clean (a line, a comma, a bracket before
them), with 以下简称 aliases bound to the name before the bracket. Persons are added by the readers
that meet them. The same masked name with another title is another person.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import product

from extractor.reading.names import is_known_title, is_organisation, words
from extractor.reading.proposals import Place, Proposals
from extractor.view import View
from models import Tagger

_DOT = "·"
_ALIAS = re.compile(
    r"（(?:以?下?(?:简称|统称|称)(?:为)?[：:]?)[“\"‘]?([^（）“”\"‘’，。]{2,24})[”\"’]?(?:[，。、][^（）]{0,60})?）"
)
_GENERIC_ALIAS = re.compile(
    r"评估组|调查组|专家组|工作组|专项行动|条例|办法|规定|方案|事故$|领导小组|指挥部|工程$|项目$|标准$"
)
_LEFT_GLUE = re.compile(
    r"^[一二三四五六七八九十\d]{1,3}[）.、]|^.{0,40}?(?:[^，。]{1,30}的|委托|作为|责成|督促|建议|要求|没收|约谈|限制|暂停|暂扣|吊销|注销|组织|位于|[挂靠属]于|承包给|发包给|出租给|以及"
    r"|(?:对?象|分别|主体|更名|变更|名称|单位|企业|前身|业主|方)为|(?<=.)[是系在])"
    r"|^.{0,24}?[对由向经给被与从至将使让]"
    r"|^(?:施工|建设|监理|总包|总承包|分包|劳务|设计|使用|出租|承租|产权|维保|承运|托运)(?:单位|企业|方)"
    r"|^其(?:所属|下属)(?:事业|企业)?单位|^[一二三四五六七八九]是"
    r"|^(?:鉴于|\d{4}年(?:\d{1,2}月)?(?:\d{1,2}日)?|事故(?:发生|责任)?单位|事故企业|涉事企业)"
)
_PLACES = re.compile(
    r"(?:[\u4e00-\u9fff]{2,9}?(?:省|自治区|市|地区|州|盟|县|区|旗|镇|乡|街道|村)){1,4}|中国"
)
_WE = re.compile(
    r"(?P<noun>公司|集团|局|委|办|厂|矿|院|中心|大队|支队|街道|厅|站|所|[镇乡])(?:人民政府|办事处)?$"
)
_TITLE_LINES = 3
_MASKED_PARTS = frozenset("某*×xX")


@dataclass(slots=True)
class PartyDraft:
    """One party while it is being read; ranges are of the view's text."""

    kind: str
    name: str
    name_at: tuple[int, int]
    aliases: list[str] = field(default_factory=list)
    title: str | None = None
    employer: str | None = None
    responsibility: list[str] = field(default_factory=list)
    count: int | None = None
    mentions: list[tuple[int, int]] = field(default_factory=list)

    def names(self) -> list[str]:
        """The name and its aliases."""
        return [self.name, *self.aliases]


class Roster:
    """The parties of one document, found by any name that the text prints for them."""

    def __init__(self, view: View, tagger: Tagger | None = None) -> None:
        """Collect the organisations and aliases of the text; a tagger may propose persons.

        Its organisations are left: a name that it cuts short would become another unit.
        """
        self._view = view
        self.text = view.text
        self._parties: list[PartyDraft] = []
        self._by_name: dict[str, PartyDraft] = {}
        self._persons: defaultdict[str, list[PartyDraft]] = defaultdict(list)
        self.alias_of: dict[str, str] = {}
        self._aliases: defaultdict[str, list[str]] = defaultdict(list)
        self._alias_count = 0
        self.organisations: dict[str, tuple[int, int]] = {}
        self.proposals = Proposals(view.text, tagger)
        self._collect_enterprises()
        self._collect_aliases()
        self._collect_reporter()
        self._merge_forms()
        known = sorted([*self.organisations, *self.alias_of], key=len, reverse=True)
        self._known = re.compile("|".join(map(re.escape, known))) if known else None

    def parties(self) -> list[PartyDraft]:
        """Every party that has been asked for, in order of first use."""
        return list(self._parties)

    def _collect_enterprises(self) -> None:
        for match in _enterprise_run().finditer(self._view.text):
            name, start = _trim_left(match.group("name"), match.start("name"))
            if len(name) >= 5 and name[-3:] != "该公司" and name not in self.organisations:
                self.organisations[name] = (start, start + len(name))

    def _collect_aliases(self) -> None:
        text = self._view.text
        for match in _ALIAS.finditer(text):
            alias = match.group(1)
            head = text[max(0, match.start() - 45) : match.start()]
            full = self._name_before(head, match.start())
            if full is None or _GENERIC_ALIAS.search(alias) or alias == full:
                continue
            self.alias_of.setdefault(alias, full)

    def _collect_reporter(self) -> None:
        """Bind 我局, 我公司, 我中心 to the unit that reports, named above the title."""
        text = self._view.text
        for start, end in self._view.paragraphs[:_TITLE_LINES]:
            name = text[start : text.find("关于", start, end) if "关于" in text[start:end] else end]
            we = _WE.search(name)
            if we is None or not is_organisation(name):
                continue
            self.organisations.setdefault(name, (start, start + len(name)))
            if f"我{we.group('noun')}" in text:
                self.alias_of.setdefault(f"我{we.group('noun')}", name)
            return

    def _merge_forms(self) -> None:
        """Join a name with its form without the place, and drop names with words before them.

        云岭省安达公司 and 安达公司 are one; 分包给安达公司 is 安达公司 behind other words.
        """
        names = {*self.organisations, *self.alias_of}
        for name in sorted(self.organisations, key=len, reverse=True):
            ends = (name[cut:] for cut in range(len(name) - 1, 0, -1))
            self._merge(name, [short for short in ends if short in names])
        for alias, full in list(self.alias_of.items()):
            target = self.alias_of.get(full, full)
            if target in self.organisations:
                self.alias_of[alias] = target
            else:
                del self.alias_of[alias]

    def _merge(self, name: str, shorter: Sequence[str]) -> None:
        for short in shorter:
            if not name.endswith(short) or self.alias_of.get(short) == name:
                continue
            if not _PLACES.fullmatch(name[: -len(short)]):
                del self.organisations[name]
                return
            if short in self.organisations:
                del self.organisations[short]
                self.alias_of[short] = name

    def _name_before(self, head: str, end: int) -> str | None:
        for cut in range(len(head)):
            if head[cut:] in self.organisations:
                return head[cut:]
        piece = re.split(r"[，。；：、\n“”\"（]", head)[-1]
        name, start = _trim_left(piece, end - len(piece))
        if is_organisation(name):
            self.organisations.setdefault(name, (start, end))
            return name
        return None

    def find_known(self, start: int, end: int) -> Iterator[tuple[str, int, int]]:
        """Yield the known organisations in `view.text[start:end]`: printed name and range."""
        if self._known is not None:
            for match in self._known.finditer(self._view.text, start, end):
                yield match.group(), match.start(), match.end()

    def organisation(
        self, name: str, at: tuple[int, int], *, printed: str | None = None
    ) -> PartyDraft:
        """Return the organisation of this name; a new one when it is not known.

        `printed` is what stands at the place instead of the name (事故单位): it becomes an alias.
        """
        full = self.alias_of.get(name, name)
        draft = self._by_name.get(full)
        if draft is None:
            home = self.organisations.get(full, at)
            draft = PartyDraft("organization", full, home)
            draft.aliases.extend(self._aliases_of(full))
            self._add(full, draft)
        for form in (name, printed or name):
            if form != full and form not in draft.aliases:
                draft.aliases.append(form)
        draft.mentions.append(at)
        return draft

    def _aliases_of(self, full: str) -> list[str]:
        """Return the other names of an organisation; the table is made anew when it has grown."""
        if self._alias_count != len(self.alias_of):
            self._alias_count = len(self.alias_of)
            self._aliases.clear()
            for alias, of in self.alias_of.items():
                self._aliases[of].append(alias)
        return self._aliases.get(full, [])

    def listed_organisation(
        self, name: str, at: tuple[int, int], before: Sequence[str]
    ) -> PartyDraft:
        """Return the organisation of a list element whose head may be elided.

        A街道党工委、办事处: the second is A街道办事处 if the text prints that somewhere (for 政府
        also A镇人民政府); else it stays as printed.
        """
        if before and len(name) <= 4 and name not in self.organisations:
            sibling = before[-1]
            middles = ("", "人民") if name == "政府" else ("",)
            for cut, middle in product(range(len(sibling) - 1, 1, -1), middles):
                full = sibling[:cut] + middle + name
                place = self._view.text.find(full)
                if place >= 0 and is_organisation(full):
                    self.organisations.setdefault(full, (place, place + len(full)))
                    draft = self.organisation(full, at)
                    if name not in draft.aliases:
                        draft.aliases.append(name)
                    return draft
        return self.organisation(name, at)

    def person(
        self,
        name: str,
        at: tuple[int, int],
        *,
        title: str | None = None,
        employer: str | None = None,
    ) -> PartyDraft:
        """Return this person; a masked name with another title is another person."""
        masked = any(char in _MASKED_PARTS for char in name)
        for draft in self._persons[name]:
            if masked and title and draft.title and title != draft.title:
                continue
            draft.title = draft.title or title
            draft.employer = draft.employer or employer
            draft.mentions.append(at)
            return draft
        draft = PartyDraft("person", name, at, title=title, employer=employer, mentions=[at])
        self._persons[name].append(draft)
        self._add(f"person:{name}:{len(self._parties)}", draft)
        return draft

    def known_person(self, name: str) -> PartyDraft | None:
        """Return the last person of this name that has been read."""
        known = self._persons.get(name)
        return known[-1] if known else None

    def agreed_persons(self) -> frozenset[str] | None:
        """Return the names of persons that a tagger agrees to; None where there is no tagger.

        It is asked only about a person without a title that the rows know, since words that the
        rules mistook for a name have none, and about names of several parts, whose ends are hard
        to tell. What it reads costs more than all rules together.
        """
        if not self.proposals.is_active:
            return None
        sure: set[str] = set()
        doubted: list[Place] = []
        for draft in self._parties:
            if draft.kind != "person":
                continue
            if draft.title and is_known_title(draft.title) and _DOT not in draft.name:
                sure.add(draft.name)
            else:
                doubted += (draft.name_at, *draft.mentions)
        return self.proposals.names(doubted) | sure

    def group(self, name: str, count: int | None, at: tuple[int, int]) -> PartyDraft:
        """Return a counted group without names (2名责任人员)."""
        draft = PartyDraft("group", name, at, count=count, mentions=[at])
        self._add(f"group:{at[0]}", draft)
        return draft

    def _add(self, key: str, draft: PartyDraft) -> None:
        self._by_name[key] = draft
        self._parties.append(draft)

    def alias_groups(self) -> list[tuple[str, ...]]:
        """Return the known organisations, each with its aliases, full name first."""
        groups: dict[str, list[str]] = {name: [name] for name in self.organisations}
        for alias, full in self.alias_of.items():
            groups.setdefault(full, [full]).append(alias)
        return [tuple(names) for names in groups.values()]


@cache
def _enterprise_run() -> re.Pattern[str]:
    strong = [
        w for w in words("enterprise") if len(w) >= 3 or w in {"公司", "总厂", "煤矿", "商行"}
    ]
    endings = "|".join(re.escape(w) for w in sorted(strong, key=len, reverse=True))
    body = r"[\u4e00-\u9fffA-Za-z0-9*某×·]"
    bracket = r"（[\u4e00-\u9fff]{2,8}）"
    return re.compile(
        rf"(?<![\u4e00-\u9fffA-Za-z0-9）])(?P<name>(?:{body}|{bracket}){{2,36}}?(?:{endings})(?!安全监察|监察|监督|管理局|管理站|安全生产监督)"
        rf"(?:[\u4e00-\u9fff]{{1,10}}?(?:分公司|项目部|总厂|分厂))?)"
    )


def _trim_left(name: str, start: int) -> tuple[str, int]:
    """Cut words that stand before the name without a mark between: 位于…的, 责成, 委托, 对, 由."""
    while True:
        glue = _LEFT_GLUE.match(name)
        if glue is None or len(name) - glue.end() < 4:
            break
        name, start = name[glue.end() :], start + glue.end()
    pieces = name.split("和")
    if len(pieces) > 1 and is_organisation(pieces[0]):
        start += len(pieces[0]) + 1
        name = name[len(pieces[0]) + 1 :]
    return name, start
