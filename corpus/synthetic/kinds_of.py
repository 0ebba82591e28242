"""Which kinds of sanction fit whom, and who decides them."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache

from corpus.synthetic.chance import Chance
from corpus.synthetic.grammar import ROWS

FACT = "fact"
NO_ORGAN = "-"
_TERMS = {
    "party.probation": ("一年", "二年"),
    "admin.license_suspended": ("30日", "60日", "90日", "三个月", "六个月"),
    "admin.restricted": ("3个月", "6个月", "一年", "六个月"),
    "admin.practice_ban": ("五年", "5年", "一年", "三年"),
    "admin.detention": ("五日", "十日", "10日", "十五日", "7日"),
}


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of sanction: its code, for which parties, by which organ, its bare nouns.

    Parties: W worker or manager, L head of a company, O official, C company, U public unit, D dead.
    """

    name: str
    parties: str
    organ: str
    nouns: tuple[str, ...]

    @property
    def code(self) -> str:
        """The code of the list of kinds; several rows may have one."""
        return self.name.removesuffix(".percent")


@cache
def kinds() -> dict[str, Kind]:
    """Return the kinds by name."""
    with (ROWS / "kinds.tsv").open(encoding="utf-8", newline="") as lines:
        return {
            row["kind"]: Kind(
                row["kind"],
                row["parties"],
                row["organ"],
                tuple(noun for noun in (row["nouns"] or "").split("|") if noun),
            )
            for row in csv.DictReader(lines, delimiter="\t")
        }


def kinds_for(party: str, family: str = "") -> list[Kind]:
    """Return the kinds that fit a party, all or those of a family."""
    return [k for k in kinds().values() if party in k.parties and k.name.startswith(family)]


def term_of(chance: Chance, kind: str) -> str:
    """Return how long a sanction of this kind lasts.

    Raises:
        KeyError: the kind has no term.
    """
    return chance.pick(_TERMS[kind])


def sentence_of(chance: Chance) -> str:
    """Return what a court sentences to: 有期徒刑一年六个月，缓刑二年."""
    years = chance.pick(
        ("一年", "一年二个月", "一年六个月", "二年", "二年六个月", "三年", "十个月")
    )
    probation = chance.pick(("", "", "，缓刑一年六个月", "，缓刑二年", "，缓刑三年"))
    return f"有期徒刑{years}{probation}"


def law_about(kind: Kind, party: str) -> str:
    """Return of what a law must speak to be the basis; empty where none is cited."""
    if kind.name.startswith(("party.", "gov.")):
        return "discipline"
    if kind.name == "admin.fine.percent":
        return "chief_fine"
    if kind.name == "admin.fine":
        return "unit_fine" if party == "C" else "person_fine"
    is_licence = kind.name in ("admin.license_revoked", "admin.license_suspended")
    return "licence" if is_licence and party == "C" else ""
