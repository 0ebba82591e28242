"""Sentences that stand in no document, wide names, and examples that rules and lac agree on."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpus import silver
from corpus.synthetic import SPLITS, loose_many
from corpus.synthetic.chance import Chance
from corpus.synthetic.grammar import Grammar, tables, word_lists
from corpus.synthetic.loose import loose_examples
from corpus.synthetic.wide_names import (
    FIRST_LEVEL,
    MASK_STYLES,
    SECOND_LEVEL,
    characters,
    full_name,
    masked_name,
)
from models import Mention
from models.training_examples import read_example

SEEDS = st.integers(min_value=0, max_value=10**6)


@pytest.fixture(scope="module")
def sample() -> list[dict[str, Any]]:
    return list(loose_many(100, 1))


def test_they_are_training_examples(sample: list[dict[str, Any]]) -> None:
    """Every one is read as the recipes read it, of one split, with its own families."""
    own = {split: set(Grammar(split).families()) for split in SPLITS}
    for row in sample:
        example = read_example(row, "loose")
        assert example.family in own[example.split]
    assert {row["split"] for row in sample} == set(SPLITS)
    assert {row["role"] for row in sample} == {
        "treatment", "measure", "cause", "problem", "suggestion", "slogan", "background",
    }  # fmt: skip


def test_the_same_again_and_other_by_seed() -> None:
    assert list(loose_many(3, 5)) == list(loose_many(3, 5))
    assert loose_examples(0, 5, "train") != loose_examples(0, 6, "train")


def test_rows_without_people_name_nobody(sample: list[dict[str, Any]]) -> None:
    none = ("loose.words", "loose.places", "loose.orgs", "loose.slogan")
    quiet = [row for row in sample if row["family"].startswith(none)]
    assert len(quiet) > 100
    assert not any(label == "PERSON" for row in quiet for _, _, label in row["spans"])


def test_every_table_has_rows_enough() -> None:
    loose = {name: rows for name, rows in tables().items() if name.startswith("loose.")}
    assert sum(map(len, loose.values())) > 400
    assert all(len(rows) >= len(SPLITS) for rows in loose.values())


def test_names_are_of_every_sort_and_seldom_the_same() -> None:
    chance = Chance("wide")
    names = [full_name(chance) for _ in range(6000)]
    assert len(set(names)) > 5000
    assert len({char for name in names for char in name}) > 2500
    compound = word_lists()["wide_compound"]
    for what, pattern in {
        "dotted": "[·•．‧・]",
        "with a gap": "^.[ 　].$",
        "compound": "^(" + "|".join(compound) + ")",
        "Tibetan": "^(扎西|次仁|卓玛)",
        "a word": "^(江山|严格|方向)$",
    }.items():
        assert any(re.search(pattern, name) for name in names), what


@given(SEEDS, st.integers(min_value=0, max_value=MASK_STYLES - 1))
def test_masked_names_are_masked(seed: int, style: int) -> None:
    name = masked_name(Chance("mask", seed), style)
    assert re.search(r"[某×*＊XxＸ〇○□A-H]", name)


def test_no_particle_is_in_a_name() -> None:
    assert len(characters(FIRST_LEVEL)) > 3600
    assert len(characters(SECOND_LEVEL)) == 3008
    assert not set("的了是在") & set(characters(FIRST_LEVEL))


@settings(deadline=None, max_examples=20)
@given(seed=SEEDS)
def test_nobody_is_well_known(seed: int) -> None:
    blocked = set(word_lists()["blocked_names"])
    for row in loose_examples(0, seed, "train"):
        for start, end, label in row["spans"]:
            assert label != "PERSON" or row["text"][start:end] not in blocked


# Silver

REPORT = """岚溪市“9·16”一般事故调查报告
五、对事故有关责任人员和单位的处理建议
1.赵远山，男，汉族，岚溪市青石建筑有限公司总经理，对事故负有主要责任，建议给予撤职处分。
9月16日，赵远山到场，孙立夏在旁。
场地平整，视线良好，无障碍物。
无。
"""


class _Fixed:
    """Finds these names wherever they stand."""

    name = "fixed"

    def __init__(self, names: dict[str, Any]) -> None:
        self._names = names

    def tag(self, text: str) -> Sequence[Mention]:
        found = [
            Mention(match.start(), match.end(), label, 0.9)
            for name, label in self._names.items()
            for match in re.finditer(re.escape(name), text)
        ]
        return sorted(found, key=lambda mention: mention.start)


def _silver(names: dict[str, Any]) -> dict[str, list[tuple[str, str]]]:
    rows = list(silver.silver_examples("例", REPORT, _Fixed(names)))
    for row in rows:
        read_example(row, "silver")
        assert row["role"] is None
    return {
        row["text"]: [(row["text"][start:end], label) for start, end, label in row["spans"]]
        for row in rows
    }


def test_agreed_names_are_learned_and_others_are_unknown() -> None:
    found = _silver({"赵远山": "PERSON", "孙立夏": "PERSON"})
    assert found["9月16日，赵远山到场，孙立夏在旁。"] == [
        ("9", "?"),
        ("16", "?"),
        ("赵远山", "PERSON"),
        ("孙立夏", "?"),
    ]
    assert found["场地平整，视线良好，无障碍物。"] == []
    assert "无。" not in found


def test_names_of_the_rules_alone_are_unknown() -> None:
    found = _silver({})
    assert ("赵远山", "?") in found["9月16日，赵远山到场，孙立夏在旁。"]


def test_what_may_state_a_sanction_is_unknown() -> None:
    (words,) = [v for k, v in _silver({"赵远山": "PERSON"}).items() if k.startswith("1.")]
    assert ("赵远山", "PERSON") in words
    unknown = "".join(text for text, label in words if label == "?")
    assert "总经理" in unknown
    assert "给予撤职处分" in unknown
    assert Counter(label for _, label in words)["PERSON"] == 1


def test_a_folder_becomes_one_file(tmp_path: Path) -> None:
    (tmp_path / "例.txt").write_text(REPORT, encoding="utf-8")
    out = tmp_path / "银.jsonl"
    count = silver.write_silver(tmp_path, out, _Fixed({}))
    rows = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
    assert count == len(rows) == 5
    assert {row["split"] for row in rows} == {"train"}
    with pytest.raises(SystemExit, match="用法"):
        silver.main(["只有一个"])
