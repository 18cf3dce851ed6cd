"""Invitations and files in Chromium: read, answered, looked at, taken out; without scripts as well."""

from __future__ import annotations

import io
import re

import pytest
from PIL import Image
from playwright.sync_api import expect

from tests.mail.conftest import letter, send_at_once
from tests.mail.test_files import pdf_file
from tests.mail.test_invitations import calendar, invitation
from tests.mail.test_list_in_browser import Open, row, visit  # noqa: F401
from tests.support import axe
from tests.support.receiver import PostOffice, arrived, read

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.parametrize("server", ["dovecot"], indirect=True)]
WIDE = {"width": 1440, "height": 900}
PHONE = {"width": 390, "height": 844}


def png() -> bytes:
    target = io.BytesIO()
    Image.new("RGB", (40, 30), "red").save(target, "PNG")
    return target.getvalue()


FILES = (
    ("felt.pdf", "application/pdf", pdf_file()),
    ("felt.png", "image/png", png()),
    ("poles.csv", "text/csv", b"Pole,Length\nFirst,2\n"),
    ("cut.py", "text/x-python", b"print('a rather long line that does not fit on a phone')\n" * 3),
    ("README.md", "text/markdown", b"# Felt\n\nDry.\n"),
)


def test_an_invitation_is_answered(visit: Open, post: PostOffice) -> None:  # noqa: F811
    person, page = visit(viewport=WIDE, timezone_id="Europe/Berlin")
    send_at_once(person)
    bob = post.new_login()
    octets = calendar(organizer=f"{bob}@example.test", guests=(f"{person.login}@example.test",), SEQUENCE="1")
    person.receive(invitation(octets, subject="Updated"))
    page.reload()
    row(page, "Updated").locator(".go").click()
    card = page.locator(".invite")
    expect(card).to_contain_text("Tuesday, 12 January 2027, 10:00–11:30")
    expect(card).to_contain_text("No earlier message about this is in the same folder")
    assert axe.violations(page) == []
    card.get_by_label("Comment for the organiser").fill("With pleasure")
    card.get_by_role("button", name="Accept").click()
    expect(page.locator("#toasts .toast")).to_contain_text("The organiser has been told.")
    expect(page.locator(".invite .given")).to_contain_text("You have accepted.")
    (raw,) = arrived(post, bob)
    assert read(raw)["Subject"] == "Accepted: Raising the felt"


@pytest.mark.parametrize("look", ["wide", "phone"])
def test_files_are_looked_at_one_after_the_other(visit: Open, look: str) -> None:  # noqa: F811
    phone = look == "phone"
    options = {"viewport": PHONE, "color_scheme": "dark", "has_touch": True} if phone else {"viewport": WIDE}
    person, page = visit(**options)
    (uid,) = person.receive(letter("Files", files=FILES))
    page.goto(f"/mail/INBOX/{uid}/")
    page.get_by_role("link", name="felt.pdf", exact=True).click()
    expect(page.locator("img.sheet")).to_be_visible()
    assert page.locator("img.sheet").evaluate("each => each.decode().then(() => each.naturalWidth)") == 1400
    page.get_by_role("link", name="Next page").click()
    expect(page.locator(".pages")).to_contain_text("Page 2 of 2")
    for name, _type, _octets in FILES:
        expect(page.locator("h1")).to_have_text(name)
        assert axe.violations(page) == [], name
        assert page.evaluate("document.documentElement.scrollWidth") <= page.viewport_size["width"], name
        if name.endswith((".png", ".md")):
            frame = page.frame_locator("iframe[data-message-frame]")
            expect(frame.locator("img" if name.endswith(".png") else "h1")).to_be_visible()
        if name != FILES[-1][0]:
            page.get_by_role("link", name="Next attachment").click()
    if phone:
        small = page.locator(".main :is(a, button):visible").evaluate_all(
            "all => all.filter(each => each.getBoundingClientRect().height < 44).map(each => each.textContent)"
        )
        assert small == []


def test_attachments_are_taken_out_and_come_back_without_scripts(visit: Open) -> None:  # noqa: F811
    person, page = visit(viewport=WIDE, java_script_enabled=False)
    (uid,) = person.receive(letter("Files", files=FILES[:2]))
    page.goto(f"/mail/INBOX/{uid}/")
    page.get_by_role("link", name="Remove attachments").click()
    page.get_by_label(re.compile("felt.png")).uncheck()
    page.get_by_role("button", name="Remove").click()
    expect(page.locator("#reading")).to_contain_text("The file “felt.pdf” (PDF")
    expect(page.locator(".att")).to_have_count(1)
    page.locator("#toasts, .toasts").get_by_role("button", name="Undo").click()
    expect(page.locator(".att")).to_have_count(2)
