"""Files that do something when opened, and counting pictures, told by what they are called."""

from __future__ import annotations

import pytest

from apps.mail.mime import addresses, risky, trackers
from apps.mail.mime.render_html import render
from apps.mail.mime.risky import Risk


@pytest.mark.parametrize(
    ("name", "risk"),
    [
        ("invoice.pdf.exe", Risk.DISGUISED),
        ("invoice\u202efdp.exe", Risk.DISGUISED),
        ("photo.jpg          .scr", Risk.DISGUISED),
        ("Setup.EXE", Risk.PROGRAM),
        ("x.lnk", Risk.PROGRAM),
        ("x.exe. ", Risk.PROGRAM),
        ("Budget.xlsm", Risk.MACROS),
        ("disk.iso", Risk.IMAGE),
        ("login.html", Risk.PAGE),
        ("invoice.exe.zip", Risk.PACKED),
        ("archive.2026.zip", None),
        ("report.v2.pdf", None),
        ("notes", None),
        ("photo.jpg", None),
        ("", None),
    ],
)
def test_a_name_tells(name: str, risk: Risk | None) -> None:
    assert risky.of(name) == risk


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("https://shop.us1.list-manage.com/track/open.php?u=1&id=2", "Mailchimp"),
        ("https://u123.ct.sendgrid.net/wf/open?upn=abc", "SendGrid"),
        ("https://mail.shop.test/wf/open?upn=abc", "SendGrid"),
        ("//shop.test/pixel.gif?uid=4711", ""),
        ("https://shop.test/logo.png", None),
        ("https://notlist-manage.com/x.gif", None),
        ("https://[broken/x.gif", None),
    ],
)
def test_who_counts(address: str, name: str | None) -> None:
    assert trackers.of(address) == name


def test_what_was_not_loaded_is_named() -> None:
    html = '<p>Hi</p><img src="https://a.list-manage.com/track/open.php?u=1"><img src="https://shop.test/logo.png">'
    drawn = render(html, cid=lambda _id: None)
    assert drawn.trackers == (("Mailchimp", "a.list-manage.com"),)
    assert drawn.blocked == 2


def test_hidden_signs_in_names() -> None:
    assert addresses.turns('"\u202emoc.knab@ssob\u202c" <evil@evil.test>')
    assert not addresses.turns("\u200fمحمد الحسن\u200f")
