"""Completion in Chromium: two answers, groups, and second looks, by keyboard and under axe."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest
from django.contrib.auth import get_user_model
from playwright.sync_api import Browser, Page, expect

from apps.mail.models import remember
from apps.mail.services import stores
from portal.contracts import Address
from portal.testing import with_apps
from tests.mail.conftest import send_at_once, signed_in
from tests.mail.desk import Writer
from tests.support import axe
from tests.support.books import ScriptedBook, shelf
from tests.support.browsing import page_of
from tests.support.drafts import kept
from tests.support.mailserver import MailServer
from tests.support.receiver import SmallPost

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.parametrize("server", ["pymap_server"], indirect=True),
]
Open = Callable[..., tuple[Writer, Page]]
WIDE = {"width": 1440, "height": 900}
NEAR = ScriptedBook(
    id="near.book",
    remote=False,
    source="Contacts",
    people=[Address("marta@felt.example", "Marta Silva"), Address("marine@felt.example", "Marine Cores")],
    groups={
        "Maritime team": [
            Address("marta@felt.example", "Marta Silva"),
            Address("eve@felt.example", "Ève"),
            Address("", "Bo Berg"),
        ],
        "Market": [Address(f"m{n}@felt.example") for n in range(60)],
    },
)


@pytest.fixture
def far() -> Iterator[ScriptedBook]:
    book = ScriptedBook(
        delay=0.4,
        people=[Address("tomar@far.example", "Tomar Levi"), Address("marta@felt.example", "Marta S.")],
        groups={"Maritime staff": [Address("a@far.example"), Address("b@far.example")]},
    )
    with with_apps(shelf(NEAR, book)):
        yield book


@pytest.fixture
def write(browser: Browser, live_server, server: MailServer, post: SmallPost, far: ScriptedBook) -> Iterator[Open]:
    contexts = []
    errors: list[str] = []

    def begin(path: str = "/mail/@/compose/", **options: object) -> tuple[Writer, Page]:
        person = signed_in(server)
        send_at_once(person)
        page = page_of(person.client, browser, live_server.url, errors, **({"viewport": WIDE} | options))
        contexts.append(page.context)
        page.goto(path if "subject=" in path else f"{path}{'&' if '?' in path else '?'}subject=A+letter")
        return Writer(person, post), page

    yield begin
    for context in contexts:
        context.close()
    stores.pool().close_all()
    assert errors == []


def to(page: Page):
    return page.get_by_role("combobox", name="To", exact=True)


def options(page: Page):
    return page.get_by_role("listbox", name="To").get_by_role("option")


def chips(page: Page):
    return page.locator("#row-to .chip")


def test_the_second_answer_comes_below_and_leaves_the_choice_alone(write: Open, far: ScriptedBook) -> None:
    _writer, page = write()
    page.keyboard.type("mar")
    expect(options(page)).to_have_count(4)
    page.keyboard.press("ArrowDown")
    chosen = options(page).nth(1)
    expect(chosen).to_have_attribute("aria-selected", "true")
    before = chosen.bounding_box()
    expect(options(page)).to_have_count(6)  # the one whom a nearer book knows is not there twice
    expect(options(page).nth(4)).to_contain_text("Tomar Levi")
    expect(options(page).nth(4)).to_contain_text("Directory")
    expect(options(page).nth(5)).to_contain_text("2 people")
    assert chosen.bounding_box() == before
    expect(chosen).to_have_attribute("aria-selected", "true")
    expect(to(page)).to_have_attribute("aria-activedescendant", chosen.get_attribute("id") or "")
    expect(page.locator("#row-to > [role=status]")).to_have_text("From the directory: 2")
    assert axe.in_both_themes(page) == []
    page.keyboard.press("Enter")
    expect(chips(page)).to_have_text(["Marine Cores×"])


def test_old_questions_are_given_up_and_a_dead_directory_is_said(write: Open, far: ScriptedBook) -> None:
    _writer, page = write()
    page.keyboard.type("tom")
    expect(options(page)).to_have_count(1)  # nobody here: what comes is not chosen by itself
    expect(to(page)).not_to_have_attribute("aria-activedescendant", re.compile("."))
    page.keyboard.press("ArrowDown")
    expect(options(page).first).to_have_attribute("aria-selected", "true")
    page.keyboard.press("Escape")
    with page.expect_request(re.compile("far=1")):
        page.keyboard.type("ar")
    page.keyboard.press("Escape")
    page.wait_for_timeout(700)
    expect(options(page)).to_have_count(0)  # an answer that nobody waits for any more opens nothing
    far.dead = True
    page.keyboard.press("Control+a")
    page.keyboard.type("mart")
    expect(page.locator("#row-to .complete .cap")).to_have_text("The directory does not answer.")
    expect(options(page)).to_have_count(1)
    expect(options(page).first).to_have_attribute("aria-selected", "true")
    assert axe.in_both_themes(page) == []


def test_a_small_group_becomes_its_people_by_keys_alone(write: Open, post: SmallPost) -> None:
    _writer, page = write("/mail/@/compose/?to=Marta+Silva+%3Cmarta@felt.example%3E&subject=S&body=T")
    to(page).focus()
    page.keyboard.type("maritime t")
    expect(options(page).first).to_contain_text("Maritime team")
    expect(options(page).first).to_contain_text("3 people")
    page.keyboard.press("Enter")
    expect(chips(page)).to_have_text(["Marta Silva×", "Ève×"])
    expect(page.locator("#toasts")).to_contain_text("Maritime team: 2 people 1 person has no address: Bo Berg")
    expect(to(page)).to_be_focused()
    page.keyboard.press("Control+Enter")
    expect(page.locator("#toasts")).to_contain_text("Message sent.")
    assert sorted(post.envelopes[0].rcpt_tos) == ["eve@felt.example", "marta@felt.example"]


def test_a_large_group_and_one_of_the_directory_stay_together(write: Open, post: SmallPost, far: ScriptedBook) -> None:
    writer, page = write("/mail/@/compose/?subject=S&body=T")
    page.keyboard.type("market")
    expect(options(page).first).to_contain_text("60 people")
    page.keyboard.press("Enter")
    expect(chips(page)).to_have_text(["Market · 60 people×"])
    page.keyboard.type("maritime s")
    expect(options(page)).to_have_count(1)
    page.keyboard.press("ArrowDown")
    with kept(page, "Maritime staff"):
        page.keyboard.press("Enter")
        expect(chips(page)).to_have_text(["Market · 60 people×", "Maritime staff · 2 people×"])
    page.reload()
    expect(chips(page)).to_have_text(["Market · 60 people×", "Maritime staff · 2 people×"])
    assert axe.in_both_themes(page) == []
    page.keyboard.press("Control+Enter")
    asked = page.get_by_role("alertdialog", name="Before it is sent")
    expect(asked).to_contain_text("“Market”: 60 people.")
    expect(chips(page)).to_have_text(["Market · 60 people×", "Maritime staff · 2 people×"])
    asked.get_by_role("button", name="Send anyway").click()
    expect(page.locator("#toasts")).to_contain_text("Message sent.")
    assert len(post.envelopes[0].rcpt_tos) == 62
    assert writer.stored("Drafts") == []


def test_what_seems_to_be_somebody_else_says_so(write: Open) -> None:
    writer, page = write()
    user = get_user_model().objects.get(login=writer.person.login)
    remember(user.pk, [Address("bo@polar-institute.example", "Bo")])
    to(page).fill(
        "Marta Silva <marta@evil.test>, bo@polar-lnstitute.example, new@ice.example, bo@polar-institute.example,"
    )
    hints = page.locator("#row-to + .rc-hints p")
    expect(hints).to_have_text(
        [
            "marta@evil.test: You know this name with another address: marta@felt.example",
            "bo@polar-lnstitute.example: This address looks like one of polar-institute.example, and is not",
            "new@ice.example: You have not written to this address before",
        ]
    )
    expect(chips(page).nth(0)).to_have_class(re.compile("warn"))
    expect(chips(page).nth(2)).not_to_have_class(re.compile("warn"))
    expect(chips(page).nth(0).get_by_role("button")).to_have_accessible_description(re.compile("another address"))
    assert axe.in_both_themes(page) == []
    chips(page).nth(0).get_by_role("button").click()
    expect(hints).to_have_count(2)
