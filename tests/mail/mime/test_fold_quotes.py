"""Quoted messages in HTML, folded."""

from __future__ import annotations

import pytest

from apps.mail.mime import render


def folded(html: str) -> str:
    return render.html(html, cid=lambda _id: None, fold="More <of it>").html


@pytest.mark.parametrize(
    "quote",
    [
        "<blockquote type='cite'>old <blockquote type='cite'>older</blockquote></blockquote>",
        "<div class='gmail_quote'>Bob wrote:<blockquote class='gmail_quote'>old older</blockquote></div>",
    ],
)
def test_a_quoted_message_is_folded_once_with_what_it_quotes(quote: str) -> None:
    html = folded(f"<p>new</p>{quote}<p>below</p>")
    before, _details, rest = html.partition("<details>")
    inside, _end, after = rest.partition("</details>")
    assert "new" in before
    assert inside.startswith("<summary>More &lt;of it&gt;</summary>")
    assert "old" in inside
    assert "older" in inside
    assert "below" in after
    assert html.count("<details>") == 1


def test_what_is_folded_is_sanitised() -> None:
    html = folded("<blockquote type='cite'><script>x()</script><img src=x onerror='x()'><a href='javascript:x'>a</a>")
    assert "script" not in html
    assert "onerror" not in html
    assert "<details>" in html


def test_other_quotes_stay_open() -> None:
    assert "<details>" not in folded("<blockquote>said a poet</blockquote>")
