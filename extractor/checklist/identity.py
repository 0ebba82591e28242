"""Who is who across the documents of a case.

Two records are one party when a name or an alias of both is the same string. A masked name
(李某某, 张*) says little, so the title must be the same as well; a masked company (某公司) is never
joined. Where more than one record fits and no title decides, nothing is joined.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from extractor.checklist.materials import Material
from extractor.extraction import Party
from extractor.view import squeeze

_MASK = re.compile(r"[某*×Xx]")
_BETWEEN_TITLES = re.compile(r"[、，和及兼]")


@dataclass(frozen=True, slots=True, eq=False)
class Entity:
    """One party of the case: its records as `(document id, party id)`, the fullest record first."""

    members: tuple[tuple[str, str], ...]
    party: Party
    doubts: tuple[str, ...] = ()


@dataclass(slots=True)
class _Cluster:
    """An entity while it grows; at most one record a document."""

    members: list[tuple[str, Party]]
    doubts: list[str]

    def fits(self, party: Party) -> bool:
        return any(same_party(member, party) for _, member in self.members)

    def agrees(self, party: Party) -> bool:
        return any(same_post(member, party) for _, member in self.members)


def is_masked(name: str) -> bool:
    """Tell whether a printed name hides a part: 李某某, 张*三, 王×, 某养殖有限公司, 周XX."""
    return _MASK.search(name) is not None


def names_of(party: Party) -> frozenset[str]:
    """Return every form of the name, folded and without spaces."""
    return frozenset(squeeze(name) for name in (party.name, *party.aliases) if name.strip())


def same_post(one: Party, other: Party) -> bool:
    """Tell whether both records give a title in common and no employer that contradicts it."""
    if not _titles(one) & _titles(other):
        return False
    return not (one.employer and other.employer) or _alike(one.employer, other.employer)


def same_party(one: Party, other: Party) -> bool:
    """Tell whether two records of different documents may be one party, by their names."""
    if one.kind != other.kind or one.kind == "group":
        return False
    shared = names_of(one) & names_of(other)
    if any(not is_masked(name) for name in shared):
        return True
    return bool(shared) and one.kind == "person" and same_post(one, other)


def resembles(one: Party, other: Party) -> bool:
    """Tell whether two persons may be one although nothing joins them.

    The same masked name; or a full and a masked name with the same surname and the same title.
    """
    if one.kind != "person" or other.kind != "person":
        return False
    if names_of(one) & names_of(other):
        return True
    masked = is_masked(one.name) != is_masked(other.name)
    return masked and one.name[:1] == other.name[:1] and same_post(one, other)


def same_unit(one: str, other: str) -> bool:
    """Tell whether two names of units may mean one: equal, or one a shortening of the other.

    净水区管委会 and 净水开发区管理委员会: same head and a subsequence. Good enough to suggest,
    not to link a sanction.
    """
    short, long = sorted((_head(squeeze(one)), _head(squeeze(other))), key=len)
    if len(short) < 3:
        return short == long
    return short == long or (short[-1] == long[-1] and _is_subsequence(short, long))


def join_parties(materials: Sequence[Material]) -> tuple[Entity, ...]:
    """Return the parties of the case, each with its records in all documents."""
    clusters: list[_Cluster] = []
    for material in materials:
        _join(clusters, material.id, material.extraction.parties)
    return tuple(
        Entity(
            tuple((document, party.id) for document, party in cluster.members),
            cluster.members[0][1],
            tuple(cluster.doubts),
        )
        for cluster in clusters
    )


def _join(clusters: list[_Cluster], document: str, parties: Sequence[Party]) -> None:
    """Add the records of one document to their clusters, or to clusters of their own."""
    by_name: defaultdict[str, list[int]] = defaultdict(list)
    for at, cluster in enumerate(clusters):
        for name in frozenset().union(*(names_of(member) for _, member in cluster.members)):
            by_name[name].append(at)
    fitting = [
        sorted(
            at
            for at in {at for name in names_of(party) for at in by_name[name]}
            if clusters[at].fits(party)
        )
        for party in parties
    ]
    wanted = Counter(at for found in fitting for at in found)
    agreeing = [
        [at for at in found if clusters[at].agrees(party)]
        for party, found in zip(parties, fitting, strict=True)
    ]
    agreed = Counter(at for found in agreeing for at in found)
    for party, found, sure in zip(parties, fitting, agreeing, strict=True):
        if len(found) == 1 and wanted[found[0]] == 1:
            _add(clusters[found[0]], document, party)
        elif len(sure) == 1 and agreed[sure[0]] == 1:
            _add(clusters[sure[0]], document, party)
        else:
            doubts = ["有同名的当事人且职务不能区分，未自动对应"] if found else []
            clusters.append(_Cluster([(document, party)], doubts))


def _add(cluster: _Cluster, document: str, party: Party) -> None:
    if _contradicts(cluster.members[0][1], party):
        cluster.doubts.append("各文件中姓名相同但单位、职务不同")
    cluster.members.append((document, party))


def _contradicts(one: Party, other: Party) -> bool:
    if one.kind != "person" or not (one.title and other.title and one.employer and other.employer):
        return False
    return not _titles(one) & _titles(other) and not _alike(one.employer, other.employer)


def _titles(party: Party) -> set[str]:
    parts = _BETWEEN_TITLES.split(squeeze(party.title or ""))
    return {part.removeprefix("时任").removeprefix("原") for part in parts if part}


def _alike(one: str, other: str) -> bool:
    short, long = sorted((squeeze(one), squeeze(other)), key=len)
    return _is_subsequence(short, long)


def _head(name: str) -> str:
    return (
        name.replace("管理委员会", "管委会").replace("街道办事处", "街道办").replace("公司", "司")
    )


def _is_subsequence(short: str, long: str) -> bool:
    rest = iter(long)
    return all(char in rest for char in short)
