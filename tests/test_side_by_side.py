"""`hecha view`: one page that needs nothing from outside, with every fact where it stands."""

from __future__ import annotations

import base64
import hashlib
import io
import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from api.exports.fact_places import KINDS, find_facts
from api.exports.page_pictures import draw_pages
from api.exports.side_by_side import side_by_side_html
from extractor import Document, Extraction, extract, parse
from extractor.document import Page
from tests.conftest import ROOT
from tests.sample_files import A4, Print, Sheet, pdf
from tests.test_cli import REPLY, REPORT, run

SAMPLES = ROOT / "corpus" / "samples"
ATTACK = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>{{7*7}}</style>"


class Reading(HTMLParser):
    """What the page holds: its tags with their attributes, and the text of the pane `text`."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.text: list[str] = []
        self._inside = False
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.tags.append((tag, given))
        if tag == "section":
            self._inside = given.get("id") == "text"
        if tag in ("details", "script"):
            self._inside = False

    def handle_data(self, data: str) -> None:
        if self._inside:
            self.text.append(data)

    def all(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.tags if name == tag]

    def numbers(self, attribute: str) -> set[str]:
        return {
            number
            for _, given in self.tags
            for number in given.get(attribute, "").split()
            if number
        }


def page_of(data: bytes, name: str) -> tuple[Document, Extraction, str]:
    document = parse(data, name)
    extraction = extract(document)
    return document, extraction, side_by_side_html(data, document, extraction)


def squeezed(text: str) -> str:
    return "".join(text.split())


@pytest.mark.parametrize("path", sorted(SAMPLES.glob("*.*")), ids=lambda path: path.name)
def test_every_fact_is_listed_marked_and_can_be_jumped_to(path: Path) -> None:
    document, extraction, html = page_of(path.read_bytes(), path.name)
    facts = find_facts(document, extraction)
    found = Reading(html)
    everyone = {str(fact.number) for fact in facts}
    assert len(facts) > 10
    assert found.numbers("data-l") == found.numbers("data-t") == everyone
    placed = {str(f.number) for f in facts if any(document.boxes(span) for span in f.places)}
    assert found.numbers("data-b") == placed
    assert bool(placed) == (path.suffix == ".pdf")
    shown = squeezed("".join(found.text))
    assert squeezed(re.sub(r"第 \d+ 页", "", "".join(found.text))) == squeezed(document.text)
    assert shown


def test_kinds_of_the_samples() -> None:
    """Each kind of fact stands in some sample, so none is forgotten on the page."""
    kinds = set()
    for path in SAMPLES.glob("*.*"):
        document = parse(path.read_bytes(), path.name)
        kinds |= {fact.kind for fact in find_facts(document, extract(document))}
    assert kinds == set(KINDS)


@pytest.mark.parametrize("name", ["批复.pdf", "评估报告.txt"])
def test_nothing_comes_from_outside_and_the_policy_fits(name: str) -> None:
    _, _, html = page_of((SAMPLES / name).read_bytes(), name)
    found = Reading(html)
    sources = [given["src"] for _, given in found.tags if "src" in given]
    assert all(source.startswith("data:image/") for source in sources)
    assert [given["href"] for given in found.all("a") if not given["href"].startswith("#")] == []
    assert found.all("link") == found.all("iframe") == []
    assert not [given for _, given in found.tags if "style" in given or "onclick" in given]
    (policy,) = [
        given["content"]
        for given in found.all("meta")
        if given.get("http-equiv") == "Content-Security-Policy"
    ]
    assert policy.startswith("default-src 'none'")
    assert "unsafe" not in policy
    for tag in ("style", "script"):
        (content,) = re.findall(rf"<{tag}>(.*?)</{tag}>", html, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy


def test_what_the_file_says_is_only_text() -> None:
    text = (
        f"关于{ATTACK}调查报告\n{ATTACK}，建议由县应急管理局对赵远山{ATTACK}处2万元罚款。\x00\x1b\n"
    )
    _, _, html = page_of(text.replace("\x00", "").encode(), f"{ATTACK}.txt")
    plain = Reading(html)
    assert len(plain.all("script")) == len(plain.all("style")) == 1
    assert plain.all("img") == []
    assert "49" not in "".join(plain.text)
    assert "\x1b" not in html
    assert squeezed("".join(plain.text)).count(squeezed(ATTACK)) == 3


@settings(max_examples=40, deadline=None)
@given(st.lists(st.sampled_from([ATTACK, "&amp;", "<", "]]>", "赵远山", "\u2028", "。", "\n"])))
def test_any_text_comes_back_as_it_was(parts: list[str]) -> None:
    data = ("事故" + "".join(parts)).encode()
    document, _, html = page_of(data, "a.txt")
    assert squeezed("".join(Reading(html).text)) == squeezed(document.text)


def test_overlapping_facts_share_their_text() -> None:
    """A person's name inside a sanction: the innermost first."""
    text = (
        "事故调查报告\n一、处理建议\n1.对钱明，总经理，建议给予钱明撤职处分，并给予其记过处分。\n"
    )
    document, extraction, html = page_of(text.encode(), "a.txt")
    facts = {str(fact.number): fact for fact in find_facts(document, extraction)}
    shared = [
        [facts[number].kind for number in given["data-f"].split()]
        for given in Reading(html).all("span")
        if " " in given.get("data-f", "")
    ]
    assert ["party", "penalty"] in shared


def test_tables_are_tables() -> None:
    rules = [(80, y, 400, y) for y in (130, 155, 180)] + [(x, 130, x, 180) for x in (80, 200, 400)]
    cells = ((90, 145, "姓名"), (210, 145, "处理"), (90, 170, "赵某"), (210, 170, "警告"))
    texts = [Print(x, y, text, 12) for x, y, text in cells]
    _, _, html = page_of(pdf(Sheet(texts, rules)), "a.pdf")
    found = Reading(html)
    assert (len(found.all("table")), len(found.all("tr")), len(found.all("td"))) == (1, 2, 4)


# --- pictures within a size ---------------------------------------------------------------------


def many(count: int) -> tuple[bytes, list[Page]]:
    sheets = [Sheet([Print(80, 120, f"第{n}份材料，某某公司")]) for n in range(count)]
    return pdf(*sheets), [Page(n + 1, *A4) for n in range(count)]


def test_pictures_are_made_smaller_until_they_fit_and_it_is_said() -> None:
    data, pages = many(6)
    full = draw_pages(data, pages, dpi=100)
    assert (full.dpi, full.notes, list(full.uris)) == (100, [], [1, 2, 3, 4, 5, 6])
    size = sum(len(base64.b64decode(uri.split(",")[1])) for uri in full.uris.values())
    small = draw_pages(data, pages, dpi=100, most_bytes=size * 3 // 4)
    assert len(small.uris) == 6
    assert 40 <= small.dpi < 100
    assert f"{small.dpi} dpi" in small.notes[0]


def test_what_does_not_fit_even_then_is_left_out_and_it_is_said() -> None:
    data, pages = many(6)
    found = draw_pages(data, pages, dpi=60, most_bytes=4000)
    assert len(found.uris) < 6
    assert f"有 {6 - len(found.uris)} 页没有附图像" in found.notes[-1]


def test_pages_with_facts_come_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.exports.page_pictures.MOST_PICTURES", 2)
    data, pages = many(5)
    assert list(draw_pages(data, pages, [4], dpi=40).uris) == [1, 4]


def test_a_heavy_picture_becomes_a_jpeg() -> None:
    buffer = io.BytesIO()
    bands = [Image.effect_noise((1200, 900), 90) for _ in range(3)]
    Image.merge("RGB", bands).save(buffer, "PNG")
    found = draw_pages(buffer.getvalue(), [Page(1, 1200, 900)], dpi=110)
    assert found.uris[1].startswith("data:image/jpeg")


def test_a_page_that_cannot_be_drawn_is_named() -> None:
    data, pages = many(1)
    found = draw_pages(data, [*pages, Page(2, *A4)], dpi=40)
    assert list(found.uris) == [1]
    assert found.notes == ["没有第2页，文件共 1 页。页码从 1 开始。"]


# --- in a browser -------------------------------------------------------------------------------


def opened(folder: Path, html: str, script: str = "") -> Reading:
    """The page as Chromium has it after loading it and running `script`."""
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if browser is None:
        pytest.skip("没有安装 Chromium")
    if script:
        html = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", html)
        html = html.replace("</body>", f"<script>{script}</script></body>")
    path = folder / "a.html"
    path.write_text(html, "utf-8")
    profile = f"--user-data-dir={folder / 'profile'}"
    shown = subprocess.run(  # noqa: S603 - the program is the one found on this machine
        [
            browser,
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            profile,
            "--dump-dom",
            path.as_uri(),
        ],
        check=True,
        timeout=90,
        capture_output=True,
    )
    return Reading(shown.stdout.decode())


def chosen(page: Reading) -> set[str]:
    """Numbers of the facts that are marked as chosen in the list."""
    return {given["data-l"] for given in page.all("li") if "on" in given.get("class", "").split()}


@pytest.mark.slow
@pytest.mark.browser
def test_its_own_script_runs_under_its_policy(tmp_path: Path) -> None:
    _, _, html = page_of(REPLY.read_bytes(), "批复.pdf")
    (body,) = opened(tmp_path, html).all("body")
    assert body["class"].split() == ["both", "ready"]


@pytest.mark.slow
@pytest.mark.browser
@pytest.mark.parametrize(
    "place",
    [
        pytest.param("#list [data-f='3']", id="list"),
        pytest.param("#text [data-t~='3']", id="text"),
        pytest.param("#pages [data-b~='3']", id="box"),
    ],
)
@pytest.mark.parametrize("act", ["click", "Enter"])
def test_a_fact_its_words_and_its_box_are_chosen_together(
    tmp_path: Path, place: str, act: str
) -> None:
    _, _, html = page_of(REPLY.read_bytes(), "批复.pdf")
    event = "new MouseEvent('click', {bubbles: true})"
    if act == "Enter":
        event = "new KeyboardEvent('keydown', {key: 'Enter', bubbles: true})"
    script = f'var n = document.querySelector("{place}"); n.focus(); n.dispatchEvent({event});'
    page = opened(tmp_path, html, script)
    (number,) = chosen(page)
    marked = [tag for tag, given in page.tags if "on" in given.get("class", "").split()]
    assert {"li", "a", "span", "rect"} <= set(marked)
    if "list" in place:
        assert number == "3"


@pytest.mark.slow
@pytest.mark.browser
def test_keys_lead_through_the_facts_and_the_legend_hides_a_kind(tmp_path: Path) -> None:
    _, _, html = page_of(REPLY.read_bytes(), "批复.pdf")
    press = "document.dispatchEvent(new KeyboardEvent('keydown', {key: 'n'}));"
    box = "var b = document.querySelector('.legend input'); b.click();"
    page = opened(tmp_path, html, press * 2 + box)
    assert chosen(page) == {"2"}
    assert "no-penalty" in page.all("body")[0]["class"].split()


# --- the command --------------------------------------------------------------------------------


def test_the_command_writes_the_page(tmp_path: Path) -> None:
    target = tmp_path / "看.html"
    result = run("view", REPLY, "-o", target, "--dpi", "60")
    assert result.exit_code == 0
    assert f"已写入 {target}" in result.stderr
    assert len(Reading(target.read_text("utf-8")).all("img")) == 3


def test_without_a_name_the_page_is_called_like_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run("view", REPORT).exit_code == 0
    assert (tmp_path / "调查报告.html").is_file()


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        pytest.param([SAMPLES], 2, "一次看一个文件", id="folder"),
        pytest.param([REPLY, "-o", "a.pdf"], 2, "只能写 .html", id="other ending"),
        pytest.param(["没有.pdf"], 1, "file_not_found", id="missing"),
        pytest.param([REPLY, "--dpi", "10"], 2, "--dpi", id="resolution"),
    ],
)
def test_wrong_use_is_said(arguments: list[object], code: int, says: str) -> None:
    result = run("view", *arguments)
    assert result.exit_code == code
    assert says in result.stderr


def test_a_broken_file_fails_alone(tmp_path: Path) -> None:
    broken = tmp_path / "坏.pdf"
    broken.write_bytes(b"%PDF-1.4\n")
    result = run("view", broken, "-o", tmp_path / "a.html")
    assert result.exit_code == 1
    assert "file_corrupt" in result.stderr
    assert not (tmp_path / "a.html").exists()
