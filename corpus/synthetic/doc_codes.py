"""Document numbers in all their printed forms, each with its normal form."""

from __future__ import annotations

from dataclasses import dataclass

from corpus.synthetic.chance import Chance

_PARTS = {
    "gov": ("政函", "政办函", "政复", "府批复", "政发", "政字", "政办发", "府函"),
    "safety": ("安委办", "安办", "安委", "安委办函", "安办发"),
    "bureau": ("应急", "应急发", "应急函", "应急字", "应急呈", "应急办"),
    "old_bureau": ("安监", "安监发", "安监字", "安监办"),
    "penalty": ("应急罚", "应急罚", "应急罚字", "应急执罚"),
    "old_penalty": ("安监罚", "安监罚字", "安监管罚"),
    "police": ("公（刑）立字", "公（治）立字", "公刑拘字", "公（刑）取保字"),
    "charge": ("检刑不诉", "检一部刑不诉", "检刑诉", "检公诉刑诉"),
    "discipline": ("纪立", "监立", "纪", "纪发", "监政"),
    "upper": ("安委办", "国办发", "安委", "应急厅函", "中办发", "安监总管三"),
}
_ORDERS = (
    ("国务院令第493号", "国务院令第493号"),
    ("中华人民共和国国务院令第493号", "国务院令第493号"),
    ("国务院令493号", "国务院令第493号"),
)
_BRACKETS = (("〔", "〕"),) * 16 + (("[", "]"), ("【", "】"), ("［", "］"), ("﹝", "﹞"))
_FULL_WIDTH = str.maketrans("0123456789", "０１２３４５６７８９")
_NOISE_FORMS = 6


@dataclass(frozen=True, slots=True)
class Numbers:
    """What is printed, and the normal forms that it states."""

    printed: str
    normal: tuple[str, ...]


class Coder:
    """Makes the document numbers of one place; `noise` is how often a form is damaged."""

    def __init__(self, chance: Chance, place: str, noise: float, *, is_old: bool) -> None:
        """Take the characters by which offices of this place number."""
        self._chance = chance
        self._place = place[:1] if chance.happens(0.7) else place[:2]
        self._noise = noise
        self._is_old = is_old

    def make(self, family: str, year: int, count: int = 1) -> Numbers:
        """Return a number of a family of codes; with `count` above 1 an elided list."""
        chance = self._chance
        if family == "order":
            return self._one(*chance.pick(_ORDERS))
        if family == "court":
            number = chance.between(11, 899)
            code = f"{self._place[:1]}{chance.between(1000, 4099)}刑初"
            return self._one(f"（{year}）{code}{number}号", f"（{year}）{code}{number}号")
        old = f"old_{family}"
        code = chance.pick(_PARTS[old if self._is_old and old in _PARTS else family])
        if family != "upper":
            code = self._place + code
        if family == "penalty" and count == 1 and chance.happens(0.3):
            return self._coded(code, year)
        first = chance.between(1, 190)
        numbers = [first]
        for _ in range(count - 1):
            numbers.append(numbers[-1] + chance.between(1, 3))
        normal = tuple(f"{code}〔{year}〕{number}号" for number in numbers)
        if count > 1:
            joined = "、".join(f"{n}号" for n in numbers)
            if chance.happens(0.3):
                joined = "、".join(map(str, numbers)) + "号"
            return Numbers(f"{code}〔{year}〕{joined}", normal)
        return Numbers(self._print(code, year, first), normal)

    def _coded(self, code: str, year: int) -> Numbers:
        """Return a penalty number with its place in brackets or a unit in its sequence."""
        chance = self._chance
        number = chance.between(1, 60)
        code = f"（{code[: len(self._place)]}）{code[len(self._place) :]}"
        if chance.happens(0.4):
            unit = chance.pick(("综", "支", "执法一队", "执法二中队", "危化"))
            words = f"{code}〔{year}〕{unit}-{number}号"
            return self._one(words, words)
        return Numbers(self._print(code, year, number), (f"{code}〔{year}〕{number}号",))

    def _one(self, printed: str, normal: str) -> Numbers:
        return Numbers(printed, (normal,))

    def _print(self, code: str, year: int, number: int) -> str:
        chance = self._chance
        opening, closing = chance.pick(_BRACKETS)
        if code.endswith("字") and chance.happens(0.5):
            return f"{code}{opening}{year}{closing}第{number}号"
        plain = f"{code}{opening}{year}{closing}{number}号"
        if not chance.happens(self._noise):
            return plain
        forms = (
            f"{code}{opening}{year}{number}号",
            f"{code} {opening}{year}{closing} {number} 号",
            f"{code}{opening}{year}{closing}第{number:03d}号",
            f"{code}{opening}{year}{closing}{number} 号",
            plain.translate(_FULL_WIDTH),
            f"{code}{opening}{year}{closing} 第 {number} 号",
        )
        return forms[chance.below(_NOISE_FORMS)]
