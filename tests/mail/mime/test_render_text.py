from __future__ import annotations

import html
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from selectolax.lexbor import LexborHTMLParser

from apps.mail.mime import flowed, links, render
from tests.mail.mime.support import bounded, vectors

TAG = re.compile(r"</?(?:blockquote|details|summary|div|a)(?: [^<>]*)?>")


def words(markup: str) -> str:
    """What a reader sees: our own few tags away, references back to characters."""
    return html.unescape(TAG.sub("", markup))


def assert_harmless(markup: str) -> None:
    body = LexborHTMLParser(f"<body>{markup}").body
    assert body is not None
    for node in body.traverse():
        assert node.tag in ("body", "blockquote", "details", "summary", "div", "a"), node.tag
        for name, value in node.attributes.items():
            assert name in ("class", "href", "target", "rel")
            if name == "href":
                assert re.match(r"(?:https?|mailto):", value or "")


@pytest.mark.parametrize("item", vectors("text_channels"))
def test_text_is_shown_literally(item: Any) -> None:
    with bounded():
        markup = render.text(item["value"])
    assert_harmless(markup)
    assert words(markup) == re.sub("[\x00-\x08\x0b-\x1f]", "", item["value"]) + "\n"


@given(st.text(max_size=300))
def test_any_text_is_shown_literally(text: str) -> None:
    markup = render.text(text, more="")
    assert_harmless(markup)
    shown = re.sub("[\x00-\x08\x0b-\x1f\x7f-\x9f]", "", text.replace("\r\n", "\n").replace("\r", "\n"))
    assert words(markup).replace(" ", "") == re.sub(r"^(?:> ?)+", "", shown, flags=re.M).replace(" ", "") + "\n"


@pytest.mark.parametrize(
    ("text", "href"),
    [
        ("see https://x.test/a_(b), ok", "https://x.test/a_(b)"),
        ("see http://x.test.", "http://x.test"),
        ("www.example.org/a?b=c", "http://www.example.org/a?b=c"),
        ("write to ann@mail.example.test.", "mailto:ann@mail.example.test"),
        ("<https://x.test/?a=1&b=2>", "https://x.test/?a=1&amp;b=2"),
        ("mailto:a@b.test", "mailto:a@b.test"),
    ],
)
def test_links_are_found(text: str, href: str) -> None:
    assert re.findall('href="([^"]*)"', render.text(text)) == [href]


@pytest.mark.parametrize(
    "text", ["ftp://x.test/", "//x.test", "javascript:alert(1)", "example.org", "file:///etc", "data:text/html,x"]
)
def test_other_schemes_are_text(text: str) -> None:
    assert "<a" not in render.text(text)


HOSTILE = {
    "link": "http://x.test/" + "a." * 20_000,
    "www": "www." * 20_000,
    "addresses": "a@b." * 10_000,
    "schemes": "http:" * 8000,
    "beginnings": "5" + "http://a.b/" * 8000,
    "dots": "a." * 20_000 + "@b.test",
    "brackets": "(" * 40_000 + "http://a.b",
    "closed brackets": "www.a.b/" + ")" * 90_000,
    "loose quotes": "> " * 50_000,
    "deep quotes": ">" * 100_000,
    "levels": "> a\n>> b\n" * 20_000,
    "lines": "\n" * 1_000_000,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_texts_are_drawn_in_time(name: str) -> None:
    with bounded():
        render.text(HOSTILE[name])


def test_short_quotes_stand_open_and_long_ones_are_folded() -> None:
    assert render.text("> a\n>> b\nc") == "<blockquote>a\n<blockquote>b\n</blockquote></blockquote>c\n"
    folded = render.text("> a\n> b\n> c\n> d\nreply", more="earlier <text>")
    assert folded.startswith('<details class="q"><summary>earlier &lt;text&gt;</summary><blockquote>a\n')
    assert folded.endswith("</blockquote></details>reply\n")


def test_the_signature_is_marked() -> None:
    assert render.text("hi\n-- \nAnn") == 'hi\n<div class="sig">-- \nAnn\n</div>'
    assert "sig" not in render.text("> -- \n> Ann\nhi")


def test_flowed_paragraphs_are_joined() -> None:
    text = "This is \none line.\n> quoted \n> too\n  stuffed\n-- \nAnn"
    assert [(line.depth, line.text) for line in flowed.decode(text)] == [
        (0, "This is one line."),
        (1, "quoted too"),
        (0, " stuffed"),
        (0, "-- "),
        (0, "Ann"),
    ]
    assert [line.text for line in flowed.decode("日本 \n語", delsp=True)] == ["日本語"]
    assert "This is one line." in render.text(text, flowed=True)


PARAGRAPH = st.text("abc >.FromXYZäöü-", max_size=200).map(lambda text: re.sub(r" +", " ", text).rstrip(" "))


@given(st.lists(PARAGRAPH, max_size=8))
def test_what_is_flowed_comes_back(paragraphs: list[str]) -> None:
    text = "\n".join(paragraphs)
    coded = flowed.encode(text)
    assert all(len(line) < 100 for line in coded.split("\n")) or max(map(len, re.split("[ \n]", text))) > 60
    assert not any(line.startswith("From ") for line in coded.split("\n"))
    expected = "\n".join(
        f"{quote[0]} {line[len(quote[0]) :].removeprefix(' ')}".rstrip() if (quote := re.match(">+", line)) else line
        for line in text.split("\n")
    )
    assert flowed.joined(coded) == expected


@given(st.text(max_size=60))
def test_addresses_are_followed_only_by_scheme(text: str) -> None:
    href = links.safe_href(text)
    assert href is None or re.match(r"(?:https?://.|mailto:|tel:)", href)
    if href is not None:
        assert links.safe_href(href) == href
        assert not set(href) & set("\"'<> \t\n")


@pytest.mark.parametrize(
    ("href", "host"),
    [
        ("https://bank.test@evil.test/", "evil.test"),
        ("https://bücher.test/", "xn--bcher-kva.test"),
        ("http://[", ""),
        ("x", ""),
    ],
)
def test_the_host_is_the_one_a_browser_goes_to(href: str, host: str) -> None:
    assert links.host_of(href) == host


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("(see www.example.com/foo)", "www.example.com/foo"),
        ("(see www.example.com/foo).", "www.example.com/foo"),
        ("(http://a.example/b_(c))", "http://a.example/b_(c)"),
        ("[www.example.com/a[1]]", "www.example.com/a[1]"),
        ("»http://a.example/x«", "http://a.example/x"),
        ("„www.a.example/x“", "www.a.example/x"),
        ("«http://a.example/x» .", "http://a.example/x"),
        ("“www.a.example/x,”", "www.a.example/x"),
        ("请看 http://a.example/x。", "http://a.example/x"),
    ],
)
def test_the_sentence_around_a_link_is_no_part_of_it(text: str, address: str) -> None:
    href = address if address.startswith("http") else f"http://{address}"
    assert f'<a href="{href}" target="_blank" rel="noopener noreferrer">{address}</a>' in render.text(text)
