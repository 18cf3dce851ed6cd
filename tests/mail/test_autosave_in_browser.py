"""What is written is kept: by itself, without a connection, without a session, in two tabs."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from portal.models import Session
from tests.mail.desk import Writer
from tests.mail.test_compose_in_browser import Open, write  # noqa: F401 - a fixture
from tests.support.drafts import kept
from tests.support.receiver import read, text_of

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.parametrize("server", ["pymap_server"], indirect=True),
]


def status(page: Page):
    return page.locator("[data-status]")


def begin(page: Page, text: str) -> None:
    page.fill("[name=subject]", "Felt camp")
    page.locator("textarea[name=text]").press_sequentially(text)


def drafts(writer: Writer) -> list[str]:
    return sorted(text_of(read(raw)).strip() for raw in writer.stored("Drafts"))


def sign_in(page: Page, writer: Writer) -> None:
    page.fill("[name=username]", writer.person.login)
    page.fill("[name=password]", writer.person.server.password)
    page.press("[name=password]", "Enter")


def test_a_draft_saves_itself_and_says_when(write: Open) -> None:  # noqa: F811
    writer, page = write()
    with kept(page, "Bring poles."):
        begin(page, "Bring poles.")
    expect(status(page)).to_contain_text("Saved")
    assert drafts(writer) == ["Bring poles."]
    expect(page.locator("textarea[name=text]")).to_be_focused()
    with kept(page, "Bring poles. And rope."):
        page.keyboard.type(" And rope.")
    assert drafts(writer) == ["Bring poles. And rope."]
    page.reload()
    expect(page.locator("textarea[name=text]")).to_have_value("Bring poles. And rope.")


def test_a_lost_connection_loses_no_word(write: Open) -> None:  # noqa: F811
    writer, page = write()
    page.context.set_offline(True)
    begin(page, "Bring poles.")
    expect(status(page)).to_have_text("Not saved. Trying again…")
    with kept(page, "Bring poles. And rope."):
        page.keyboard.type(" And rope.")
        page.context.set_offline(False)
    expect(status(page)).to_contain_text("Saved")
    assert drafts(writer) == ["Bring poles. And rope."]


def test_an_expired_session_is_renewed_in_place(write: Open) -> None:  # noqa: F811
    writer, page = write()
    with kept(page, "Bring poles."):
        begin(page, "Bring poles.")
    Session.objects.all().delete()
    page.locator("textarea[name=text]").fill("Bring poles. And rope.")  # at once: the dialog takes the focus
    dialog = page.locator("#sign-in-again")
    expect(dialog).to_be_visible()
    dialog.locator("[name=portal_username]").fill(writer.person.login)
    dialog.locator("[name=portal_password]").fill(writer.person.server.password)
    with kept(page, "Bring poles. And rope."):
        dialog.locator("[name=portal_password]").press("Enter")
    assert drafts(writer) == ["Bring poles. And rope."]


def test_signing_in_in_another_tab_makes_no_difference(write: Open) -> None:  # noqa: F811
    writer, page = write()
    other = page.context.new_page()
    other.goto(page.url)
    other.context.clear_cookies()
    other.goto(page.url)
    sign_in(other, writer)
    composing, told = other.locator("form#compose"), other.get_by_text("Please sign in once more")
    expect(composing.or_(told)).to_be_attached()
    if told.is_visible():  # the first page has asked for its own form in between, and with it for another token
        sign_in(other, writer)
    expect(composing).to_be_attached()
    with kept(page, "Bring poles."):
        begin(page, "Bring poles.")
    assert drafts(writer) == ["Bring poles."]


def test_two_tabs_keep_both_texts(write: Open) -> None:  # noqa: F811
    writer, page = write()
    with kept(page, "Bring poles."):
        begin(page, "Bring poles.")
    other = page.context.new_page()
    other.goto(page.url)
    expect(other.locator("textarea[name=text]")).to_have_value("Bring poles.")
    with kept(page, "Bring poles. And rope."):
        page.keyboard.type(" And rope.")
    other.locator("textarea[name=text]").fill("Bring nothing.")
    expect(other.locator("#toasts")).to_contain_text("This draft was changed in another tab.")
    assert drafts(writer) == ["Bring nothing.", "Bring poles. And rope."]
    ids = {read(raw)["Message-ID"] for raw in writer.stored("Drafts")}
    assert len(ids) == 2
    with kept(other, "Bring nothing. At all."):
        other.locator("textarea[name=text]").press_sequentially(" At all.")
    assert len(writer.stored("Drafts")) == 2
