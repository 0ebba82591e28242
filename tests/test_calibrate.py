"""Fitting the confidence: the model, what is left out together, the rows that are written."""

import math
import tomllib
from pathlib import Path

import pytest

from corpus import calibrate
from corpus.calibrate import Example, Weights, as_toml, cross_fitted, fit, fit_layers
from extractor.confidence import LAYERS, weigh

STYLES = Path(__file__).resolve().parent.parent / "corpus" / "styles"


def examples(layer: str, shown: str, right: int, wrong: int) -> list[Example]:
    """Return records that show one feature, each of a document of its own."""
    truth = [True] * right + [False] * wrong
    return [
        Example(layer, "made", f"made/{shown}{number}", (shown, f"layer.{layer}"), is_right)
        for number, is_right in enumerate(truth)
    ]


MIXED = [*examples("penalties", "sure", 95, 5), *examples("penalties", "unsure", 50, 50)]


def test_the_probability_comes_near_the_share_that_is_right() -> None:
    """With enough records the pull towards zero is weak."""
    many = [*examples("penalties", "sure", 950, 50), *examples("penalties", "unsure", 500, 500)]
    model = fit(many)
    assert model.probability(("sure",)) == pytest.approx(0.95, abs=0.03)
    assert model.probability(("unsure",)) == pytest.approx(0.5, abs=0.06)


def test_a_feature_that_few_records_show_has_no_weight() -> None:
    """Eleven records with a feature say less than LEAST_COUNT asks for."""
    few = examples("penalties", "rare", 0, calibrate.LEAST_COUNT - 1)
    assert "rare" not in fit([*MIXED, *few]).of


def test_the_sum_is_the_logistic_function_of_bias_and_weights() -> None:
    model = Weights(0.5, {"a": 1.0, "b": -2.0})
    assert model.probability(("a", "b", "unknown")) == pytest.approx(1 / (1 + math.exp(0.5)))
    assert 0 < Weights(900.0, {}).probability(()) <= 1


@pytest.mark.parametrize("checked", [(), ("made",)], ids=["in groups", "one by one"])
def test_no_document_judges_itself(checked: tuple[str, ...]) -> None:
    """A document whose records all are wrong does not lower their own probability."""
    own = [Example("penalties", "made", "made/odd", ("odd", "layer.penalties"), False)] * 20
    given = [
        graded.confidence
        for example, graded in cross_fitted([*examples("penalties", "sure", 40, 0), *own], checked)
        if example.document == "made/odd"
    ]
    assert len(given) == 20
    assert min(given) > 0.9


def test_every_record_is_judged_once() -> None:
    assert len([*cross_fitted(MIXED)]) == len(MIXED)
    assert len([*cross_fitted(MIXED, ["made"])]) == len(MIXED)


def test_layers_of_a_group_differ_only_in_their_bias() -> None:
    """Measures, problems and suggestions share weights: each alone has few errors."""
    mixed = [
        *MIXED,
        *examples("measures", "sure", 95, 5),
        *examples("problems", "sure", 40, 20),
        *examples("suggestions", "sure", 50, 1),
    ]
    models = fit_layers(mixed)
    assert set(models) == set(LAYERS)
    assert models["measures"].of == models["problems"].of == models["suggestions"].of
    assert models["problems"].bias < models["measures"].bias
    rows = tomllib.loads(as_toml(models))
    assert set(rows) == set(LAYERS)
    assert not any(name.startswith("layer.") for row in rows.values() for name in row["weight"])


def test_the_shipped_rows_give_probabilities() -> None:
    for layer in LAYERS:
        assert 0.5 < weigh(layer, ()).value < 1
        with_flag = weigh(layer, ("flag.heading_lost",)).value
        assert with_flag <= weigh(layer, ()).value


def test_the_command_reports_and_writes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """One document of the corpus: its figures are printed; only --write writes the rows."""
    target = tmp_path / "confidence.toml"
    monkeypatch.setattr(calibrate, "_TARGET", target)
    gold = tmp_path / "gold"
    gold.mkdir()
    for name in ("inv-zean-0516", "eval-web-2023"):
        for end in ("txt", "json"):
            (gold / f"{name}.{end}").write_bytes((STYLES / f"{name}.{end}").read_bytes())
    assert calibrate.main([str(gold), "--check", "gold"]) == 0
    printed = capsys.readouterr().out
    assert "期望校准误差" in printed
    assert "gold：" in printed
    assert not target.exists()
    assert calibrate.main([str(gold), "--write"]) == 0
    assert set(tomllib.loads(target.read_text("utf-8"))) == set(LAYERS)
