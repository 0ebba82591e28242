"""Saved web pages in the styles of government sites, each with the text that is its body.

All names and texts are invented. `PAGES` holds for each style the markup, the blocks of the body
in order, and words that stand only in the furniture of the page.
"""

from __future__ import annotations

from dataclasses import dataclass

TITLE = "青石县“5·12”较大坍塌事故调查报告"
SPACE = "&emsp;&emsp;"
PARAGRAPHS = (
    "2023年5月12日9时40分，青石县河湾镇兴隆大道改造项目发生一起坍塌事故，造成3人死亡、2人受伤，"
    "直接经济损失486.3万元。",
    "一、事故基本情况",
    "（一）事故发生单位：青石县宏路建设有限公司，法定代表人钱大有。",
    "经调查认定，该起事故是一起较大生产安全责任事故。",
    "二、对有关责任人员的处理建议",
    "1.孙小满，宏路公司项目经理，对事故发生负有直接责任，建议移送司法机关依法追究刑事责任。",
    "2.建议由青石县应急管理局对宏路公司处以罚款90万元。",
    "附注。",
)
CELLS = (
    "序号",
    "姓名",
    "处理意见",
    "1",
    "孙小满",
    "移送司法机关",
    "2",
    "周到",
    "罚款3万元",
    "撤职",
)
TABLE = (
    "<table border=1><tr><th>序号</th><th>姓名</th><th>处理意见</th></tr>"
    "<tr><td>1</td><td><p>孙小满</p></td><td>移送司法机关</td></tr>"
    '<tr><td rowspan="2">2</td><td rowspan=2>周到</td><td>罚款3万元</td></tr>'
    "<tr><td>撤职</td></tr></table>"
)
NAVIGATION = (
    '<div class="top"><a href="/">首页</a><a href="/xw">新闻动态</a><a href="/zw">政务公开</a>'
    '<a href="/hd">互动交流</a></div><form><input name=q><button>站内搜索</button></form>'
)
PLACE = '当前位置：<a href="/">首页</a> &gt; <a href="/zw">政务公开</a> &gt; <a>事故调查</a>'
FOOT = (
    '<div class="footer"><p>主办：青石县人民政府办公室　承办：青石县大数据中心</p>'
    "<p>网站标识码：9901230001　京ICP备00000000号　公安备案00000000000000号</p>"
    '<p><a href="/map">网站地图</a> | <a href="/about">联系我们</a></p></div>'
)
SCRIPT = (
    "<script>var 统计='不是正文的脚本';document.write(统计)</script><style>.a{color:red}</style>"
)
LINKS = (
    '<div class="xglj"><h4>相关链接</h4><ul>'
    + "".join(f'<li><a href="/x{at}.html">河湾镇召开第{at}次安全会议</a></li>' for at in range(6))
    + "</ul></div>"
)
INDEX = (
    '<table class="xxgk"><tr><td>索引号：</td><td>QS001-2023-0042</td><td>文号：</td>'
    "<td>青政复〔2023〕7号</td></tr><tr><td>发文机构：</td><td>青石县应急管理局</td>"
    "<td>成文日期：</td><td>2023年8月1日</td></tr></table>"
)
FURNITURE = ("新闻动态", "站内搜索", "网站标识码", "不是正文的脚本", "联系我们")


@dataclass(frozen=True, slots=True)
class WebPage:
    """A page: its markup, the blocks that are its body, and words that are none of it."""

    name: str
    markup: str
    body: tuple[str, ...]
    furniture: tuple[str, ...] = FURNITURE


def paragraphs(tag: str = "p", before: str = SPACE, texts: tuple[str, ...] = PARAGRAPHS) -> str:
    """The body as elements of one kind."""
    return "".join(f"<{tag}>{before}{text}</{tag}>\n" for text in texts)


def page(inside: str, head: str = "", charset: str = "utf-8") -> str:
    """A whole page around `inside`."""
    return (
        f'<!DOCTYPE html><html><head><meta charset="{charset}"><title>{TITLE}_青石县人民政府'
        f"</title>{head}{SCRIPT}</head><body>{inside}{SCRIPT}</body></html>"
    )


def _trs() -> WebPage:
    spans = "".join(
        f'<p style="text-indent:2em"><span style="font-size:16pt"><span>{SPACE}{text[:9]}</span>'
        f"{text[9:]}</span></p>"
        for text in PARAGRAPHS
    )
    inside = (
        f'{NAVIGATION}<div class="bread">{PLACE}</div>{INDEX}<div class="content"><h1>{TITLE}</h1>'
        '<div class="info"><span>来源：青石县应急管理局</span> <span>发布时间：2023-08-01 10:20'
        "</span> <span>浏览次数：<i>128</i>次</span> 字号：[<a>大</a> <a>中</a> <a>小</a>] "
        '<a href="javascript:window.print()">打印</a></div>'
        f'<div class="TRS_Editor"><style>.TRS_Editor P{{line-height:2}}</style>{spans}{TABLE}</div>'
        '<div class="fj">附件：<a href="./P020230801.docx">整改措施清单.docx</a></div>'
        f'<div class="ewm">扫一扫在手机打开当前页</div>{LINKS}</div>{FOOT}'
    )
    return WebPage(
        "TRS editor",
        page(inside),
        (TITLE, *PARAGRAPHS, *CELLS),
        (
            *FURNITURE,
            "当前位置",
            "字号",
            "打印",
            "扫一扫",
            "浏览次数",
            "相关链接",
            "安全会议",
            "QS001",
        ),
    )


def _vsb() -> WebPage:
    inside = (
        f'{NAVIGATION}<div class="wz">{PLACE}</div><form name="_newscontent_fromname"><div>'
        f'<h1 align="center">{TITLE}</h1><div align="center">日期：2023-08-01&nbsp;&nbsp;作者：'
        "&nbsp;&nbsp;来源：本站&nbsp;&nbsp;点击：[<span>56</span>]</div>"
        f'<div id="vsb_content"><div class="v_news_content">{paragraphs()}{TABLE}</div></div>'
        '<p align="right">【<a href="javascript:window.close()">关闭窗口</a>】</p>'
        "<div>上一条：<a href=1.htm>河湾镇部署防汛工作</a></div>"
        f"<div>下一条：<a href=2.htm>全县安全生产会议召开</a></div></div></form>{FOOT}"
    )
    return WebPage(
        "visual site builder",
        page(inside),
        (TITLE, *PARAGRAPHS, *CELLS),
        (*FURNITURE, "当前位置", "关闭窗口", "上一条", "防汛工作", "点击"),
    )


def _breaks() -> WebPage:
    text = "<br/><br/>".join(SPACE + text for text in PARAGRAPHS)
    inside = (
        f'{NAVIGATION}<p>{PLACE}</p><div class="bt">{TITLE}</div><div>【字体：<a>大</a><a>中</a>'
        f'<a>小</a>】　时间：2023-08-01　来源：县安委办</div><div id="zoom">{text}<br>{TABLE}</div>'
        f"<div>责任编辑：冯编</div>{LINKS}{FOOT}"
    )
    return WebPage(
        "line breaks only",
        page(inside),
        (TITLE, *PARAGRAPHS, *CELLS),
        (*FURNITURE, "当前位置", "字体", "责任编辑", "相关链接"),
    )


def _layout_tables() -> WebPage:
    text = "".join(f"<P><FONT size=3>&nbsp;&nbsp;&nbsp; {t}</FONT></P>" for t in PARAGRAPHS)
    inside = (
        "<table width=1000><tr><td colspan=2>"
        f"{NAVIGATION}</td></tr><tr><td width=200><table><tr><td><a href=a>领导之窗</a></td></tr>"
        "<tr><td><a href=b>机构职能</a></td></tr></table></td><td><table><tr><td class=title>"
        f"<b>{TITLE}</b></td></tr><tr><td>发布日期：2023-08-01　信息来源：县安监局　阅读次数：9"
        f"</td></tr><tr><td class=nr>{text}{TABLE}</td></tr></table></td></tr>"
        f"<tr><td colspan=2>{FOOT}</td></tr></table>"
    )
    markup = page(inside, charset="gb2312").replace("<!DOCTYPE html>", "")
    return WebPage(
        "layout in tables",
        markup,
        (TITLE, *PARAGRAPHS, *CELLS),
        (*FURNITURE, "领导之窗", "机构职能", "阅读次数"),
    )


def _semantic() -> WebPage:
    inside = (
        f"<header>{NAVIGATION}</header><nav>{PLACE}</nav><main><article><h1>{TITLE}</h1>"
        '<p class="meta">发布机构：青石县应急管理局 | 发布日期：2023-08-01 | 分享到：微信 微博</p>'
        f"<section>{paragraphs(before='')}</section><figure>{TABLE}</figure></article>"
        f"<aside>{LINKS}</aside></main><footer>{FOOT}</footer>"
    )
    return WebPage(
        "semantic elements",
        page(inside),
        (TITLE, *PARAGRAPHS, *CELLS),
        (*FURNITURE, "当前位置", "分享到", "安全会议"),
    )


def _hashed() -> WebPage:
    inside = (
        f'<div id="app"><div class="a1f">{NAVIGATION}</div><div class="b7"><div class="c3">{PLACE}'
        f'</div><div class="d9"><div class="e2">{TITLE}</div><div class="e4"><span>2023-08-01 '
        f'09:00</span><span>来源：</span><span>青石县应急管理局</span></div><div class="f5">'
        f'{paragraphs("div", "")}<div>{TABLE}</div></div></div></div><div class="g8">{FOOT}</div>'
        "</div>"
    )
    return WebPage(
        "names without a meaning",
        page(inside),
        (TITLE, *PARAGRAPHS, *CELLS),
        (*FURNITURE, "当前位置"),
    )


def _from_word() -> WebPage:
    text = "".join(
        f"<p class=MsoNormal style='text-indent:32.0pt'><span lang=EN-US>{t}<o:p></o:p></span></p>"
        for t in PARAGRAPHS
    )
    inside = (
        f"<div class=WordSection1><p class=MsoTitle align=center><b>{TITLE}</b></p>{text}{TABLE}"
        "<p class=MsoNormal><span lang=EN-US><o:p>&nbsp;</o:p></span></p></div>"
    )
    head = (
        "<!--[if gte mso 9]><xml><w:WordDocument>不是正文的脚本</w:WordDocument></xml><![endif]-->"
    )
    return WebPage("saved by Word", page(inside, head), (TITLE, *PARAGRAPHS, *CELLS), FURNITURE)


def _short() -> WebPage:
    texts = (
        "各乡镇人民政府：",
        "现将报告转发给你们，请遵照执行。",
        "青石县安全生产委员会办公室",
        "2023年8月3日",
    )
    title = "关于转发事故调查报告的通知"
    lists = "".join(
        f'<li><a href="/n{at}">青石县召开第{at}季度防范重特大事故电视电话会议</a></li>'
        for at in range(40)
    )
    inside = (
        f"{NAVIGATION}<div>{PLACE}</div><div class='left'><h3>最新公告</h3><ul>{lists}</ul></div>"
        f"<div class='article'><h2>{title}</h2><p class='sub'>2023-08-03 来源：县安委办</p>"
        f"<div class='con'>{paragraphs(texts=texts)}"
        f"<p>附件：<a href='b.pdf'>事故调查报告.pdf</a></p>"
        f"</div></div>{FOOT}"
    )
    return WebPage(
        "short notice among lists",
        page(inside),
        (title, *texts, "附件：事故调查报告.pdf"),
        (*FURNITURE, "当前位置", "最新公告", "电视电话会议"),
    )


def _parts() -> WebPage:
    first, second = PARAGRAPHS[:4], PARAGRAPHS[4:]
    inside = (
        f'{NAVIGATION}<div>{PLACE}</div><div class="xl"><h2>{TITLE}</h2><h3>发布时间：2023-08-01'
        f'</h3><div class="page1">{paragraphs(texts=first)}</div><div class="tab">{TABLE}</div>'
        f'<div class="page2">{paragraphs(texts=second)}</div></div>{FOOT}'
    )
    body = (TITLE, *first, *CELLS, *second)
    return WebPage("body in two parts", page(inside), body, (*FURNITURE, "当前位置", "发布时间"))


def _wechat() -> WebPage:
    text = "".join(
        f'<section style="margin:0"><section><p><span leaf="">{t}</span></p></section></section>'
        for t in PARAGRAPHS
    )
    inside = (
        f'<div id="page-content"><h1 id="activity-name">\n{TITLE}\n</h1><div id="meta_content">'
        '<span>原创</span><span id="js_name">青石应急</span><em id="publish_time">2023-08-01 10:00'
        f'</em></div><div id="js_content" style="visibility:hidden;opacity:0">{text}{TABLE}</div>'
        '<div id="js_pc_qr_code">微信扫一扫关注该公众号</div></div>'
    )
    return WebPage(
        "public account",
        page(inside),
        (TITLE, *PARAGRAPHS, *CELLS),
        ("不是正文的脚本", "扫一扫"),
    )


PAGES = (
    _trs(),
    _vsb(),
    _breaks(),
    _layout_tables(),
    _semantic(),
    _hashed(),
    _from_word(),
    _short(),
    _parts(),
    _wechat(),
)
