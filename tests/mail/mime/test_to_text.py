from __future__ import annotations

import pytest

from apps.mail.mime import to_text


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ('<a href="https://x.example/?a&amp;b=2">sign <b>here</b></a>, b', "sign here <https://x.example/?a&b=2>, b"),
        ('<a href="https://x.example/">x.example</a>', "x.example"),
        ('<a class=x href="mailto:a@b.example">A@b.example</a>', "A@b.example"),
        ('<a href="https://x.example/p"><img alt="Buy &lt;now&gt;" src=x></a>', "Buy <now> <https://x.example/p>"),
        ('<a href="#top">top</a> <a href="javascript:x">no</a>', "top no"),
        ('<a href="https://x.example/p">never closed', "never closed <https://x.example/p>"),
    ],
)  # fmt: skip
def test_a_link_is_followed_by_its_address_where_that_is_news(html: str, expected: str) -> None:
    assert to_text.text(html) == expected


def test_tables_and_lists_keep_their_shape() -> None:
    html = "<table><tr><td>Tea</td><td>2</td></tr><tr><td>Apples</td><td>15</td></tr></table>"
    assert [line.split() for line in to_text.text(html).splitlines()] == [["Tea", "2"], ["Apples", "15"]]
    assert to_text.text(html).splitlines()[0].index("2") == to_text.text(html).splitlines()[1].index("15")
    nested = to_text.text("<ul><li>a<ul><li>b<ul><li>c</ul></ul></ul>").splitlines()
    indents = [len(line) - len(line.lstrip()) for line in nested if line.strip()]
    assert indents == sorted(set(indents))
    hidden = '<p style="margin-top: 9em; display:none">x</p><p style="white-space : pre">a   b</p>'
    assert to_text.text(hidden) == "a   b"


@pytest.mark.parametrize(
    "html",
    [
        "<table><tr><td>" + "x" * 20_000 + "</td><td>b</td></tr>" + "<tr><td>a</td><td>b</td></tr>" * 3_000,
        "<table><tr><td><pre>" + "x\n" * 5_000 + "</pre></td>" + "<td>b</td>" * 5_000,
        "<table><tr>" + "<td>" + "y" * 9 + "</td>" * 5_000 + "<tr><td>" + "c<br>" * 5_000,
        "<table><tr><td><table><tr><td>" + "x" * 20_000 + "</table><tr><td>" + "a<tr><td>b<td>c" * 3_000,
        "<ul><li>" * 100 + "<li>a" * 20_000,
        "<blockquote><dl><dd>" * 60 + "a<br>" * 20_000,
        '<p style="padding-left:10000000em">' + "a<br>" * 2_000,
        '<p style="margin-top:10000000em">a',
    ],
    ids=["wide", "high", "many columns", "table in table", "lists", "quotes", "padding", "margin"],
)  # fmt: skip
def test_no_html_is_many_times_longer_as_text(html: str) -> None:
    found = to_text.text(html)
    assert found.strip()
    assert len(found) < 60 * len(html)
    assert len(found) < 3_000_000
