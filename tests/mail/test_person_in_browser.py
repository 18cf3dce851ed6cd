"""The page of a person, their card and their birthday in Chromium: at three widths, by keyboard, without scripts."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import Browser, Page, expect

from apps.auth.models import User
from apps.mail.services import stores
from tests.mail.conftest import Person, days_ago, letter, signed_in
from tests.support import pages
from tests.support.browsing import page_of
from tests.support.mailserver import MailServer

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.needs_app("contacts")]
Open = Callable[..., tuple[Person, Page, int]]
AIGERIM = "aigerim@example.test"
ABOUT = f"/person/?email={AIGERIM}"
PDF = ("Budget for the expedition to the Inylchek glacier, second draft.pdf", "application/pdf", b"x" * 300_000)


def known(person: Person) -> int:
    """Aigerim is in the address book, with a birthday in three days and a key."""
    from apps.contacts.card import Value
    from tests.contacts.test_person_parts import ED
    from tests.contacts.world import add

    on = timezone.localdate() + timedelta(days=3)
    more = (
        Value("BDAY", f"{on.year - 40}{on:%m%d}"),
        Value("ADR", ("", "", "Чүй проспекти 265", "Бишкек", "", "720071", "Kyrgyzstan"), ("work",)),
        Value("ORG", ("Institute of Mountain Sciences",)),
        Value("TITLE", "Expedition lead, Glaciology"),
        Value("URL", "https://glacier.example/tokoeva"),
        Value("KEY", ED),
    )
    user = User.objects.get(login=person.login)
    contact = add(user, "Айгерим Токоева", AIGERIM, "a.tokoeva@ims.example", phone="+996 555 010 142", more=more)
    return contact.pk


@pytest.fixture
def visit(browser: Browser, live_server, dovecot: MailServer, settings) -> Iterator[Open]:
    settings.IMAP_URL = dovecot.url
    contexts = []
    errors: list[str] = []

    def open_page(**options: object) -> tuple[Person, Page, int]:
        person = signed_in(dovecot)
        for n, subject in enumerate(("Радар, таможня", "Ice core loan", "Бюджет экспедиции на 2027")):
            person.receive(letter(subject, files=(PDF,) if n else ()), date=days_ago(9 - n))
        person.receive(letter("Re: Ice core loan", sender="me@x.test", to=AIGERIM), mailbox="Sent", date=days_ago(2))
        page = page_of(person.client, browser, live_server.url, errors, **options)
        contexts.append(page.context)
        return person, page, known(person)

    yield open_page
    for context in contexts:
        context.close()
    stores.pool().close_all()
    assert errors == []


def places(contact: int) -> list[str]:
    return [
        ABOUT,
        f"{ABOUT}&email=a.tokoeva@ims.example",
        f"{ABOUT}&all=1",
        "/person/?email=nobody@x.test",
        f"/contacts/{contact}/",
        f"/contacts/{contact}/qr/",
        "/contacts/birthdays/",
        "/",
    ]


@pytest.mark.parametrize("width", [1440, 1024, 390])
def test_axe_finds_nothing_and_the_console_is_silent(visit: Open, width: int) -> None:
    _person, page, contact = visit(viewport={"width": width, "height": 900}, color_scheme="light")
    said = pages.console(page)
    assert pages.faults(page, places(contact)) == [] and said == []


def test_nothing_is_wider_than_the_window(visit: Open) -> None:
    _person, page, contact = visit()
    assert pages.too_wide(page, places(contact)) == []


def test_from_a_message_to_the_person_and_on_by_keyboard(visit: Open) -> None:
    person, page, contact = visit(viewport={"width": 1440, "height": 900})
    page.goto(f"/mail/INBOX/1/?v={person.uidvalidity()}")
    page.locator("#reading a.who").focus()
    page.keyboard.press("Enter")
    expect(page).to_have_title(re.compile("Айгерим Токоева"))
    expect(page.locator("#part-contacts-cards")).to_contain_text("Expedition lead, Glaciology")
    talks = page.locator("#part-mail-conversations .mini .strong")
    expect(talks).to_have_text(["Re: Ice core loan", "Бюджет экспедиции на 2027", "Радар, таможня"])
    expect(page.locator("#part-mail-files .mini")).to_have_count(2)
    expect(page.locator("#part-contacts-keys")).to_contain_text("2133 B704")
    expect(page.locator(".parts > [aria-busy]")).to_have_count(0)
    expect(page.locator(".nothing")).to_be_hidden()
    seen = []
    for _step in range(60):
        page.keyboard.press("Tab")
        seen.append(page.evaluate("document.activeElement.textContent.trim()"))
        if seen[-1] == "Open the card":
            break
    assert "Write" in seen
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(f"/contacts/{contact}/"))
    lately = page.locator(".clately li")
    expect(lately).to_have_text(
        ["Re: Ice core loan", "Бюджет экспедиции на 2027", "Радар, таможня", "2 files exchanged"]
    )
    lately.last.locator("a").focus()
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"/person/\?email=.*#part-mail-files"))


def test_parts_that_know_nothing_go_away(visit: Open) -> None:
    _person, page, _contact = visit()
    page.goto("/person/?email=nobody@x.test")
    expect(page.locator(".parts > .part")).to_have_count(0)
    expect(page.locator(".nothing")).to_be_visible()
    expect(page.get_by_role("link", name="Add to contacts")).to_be_visible()


def test_without_scripts_all_is_there(visit: Open) -> None:
    _person, page, contact = visit(java_script_enabled=False)
    page.goto(ABOUT)
    page.wait_for_url(re.compile("all=1"))
    expect(page.locator("#part-mail-conversations .mini")).to_have_count(3)
    expect(page.locator("#part-contacts-keys")).to_contain_text("OpenPGP key")
    expect(page.locator("[data-copy-value]").first).to_be_hidden()
    page.goto(f"/contacts/{contact}/")
    page.get_by_role("link", name="All about this person").click()
    page.wait_for_url(re.compile("all=1"))


def test_a_value_is_copied(visit: Open) -> None:
    _person, page, contact = visit()
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto(f"/contacts/{contact}/")
    page.get_by_role("button", name="Copy +996 555 010 142").click()
    expect(page.locator("#toasts")).to_contain_text("Copied.")
    assert page.evaluate("navigator.clipboard.readText()") == "+996 555 010 142"
    page.goto(ABOUT)  # in a part that has just come
    page.locator("#part-contacts-keys").get_by_role("button", name="Copy the fingerprint").click()
    expect(page.locator("#toasts")).to_contain_text("Copied.")
    assert page.evaluate("navigator.clipboard.readText()").startswith("2133B704")


def test_a_map_and_a_code_ask_nobody(visit: Open) -> None:
    _person, page, contact = visit()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    for path in (f"/contacts/{contact}/", f"/contacts/{contact}/qr/", ABOUT):
        page.goto(path)
        page.wait_for_load_state("networkidle")
    assert [url for url in asked if not url.startswith(("http://localhost", "data:"))] == []
    box = page.locator(".cqr-code")
    page.goto(f"/contacts/{contact}/qr/")
    size = box.bounding_box()
    assert size is not None and size["width"] >= 250 and abs(size["width"] - size["height"]) < 2


def test_the_birthday_is_on_the_home_page(visit: Open) -> None:
    _person, page, contact = visit()
    page.goto("/")
    block = page.locator("#block-contacts-birthdays")
    expect(block).to_contain_text("turns 40")
    block.get_by_role("link", name="Айгерим Токоева").click()
    expect(page).to_have_url(re.compile(f"/contacts/{contact}/"))
