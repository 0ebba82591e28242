"""What a tagger adds to the rules: chapters without a heading, and names beyond the lists."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import pytest

from extractor import extract, parse
from extractor.extraction import Extraction
from models import Mention, Role, RoleSpan, Tagger

CAUSES = (
    "青榆市禾山县“4·18”高处坠落事故调查报告\n"
    "一、事故基本情况\n"
    "2024年4月18日，禾山县云岭物流园项目发生一起高处坠落事故，造成1人死亡。\n"
    "二、事故原因\n"
    "（一）直接原因\n"
    "钱山在没有系挂安全带的情况下登上屋面作业，踩破采光板后坠落。\n"
    "（二）间接原因\n"
    "青榆明安建筑有限公司没有编制高处作业方案，对作业人员的教育流于形式，现场无人监护。\n"
)
TREATED = (
    "（一）企业有关人员（2人）\n"
    "1.赵远山，青榆明安建筑有限公司经理，未履行安全生产管理职责，对事故发生负有责任，"
    "建议由禾山县应急管理局处5万元罚款。\n"
    "2.孙河，青榆明安建筑有限公司安全员，未制止违章作业，对事故发生负有责任，建议由公司予以辞退。\n"
    "（二）有关企业\n"
    "青榆明安建筑有限公司未落实高处作业审批制度，对事故发生负有责任，建议由禾山县应急管理局处35万元罚款。\n"
)
REQUIRED = (
    "（一）青榆明安建筑有限公司应立即修订高处作业审批制度，对全体作业人员重新培训，考核合格后方可上岗。\n"
    "（二）禾山县住房和城乡建设局要对全县在建工程开展一次高处作业专项检查，对查出的隐患逐一督促整改到位。\n"
    "（三）禾山县人民政府应立即组织有关部门汲取教训，把高处作业纳入年度执法检查计划，严查无证上岗。\n"
)
ROLES: Mapping[str, Role] = {
    "建议由": "treatment",
    "应立即": "measure",
    "要对": "measure",
    "没有编制": "problem",
    "踩破": "cause",
    "仍未": "problem",
    "未更新": "problem",
}


class Judges:
    """Tells the role of a paragraph by a word in it, and sees these names as persons."""

    name = "judges"

    def __init__(self, roles: Mapping[str, Role] = ROLES, names: Sequence[str] = ()) -> None:
        self._roles = roles
        self._names = names

    def tag(self, text: str) -> Sequence[Mention]:
        found = [m.span() for name in self._names for m in re.finditer(re.escape(name), text)]
        titles = [m.span() for m in re.finditer("吊装指挥工", text)]
        mentions = [Mention(*place, "PERSON") for place in found]
        mentions += [Mention(*place, "TITLE") for place in titles]
        return sorted(mentions, key=lambda mention: mention.start)

    def roles(self, text: str) -> Sequence[RoleSpan]:
        spans = []
        for line in re.finditer(r"[^\n]+", text):
            role = next((r for word, r in self._roles.items() if word in line.group()), None)
            spans.append(RoleSpan(line.start(), line.end(), role or "background", 0.95))
        return spans


def read(text: str, tagger: Tagger | None) -> Extraction:
    return extract(parse(text.encode(), "报告.txt"), tagger)


def told(extraction: Extraction) -> dict[str, int]:
    """Count what was read, and of it what bears the flag of a lost heading."""
    flags = [
        record.flags
        for layer in (extraction.penalties, extraction.measures, extraction.problems)
        for record in layer
    ]
    return {
        "penalties": len(extraction.penalties),
        "measures": len(extraction.measures),
        "problems": len(extraction.problems),
        "flagged": sum("heading_lost" in each for each in flags),
        "warnings": sum(w.code == "heading_lost" for w in extraction.document.warnings),
    }


HEADED = CAUSES + "三、处理建议\n" + TREATED + "四、防范和整改措施\n" + REQUIRED


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(HEADED, (3, 3, 0, 0, 0), id="all headings are there: nothing is assumed"),
        pytest.param(
            CAUSES + TREATED + "四、防范和整改措施\n" + REQUIRED,
            (3, 3, 0, 3, 1),
            id="the heading of the treatment is lost, behind the causes",
        ),
        pytest.param(
            CAUSES + "三、处理建议\n" + TREATED + REQUIRED,
            (3, 3, 0, 3, 0),
            id="that of the measures is lost: their own words tell them, without a tagger",
        ),
        pytest.param(CAUSES + TREATED + REQUIRED, (3, 3, 0, 6, 1), id="both are lost"),
        pytest.param(
            CAUSES + TREATED.replace("（一）企业有关人员（2人）\n", "") + REQUIRED,
            (3, 3, 0, 6, 1),
            id="and the first heading inside it too",
        ),
    ],
)
def test_a_chapter_without_its_heading_is_told_by_its_sentences(
    text: str, expected: tuple[int, ...]
) -> None:
    assert tuple(told(read(text, Judges())).values()) == expected


def test_what_is_read_in_such_a_chapter_is_the_same_and_less_sure() -> None:
    headed = {(p.kind, p.amount_yuan): p for p in read(HEADED, Judges()).penalties}
    lost = {(p.kind, p.amount_yuan): p for p in read(CAUSES + TREATED, Judges()).penalties}
    assert lost.keys() == headed.keys()
    assert all(lost[key].confidence < headed[key].confidence for key in lost)


def test_the_warning_says_where_the_chapter_begins_and_what_it_is_read_as() -> None:
    warnings = read(CAUSES + TREATED, Judges()).document.warnings
    message = next(w.message for w in warnings if w.code == "heading_lost")
    assert "从“（一）企业有关人员（2人）”起" in message and "处理建议（责任追究）" in message


@pytest.mark.parametrize(
    ("text", "roles"),
    [
        pytest.param(
            HEADED, {**ROLES, "没有编制": "treatment"}, id="a heading that is there is believed"
        ),
        pytest.param(
            CAUSES + "三、防范和整改措施\n" + REQUIRED,
            {"踩破": "treatment"},
            id="one short paragraph is no chapter",
        ),
        pytest.param(
            "禾山县通报高处坠落事故\n日前，禾山县通报一起事故，建议由县应急管理局对有关企业罚款。\n"
            "建议由县纪委监委对有关人员问责，记者将继续关注事故的处理进展。\n",
            ROLES,
            id="running prose has no chapters",
        ),
    ],
)
def test_no_chapter_is_assumed(text: str, roles: Mapping[str, Role]) -> None:
    found = read(text, Judges(roles))
    assert told(found)["flagged"] == told(found)["warnings"] == 0
    assert [p.kind for p in found.penalties] == [p.kind for p in read(text, None).penalties]


def test_problems_of_an_evaluation_whose_heading_is_lost() -> None:
    text = (
        "青榆市禾山县“4·18”高处坠落事故整改措施落实情况评估报告\n"
        "一、评估工作开展情况\n县安委办成立评估组，查阅资料、走访现场，形成本报告。\n"
        "二、整改措施落实情况\n"
        "（一）明安公司已修订高处作业审批制度，开展培训3次，培训120人次。\n"
        "（二）县住建局已开展专项检查，检查工地46个，发现隐患87条，均已整改。\n"
        "1.部分工地的高处作业审批单仍未由项目经理签字，审批制度执行得不严格，存在先作业后补票的现象。\n"
        "2.部分施工单位的安全技术交底仍未覆盖到劳务班组，交底记录由资料员代签，班组长说不清当日的风险和措施。\n"
        "3.明安公司的培训档案未更新，个别新进人员没有考核记录，教育培训还有死角，须进一步规范。\n"
    )
    found = read(text, Judges())
    assert told(found)["problems"] == 3
    assert all("heading_lost" in problem.flags for problem in found.problems)


HEAD = CAUSES + "三、处理建议\n"


@pytest.mark.parametrize(
    ("said", "names", "expected"),
    [
        pytest.param(
            "对高空作业车驾驶的依力亚尔处2000元罚款。",
            ["依力亚尔"],
            [("依力亚尔", 2000, ["party_proposed"])],
            id="a name behind what its bearer did",
        ),
        pytest.param(
            "（一）青榆明安建筑有限公司。对其处35万元罚款，对带班却未到岗的依力亚尔·买买提处1万元罚款。",
            ["依力亚尔·买买提"],
            [
                ("青榆明安建筑有限公司", 350_000, []),
                ("依力亚尔·买买提", 10_000, ["party_proposed"]),
            ],
            id="beside a party that the rules read",
        ),
        pytest.param(
            "对高空作业车驾驶的依力亚尔和指挥的古丽扎提处2000元罚款。",
            ["依力亚尔", "古丽扎提"],
            [],
            id="two names: which of them is not for us to say",
        ),
        pytest.param(
            "对夜间值守时脱岗的常青罚款2000元。", [], [], id="the tagger does not see it either"
        ),
    ],
)
def test_a_person_that_the_rules_cannot_read_is_taken_from_the_tagger(
    said: str, names: list[str], expected: list[tuple[str, int, list[str]]]
) -> None:
    found = read(HEAD + said + "\n", Judges({}, names))
    parties = {party.id: party.name for party in found.parties}
    assert [(parties[p.party], p.amount_yuan, p.flags) for p in found.penalties] == expected
    assert all(p.confidence < 0.9 for p in found.penalties if "party_proposed" in p.flags)


def test_a_person_from_the_tagger_has_the_title_before_the_name() -> None:
    said = "对没有持证上岗的吊装指挥工依力亚尔处2000元罚款。\n"
    found = read(HEAD + said, Judges({}, ["依力亚尔"]))
    assert [(party.name, party.title) for party in found.parties] == [("依力亚尔", "吊装指挥工")]


@pytest.mark.parametrize(
    "said",
    [
        pytest.param("对夜间值守时脱岗的常青罚款2000元。", id="a fine, by a family name"),
        pytest.param("建议对当日在场指挥的古丽扎提给予警告处分。", id="a sanction of persons"),
        pytest.param("对带班却未到岗的依力亚尔·买买提处1万元罚款。", id="a name with a dot"),
    ],
)
def test_somebody_whom_nobody_can_read_is_never_dropped_silently(said: str) -> None:
    text = HEAD + "（一）青榆明安建筑有限公司。对其处35万元罚款。" + said + "\n"
    found = read(text, None)
    assert [p.amount_yuan for p in found.penalties] == [350_000]
    assert [w.code for w in found.document.warnings] == ["party_unread"]
