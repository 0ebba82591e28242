"""The facts of one invented accident, from which every sentence of its documents is made."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cache
from typing import Any

from corpus.gold import GoldAccident
from corpus.synthetic.cast import Cast, Org, Person
from corpus.synthetic.chance import Chance
from corpus.synthetic.grammar import ROWS
from corpus.synthetic.spelling import day, in_myriads

FIRST_DAY = date(2016, 6, 1)
DAYS = 2_950
LARGE_DEATHS, LARGE_LOSS = 3, 10_000_000
MOST_INJURED = 9
MARKS = "······.•‧"


@cache
def scenes() -> tuple[dict[str, Any], ...]:
    """Return the rows of what can happen."""
    return tuple(tomllib.loads((ROWS / "scenes.toml").read_text(encoding="utf-8"))["scene"])


@dataclass(slots=True)
class Incident:
    """One accident with its cast, its toll and the days of its documents."""

    cast: Cast
    scene: dict[str, Any]
    day: date
    hour: int
    minute: int
    deaths: int
    injuries: int
    loss: int
    mark: str
    printed_mark: str
    companies: dict[str, Org]
    victims: list[Person] = field(default_factory=list)
    reported: date = FIRST_DAY
    replied: date = FIRST_DAY
    evaluated: date = FIRST_DAY

    @property
    def grade(self) -> str:
        """一般 or 较大 by deaths and loss."""
        is_large = self.deaths >= LARGE_DEATHS or self.loss >= LARGE_LOSS
        return "较大" if is_large else "一般"

    @property
    def authorities(self) -> dict[str, Org]:
        """Those who investigate: of the county, for a larger accident of the city."""
        return self.cast.upper if self.grade == "较大" else self.cast.local

    @property
    def place(self) -> str:
        """The county or city that investigates."""
        return self.cast.city if self.grade == "较大" else self.cast.county

    @property
    def unit(self) -> Org:
        """The company where it happened."""
        return self.companies["unit"]

    def organisations(self) -> list[Org]:
        """Return all organisations of the case."""
        cast = self.cast
        return [
            *self.companies.values(),
            *cast.local.values(),
            *cast.upper.values(),
            cast.town_gov,
            cast.village_committee,
        ]

    def truth(self, text: str) -> GoldAccident:
        """Return the accident in the gold format; a field is None where the text is silent."""
        stated = {
            "mark": (f"“{self.printed_mark}”", self.mark),
            "date": (day(self.day), self.day.isoformat()),
            "grade": (self.grade, self.grade),
            "type": (self.scene["type"], self.scene["type"]),
            "deaths": (f"{self.deaths}人死亡", self.deaths),
            "injuries": (f"{self.injuries}人受伤", self.injuries),
            "loss_yuan": (in_myriads(self.loss), self.loss),
        }
        return GoldAccident.model_validate(
            {field: value for field, (words, value) in stated.items() if words in text}
        )


def happen(chance: Chance) -> Incident:
    """Draw an accident with everybody who has to do with it."""
    scene = chance.pick(scenes())
    when = FIRST_DAY + timedelta(days=chance.below(DAYS))
    cast = Cast(chance, when)
    low, high = scene["victims"]
    deaths = low if chance.happens(0.6) else chance.between(low, high)
    hurt = min(chance.between(*scene["hurt"]), MOST_INJURED)
    loss = deaths * chance.between(9_000, 16_500) * 100 + chance.below(3_000) * 100
    separator = chance.pick(MARKS)
    reported = when + timedelta(days=chance.between(35, 110))
    replied = reported + timedelta(days=chance.between(8, 40))
    companies = {
        "unit": cast.company(scene["trade"]),
        "general": cast.company(chance.pick(("建设工程", "建筑安装工程", "工程建设"))),
        "owner": cast.company(
            chance.pick(("置业", "产业投资", "农业开发", "城市建设投资")), cast.city
        ),
        "super": cast.company(chance.pick(("工程监理", "项目管理咨询", "建设监理")), cast.city),
        "labor": cast.company(chance.pick(("建筑劳务", "劳务分包", "人力资源"))),
        "tech": cast.company(chance.pick(("安全技术服务", "安全评价", "检测检验")), cast.city),
    }
    jobs = scene["jobs"].split()
    return Incident(
        cast=cast,
        scene=scene,
        day=when,
        hour=chance.between(6, 22),
        minute=chance.below(60),
        deaths=deaths,
        injuries=hurt,
        loss=loss,
        mark=f"{when.month}·{when.day}",
        printed_mark=f"{when.month}{separator}{when.day}",
        companies=companies,
        victims=[cast.person(companies["unit"], jobs) for _ in range(deaths)],
        reported=reported,
        replied=replied,
        evaluated=replied + timedelta(days=chance.between(300, 365)),
    )
