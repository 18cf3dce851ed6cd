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
