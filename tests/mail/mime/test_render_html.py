from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from selectolax.lexbor import LexborHTMLParser, LexborNode

from apps.mail.mime import css, render, render_html
from apps.mail.mime import tidy as tidy_module
from apps.mail.mime.tidy import TAGS, tidy
from tests.mail.mime.support import bounded, vectors

HOSTILE = [*vectors("html_xss"), *vectors("html_leaks"), *vectors("ui_redress")]
ACTIVE = re.compile(r"javascript|vbscript|expression\(|behavior|-moz-binding", re.IGNORECASE)


def drawn(html: str, **given_: Any) -> render.RenderedHtml:
    return render.html(html, cid=given_.pop("cid", lambda _id: None), **given_)


def nodes(html: str) -> list[LexborNode]:
    body = LexborHTMLParser(f"<!DOCTYPE html><html><head></head><body>{html}</body></html>").body
    return [node for node in body.traverse(include_text=False) if node.tag != "body"] if body is not None else []


def assert_harmless(html: str) -> None:
    """Read as a browser does: known elements, attributes that do nothing, addresses that may be followed."""
    for node in nodes(html):
        assert node.tag in TAGS, node.tag
        for name, value in node.attributes.items():
            value = value or ""
            assert not name.startswith("on")
            assert name not in ("id", "name", "class", "srcset", "srcdoc", "ping", "download", "formaction")
            if name == "href":
                assert value.startswith(("http://", "https://", "mailto:", "tel:"))
            if name in ("src", "background"):
                assert value.startswith("data:image/")
            if name == "style":
                assert not ACTIVE.search(value)
                assert not re.search(r"position\s*:|z-index|url\(", value)
        if node.tag == "a" and node.attributes.get("href"):
            assert node.attributes["target"] == "_blank"
            assert node.attributes["rel"] == "noopener noreferrer"


@pytest.mark.parametrize("item", HOSTILE)
def test_vectors_become_harmless(item: Any) -> None:
    with bounded():
        found = drawn(item["html"])
    assert_harmless(found.html)
    assert not found.as_text


@pytest.mark.parametrize("item", vectors("html_leaks"))
def test_no_remote_address_survives_but_links(item: Any) -> None:
    found = drawn(item["html"])
    for node in nodes(found.html):
        for name, value in node.attributes.items():
            assert name == "href" or "leak.test" not in (value or "")
    assert "leak.test" not in found.body_style


@pytest.mark.parametrize("item", vectors("html_leaks"))
def test_with_consent_everything_goes_through_the_proxy(item: Any) -> None:
    found = drawn(item["html"], remote=lambda _address: "/proxy")
    assert "leak.test" not in re.sub(r'href="[^"]*"', "", found.html) + found.body_style
    assert found.blocked == 0


@pytest.mark.parametrize("item", HOSTILE)
def test_cleaning_twice_changes_nothing(item: Any) -> None:
    once = drawn(item["html"]).html
    assert drawn(once).html == once


SOUP = """
    <div> </div> <p> </p> <b> </b> <a~href=http://x.test> </a> <table> </table> <tr> <td> </td> <li> <ul> </ul> <dd>
    <font~color=red> </font> <span~style=color:red> </span> <svg> </svg> <math> <style> </style> <!-- --> <![CDATA[
    ]]> <h1> <h2> </h1> text & &lt; " ' > <img~src=x> <br> </br> <select> <form> <button> <template> <noscript> <nobr>
    <title> </title>
    <img~src=http://x.test/> <center> <blockquote> </blockquote> p{color:red} <style>p{margin:1px}</style>
    <plaintext> <details> <summary> </details> <caption> <colgroup> <col> <tbody> <script> </script> <image>
    <body~text=red>
"""
PIECES = st.sampled_from(SOUP.split()).map(lambda piece: piece.replace("~", " "))


@settings(max_examples=300)
@given(st.lists(PIECES, max_size=40))
def test_any_soup_becomes_harmless_and_stays_the_same(pieces: list[str]) -> None:
    once = drawn("".join(pieces)).html
    assert_harmless(once)
    assert drawn(once).html == once


@given(st.text(max_size=200))
def test_any_text_is_no_error(text: str) -> None:
    assert_harmless(drawn(text).html)


@settings(max_examples=200)
@given(st.lists(PIECES, min_size=1, max_size=6))
def test_no_repetition_goes_deep(pieces: list[str]) -> None:
    """What counts is the tree that a real parser makes: the native parsers end the process at 20,000 levels."""
    clean = tidy("".join(pieces) * 400).html
    deepest, stack = 0, [(node, 1) for node in [LexborHTMLParser(clean).body] if node is not None]
    while stack:
        node, depth = stack.pop()
        deepest = max(deepest, depth)
        stack += [(child, depth + 1) for child in node.iter()]
    assert deepest < 1200


def test_what_a_newsletter_needs_stays() -> None:
    found = drawn(
        "<html><head><style>.big{font-size:20px;color:#333}@media screen{p{margin:0 0 8px}}</style></head>"
        '<body bgcolor="#eeeeee" style="color:#111"><table width="600" cellpadding=0 align=center><tr>'
        '<td class="big" bgcolor="#fff" style="padding:10px;background:linear-gradient(#fff,#eee)"><p>Hi</p>'
        '<a href="https://x.test/?a=1&amp;b=2" style="color:#fff!important">Go</a></td></tr></table></body></html>'
    )
    assert 'style="font-size: 20px; color: #333; padding: 10px; background: linear-gradient(#fff,#eee)"' in found.html
    assert '<p style="margin: 0 0 8px">Hi</p>' in found.html
    assert 'href="https://x.test/?a=1&amp;b=2"' in found.html
    assert '<table width="600" cellpadding="0" align="center">' in found.html
    assert found.body_style == "background-color: #eeeeee; color: #111"


def test_remote_images_are_counted_and_their_words_stay() -> None:
    html = '<img src="https://x.test/a.png" alt="Our logo"><img src="https://x.test/a.png"><td background="//y.test/b">'
    found = drawn(f"<table><tr>{html}</table>")
    assert found.blocked == 2
    assert 'alt="Our logo"' in found.html
    assert "x.test" not in found.html


def test_remote_images_go_where_the_callback_says() -> None:
    asked: list[str] = []

    def proxy(address: str) -> str:
        asked.append(address)
        return f"/proxy?n={len(asked)}"

    found = drawn(
        '<img src="https://x.test/a.png"><div style="background:#fff url(\'http://y.test/b c.png\') no-repeat">x</div>'
        '<div style="list-style-image:url(https://x.test/no)">',
        remote=proxy,
    )
    assert asked == ["https://x.test/a.png", "http://y.test/bc.png"]
    assert 'src="/proxy?n=1"' in found.html
    assert "url(&quot;/proxy?n=2&quot;) no-repeat" in found.html
    assert found.blocked == 0


def test_images_of_the_message_itself_are_found_by_id_and_by_location() -> None:
    parts = {"a@b": "/part/2", "http://x.test/logo.png": "/part/3", "pic.gif": "/part/4"}
    found = drawn(
        '<img src="cid:a@b"><img src="http://x.test/logo.png"><img src="pic.gif"><img src="cid:none" alt="gone">'
        '<td background="cid:a@b">',
        cid=parts.get,
    )
    assert re.findall(r'src="([^"]*)"', found.html) == ["/part/2", "/part/3", "/part/4"]
    assert found.blocked == 0


@pytest.mark.parametrize("type_", ["png", "jpeg", "gif", "webp"])
def test_small_raster_images_may_stand_in_the_message(type_: str) -> None:
    assert "data:image/" in drawn(f'<img src="data:image/{type_};base64,AAAA">').html


@pytest.mark.parametrize(
    "address",
    [
        "data:image/svg+xml;base64,AAAA",
        "data:text/html,x",
        "data:image/png,<svg>",
        "data:image/png;base64," + "A" * 3_000_000,
    ],
)
def test_other_data_addresses_may_not(address: str) -> None:
    assert "src=" not in drawn(f'<img src="{address}">').html


@pytest.mark.parametrize(
    ("href", "kept"),
    [
        ("https://x.test/a?b=c#d", "https://x.test/a?b=c#d"),
        ("HTTPS:x.test", "https://x.test"),
        ("mailto:a@b.test?subject=x", "mailto:a@b.test?subject=x"),
        ("tel:+49123", "tel:+49123"),
        ("http://x.test/\u202egpj.exe", "http://x.test/%E2%80%AEgpj.exe"),
        ("http://x.test/ä", "http://x.test/ä"),
        ("#top", None),
        ("/relative", None),
        ("//x.test/", None),
        ("ftp://x.test/", None),
        ("https://", None),
        ("java\tscript:x", None),
    ],
)
def test_links(href: str, kept: str | None) -> None:
    (node,) = nodes(drawn(f'<a href="{href}">x</a>').html)
    assert node.attributes.get("href") == kept


def test_links_that_do_not_lead_where_they_say_are_reported() -> None:
    found = drawn(
        '<a href="https://evil.test/bank.test">https://bank.test</a> <a href="http://www.ok.test/x">ok.test</a>'
        '<a href="https://bank.test@evil.test/">www.bank.test/login</a> <a href="http://y.test">click here</a>'
    )
    assert [(mismatch.shown, mismatch.host) for mismatch in found.mismatches] == [("bank.test", "evil.test")]


@pytest.mark.parametrize(
    "style",
    [
        "position:fixed;top:0",
        "position:absolute!important",
        "margin-top:-500px",
        "z-index:9",
        "transform:scale(9)",
        "text-indent:-999px",
    ],
)
def test_nothing_leaves_its_place(style: str) -> None:
    assert "style=" not in drawn(f'<div style="{style}">x</div>').html


def test_a_style_sheet_cannot_hide_the_page() -> None:
    assert drawn("<style>:root{display:none} html,body{display:none!important}</style>x") == render.RenderedHtml("x")


def test_the_filter_can_be_left_out_only_on_purpose() -> None:
    html = "<script>1</script>"
    assert drawn(html, sanitise=False).html == html
    assert drawn(html).html == ""


def test_when_a_native_library_gives_up_the_text_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    class PanicException(BaseException):  # PyO3's name; the real one cannot be imported
        pass

    def panic(*_args: object, **_kwargs: object) -> str:
        raise PanicException

    monkeypatch.setattr(render_html.nh3, "clean", panic)
    found = drawn("<p>Hello <b>you</b> &lt;script&gt;</p>")
    assert found.as_text
    assert "Hello you &lt;script&gt;" in found.html
    assert "Hello you" in render_html.clean_outgoing("<p>Hello <b>you</b></p>")


def test_an_error_in_a_callback_takes_the_attribute_away() -> None:
    def broken(_address: str) -> str:
        raise KeyError

    assert drawn('<img src="https://x.test/a" alt="a">', remote=broken).html == '<img alt="a">'


def test_our_own_html_keeps_its_images_and_gets_no_targets() -> None:
    clean = render_html.clean_outgoing(
        '<p onclick=x>Hi <img src="cid:a@b"><img src="https://x.test/t.gif" alt="t"><a href="https://x.test">l</a></p>'
    )
    assert clean == '<p>Hi <img src="cid:a@b"><img alt="t"><a href="https://x.test">l</a></p>'
    assert "t.gif" in render_html.clean_outgoing('<img src="https://x.test/t.gif">', keep_remote=True)


HUGE = {
    "deep": "<div>" * 100_000,
    "deep bold": "<b>" * 100_000 + "x",
    "lists": "<li><dd>" * 50_000,
    "ignored closers": "<div><table></div></table>" * 40_000,
    "formatting": "".join(f"<font color={n}>" for n in range(2000)) + "</p><p>x" * 20_000,
    "adoption": "<a><p><b></a></p></b>" * 20_000,
    "tables": "<table><tr><td>" * 20_000,
    "comments": "<!--" * 500_000,
    "angles": "<" * 2_000_000,
    "attributes": "<a " + "x=1 " * 500_000 + ">",
    "quotes": '<a x="' * 300_000,
    "custom properties": "<style>"
    + "".join(f"p{{color:#{n:06x};--a{n}:1}}" for n in range(3000))
    + "</style>"
    + "<p>a</p>" * 3000,
    "expansion": "<style>"
    + "".join(f".c{n}{{font-family:{'x' * 300}}}" for n in range(300))
    + "</style>"
    + f"<p class='{' '.join(f'c{n}' for n in range(300))}'>a</p>" * 2000,
    "many styles": "".join(f"<p style='color:red;margin:{n}px;font-family:Arial,sans-serif'>" for n in range(20_000)),
    "many images": "".join(f"<img src='http://x.test/{n}'>" for n in range(20_000)),
    "nested functions": f"<p style='width:{'calc(' * 800}1px'>",
    "nested blocks": "<style>" + "{" * 60_000 + "</style>",
    "nested media": "<style>" + "@media screen{" * 8000 + "</style>",
    "selectors": "<style>" + "* * * * * * b.c{color:red}" * 2000 + "</style>" + "<div>" * 100 + "<b>x</b>" * 3000,
    "siblings": "<style>" + "i ~ i ~ i ~ b{color:red}" * 20 + "</style>" + "<i>a</i>" * 3000 + "<b>x</b>" * 300,
    "text": "hello &amp; <br>" * 140_000,
    "signs": "\xa4" * 1_900_000,
    "references": "&nbsp;&copy" * 180_000,
    "nearly a piece": ("\xa0" * 3999 + "<br>") * 400,
}


@pytest.mark.parametrize("name", HUGE)
def test_hostile_sizes_are_drawn_in_time(name: str) -> None:
    with bounded():
        drawn(HUGE[name])


@pytest.mark.parametrize("item", [item for item in HOSTILE if "style" in item.values[0]["html"]])
def test_filtering_a_style_twice_changes_nothing(item: Any) -> None:
    for style in re.findall(r'style="([^"]*)"', item["html"]):
        assert css.style(css.style(style)) == css.style(style)


@given(st.text(alphabet="abcd:;(){}\"'\\/*-#,!url@0 1px<>\n", max_size=80).map(lambda text: "color:" + text))
def test_any_style_is_filtered_once_and_for_all(text: str) -> None:
    once = css.style(text)
    assert css.style(once) == once
    assert "<" not in once
    assert "url" not in once.lower() or '"' in once or "(" not in once


def test_the_cut_of_a_very_large_message_is_told() -> None:
    assert drawn("a " * 1_100_000).cut
    assert not drawn("a").cut


def test_links_that_stand_too_deep_are_not_compared_with_all_that_is_open(monkeypatch: pytest.MonkeyPatch) -> None:
    """99,000 times 200 comparisons were two seconds."""
    looks = 0

    class Open(list[str]):
        def __getitem__(self, index: Any) -> Any:
            nonlocal looks
            looks += 1
            return super().__getitem__(index)

    def with_counted(self: tidy_module._Tidier, source: str) -> None:
        begin(self, source)
        self.open = Open()

    begin = tidy_module._Tidier.__init__
    monkeypatch.setattr(tidy_module._Tidier, "__init__", with_counted)
    html = tidy("<b>" * 200 + "<a>x" * 99_000).html
    assert html.count("x") == 99_000
    assert "<a" not in html
    assert looks < 1_000_000


def test_a_link_too_deep_ends_the_one_that_is_open_once_something_changes() -> None:
    assert tidy("<a>1" + "<b>" * 199 + "<i>2<a>3</a>").html.endswith("2" + "</b>" * 199 + "</a><a>3</a>")
