"""Files that come in a message and go to a contact, in a browser."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from apps.auth.models import User
from apps.mail.services import stores
from tests.contacts.test_with_mail import CARD
from tests.contacts.world import add
from tests.mail.conftest import Person, letter, signed_in
from tests.support import axe
from tests.support.browsing import page_of
from tests.support.mailserver import MailServer

pytestmark = [pytest.mark.needs_app("mail"), pytest.mark.django_db(transaction=True)]


@pytest.fixture
def alice(dovecot: MailServer, settings) -> Iterator[Person]:
    settings.IMAP_URL = dovecot.url
    yield signed_in(dovecot)
    stores.pool().close_all()


@pytest.fixture
def page(alice: Person, browser: Browser, live_server) -> Iterator[Page]:
    errors: list[str] = []
    fresh = page_of(alice.client, browser, live_server.url, errors, viewport={"width": 1440, "height": 900})
    yield fresh
    fresh.context.close()
    assert errors == []


def seen(page: Page, name: str) -> None:
    if folder := os.environ.get("PICTURES"):
        page.screenshot(path=f"{folder}/{name}.png")


def test_a_card_in_a_message_is_taken_into_the_contacts_by_keyboard(alice: Person, page: Page) -> None:
    files = (("people.vcf", "text/vcard", CARD), ("plan.pdf", "application/pdf", b"%PDF-"))
    alice.receive(letter("With a card", files=files))
    page.goto("/mail/INBOX/")
    page.locator(".msg .go").first.click()
    button = page.get_by_role("button", name="Add to contacts: people.vcf")
    expect(button).to_be_visible()
    expect(page.get_by_role("button", name="Add to contacts")).to_have_count(1)
    assert axe.in_both_themes(page) == []
    seen(page, "chip")
    button.press("Enter")
    expect(page.locator("h1")).to_have_text("people.vcf")
    expect(page.locator("main")).to_contain_text("2 entries would be")
    page.get_by_role("button", name="Import", exact=True).press("Enter")
    expect(page.locator("main")).to_contain_text("imported")
    page.get_by_role("link", name="Aigerim Tokoeva").click()
    expect(page.locator("#card h1")).to_have_text("Aigerim Tokoeva")


def test_a_file_is_attached_to_a_contact_saved_and_removed(alice: Person, page: Page) -> None:
    contact = add(User.objects.get(login=alice.login), "Anna One", "anna@felt.example")
    page.goto(f"/contacts/{contact.pk}/")
    file = {
        "name": "A contract with a rather long name, signed.pdf",
        "mimeType": "application/pdf",
        "buffer": b"%PDF-1",
    }
    page.locator("#files input[type=file]").set_input_files([file])  # type: ignore[list-item]
    page.get_by_role("button", name="Attach").press("Enter")
    expect(page.locator("#toasts")).to_contain_text("The file is attached.")
    link = page.get_by_role("link", name="A contract with a rather long name, signed.pdf")
    with page.expect_download() as saved:
        link.press("Enter")
    assert saved.value.suggested_filename == "A contract with a rather long name, signed.pdf"
    assert axe.in_both_themes(page) == []
    seen(page, "files")
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    seen(page, "files-390")
    page.get_by_role("button", name="Remove A contract").press("Enter")
    expect(page.locator("#toasts")).to_contain_text("The file is removed.")
    expect(page.locator("#files li")).to_have_count(0)
