from __future__ import annotations

import base64
import quopri

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.mail.mime.parts import Part
from apps.mail.mime.snippet import LENGTH, snippet
from tests.mail.mime.support import bounded


def plain(text: str) -> str:
    return snippet(Part(number="1", type="text/plain", params={"charset": "utf-8"}), text.encode())


def html(text: str) -> str:
    return snippet(Part(number="1", type="text/html", params={"charset": "utf-8"}), text.encode())


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Hello\nworld", "Hello world"),
        ("> old\n> text\nNew text", "New text"),
        ("On Monday Ann wrote:\n> old\n\nNew", "New"),
        ("Am Montag schrieb Ann:\n> alt\nNeu", "Neu"),
        ("Hi\n-- \nAnn\nCompany", "Hi"),
        ("> only quotes", "> only quotes"),
        ("=====\nNews\n-----", "News"),
        ("Look [https://x.test/long] here", "Look here"),
        ("zero\u200bwidth \u202eevil", "zerowidth evil"),
        ("", ""),
    ],
)
def test_the_first_own_words_of_plain_text(text: str, words: str) -> None:
    assert plain(text) == words


def test_html_shows_its_words_and_not_its_machinery() -> None:
    text = (
        "<html><head><title>T</title><style>p{color:red}</style></head><body>"
        "<div style='display:none'>Preview&zwnj;&nbsp;&zwnj;&nbsp;&#847;&zwnj;&nbsp;</div><script>x()</script>"
        "<p>Hello&nbsp;<b>you</b></p><blockquote>old</blockquote></body>"
    )
    assert html(text) == "Preview Hello you"


def test_joiners_inside_of_words_stay() -> None:
    assert plain("می\u200cخواهم") == "می\u200cخواهم"


def test_long_texts_are_cut_with_an_ellipsis() -> None:
    words = plain("word " * 100)
    assert len(words) <= LENGTH
    assert words.endswith("…")


@given(st.integers(0, 400))
def test_octets_may_be_cut_anywhere(cut: int) -> None:
    text = "Grüße aus Köln, 你好 und noch viel mehr " * 8
    for encoding, octets in (
        ("base64", base64.encodebytes(text.encode())),
        ("quoted-printable", quopri.encodestring(text.encode())),
        ("8bit", text.encode()),
    ):
        part = Part(number="1", type="text/plain", encoding=encoding, params={"charset": "utf-8"})
        words = snippet(part, octets[:cut])
        assert "\ufffd" not in words
        assert text.startswith(words[:-4])


@given(st.integers(0, 300))
def test_html_may_be_cut_anywhere(cut: int) -> None:
    text = '<html><body><p class="x" style="color:red">Hello <a href="https://x.test/?a=b">you</a> there</p>' * 3
    assert "<" not in html(text[:cut])


@given(st.binary(max_size=300), st.sampled_from(["text/plain", "text/html"]))
def test_any_octets_give_one_printable_line(octets: bytes, type_: str) -> None:
    words = snippet(Part(number="1", type=type_), octets)
    assert len(words) <= LENGTH
    assert "\n" not in words
    assert not any(ord(char) < 32 for char in words)


@pytest.mark.parametrize(
    "text", ["<div>" * 100_000, "<b>" * 100_000, "<!--" * 100_000, ">" * 500_000, "[http:" * 100_000]
)
def test_hostile_texts_take_milliseconds(text: str) -> None:
    with bounded(0.3):
        html(text)
        plain(text)
