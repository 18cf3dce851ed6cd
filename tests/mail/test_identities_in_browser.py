"""Identities in Chromium: another one while writing, in plain text and in rich; their page, and redirecting."""

from __future__ import annotations

import pytest
from django.contrib.auth import get_user_model
from playwright.sync_api import Locator, Page, expect

from apps.mail.models import Identity, SenderAddress
from tests.mail.conftest import letter
from tests.mail.desk import Writer
from tests.mail.test_compose_in_browser import WIDE, Open, editor, write
from tests.support import axe
from tests.support.drafts import kept
from tests.support.hands import at_once
from tests.support.holding import before_modules
from tests.support.receiver import SmallPost, arrived, read, text_of

__all__ = ["write"]  # the fixture
pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.parametrize("server", ["pymap_server"], indirect=True),  # the server behind makes no difference here
]
RICH = "<div><b>The desk</b><br>Room <i>1</i></div>"


def with_two(writer: Writer) -> None:
    user = get_user_model().objects.get(login=writer.person.login)
    SenderAddress.objects.create(user=user, email="desk@example.test")
    Identity.objects.create(user=user, name="Ann", signature="Ann (lab)\n1+1")
    Identity.objects.create(
        user=user,
        position=1,
        label="Desk",
        name="The desk",
        email="desk@example.test",
        signature="The desk\nRoom 1",
        signature_html=RICH,
        bcc="log@example.test",
        reply_to="help@example.test",
    )
    Identity.objects.create(user=user, position=2, label="None")


def choose(page: Page, label: str) -> None:
    select = page.get_by_role("combobox", name="From")
    select.select_option(index=["Ann", "Desk", "None"].index(label))


def test_in_plain_text(write: Open, post: SmallPost) -> None:
    writer, page = write()
    with_two(writer)
    page.goto("/mail/@/compose/?to=bob@example.test&subject=Camp&body=Dear%20Bob")
    text = page.locator("[name=text]")
    begun = text.input_value()
    assert begun == "Dear Bob\n\n-- \nAnn (lab)\n1+1\n"
    choose(page, "Desk")
    expect(text).to_have_value("Dear Bob\n\n-- \nThe desk\nRoom 1\n")
    expect(page.locator("#row-bcc .chip")).to_have_text("log@example.test×")
    expect(page.locator("[data-replies]")).to_have_text("Replies go to help@example.test")
    choose(page, "None")
    expect(page.locator("#row-bcc .chip")).to_have_count(0)
    choose(page, "Ann")
    expect(text).to_have_value("Dear Bob\n\n-- \nAnn (lab)\n1+1\n")
    text.fill("Dear Bob\n\n-- \nAnn (lab), at noon\n")
    choose(page, "Desk")
    expect(text).to_have_value("Dear Bob\n\n-- \nAnn (lab), at noon\n")
    page.get_by_role("button", name="Send").click()
    expect(page.locator("#toasts")).to_contain_text("Message sent.")
    message = read(arrived(post, "bob")[0])
    assert (str(message["From"]), str(message["Reply-To"])) == ("The desk <desk@example.test>", "help@example.test")
    assert text_of(message) == "Dear Bob\n\n-- \nAnn (lab), at noon\n"
    assert len(arrived(post, "log")) == 1


def test_in_rich_text(write: Open) -> None:
    writer, page = write()
    with_two(writer)
    page.goto("/mail/@/compose/?format=html&subject=Camp")
    inside = editor(page).locator("[data-editor]")
    expect(inside).to_contain_text("Ann (lab)")
    choose(page, "Desk")
    expect(inside.locator("b")).to_have_text("The desk")
    expect(inside).not_to_contain_text("Ann (lab)")
    with kept(page, "<b>The desk</b>"):
        page.keyboard.press("Control+s")
    page.reload()  # a draft, that went through the sanitiser
    expect(inside.locator("b")).to_have_text("The desk")
    choose(page, "None")
    expect(inside.locator("b")).to_have_count(0)
    choose(page, "Desk")
    expect(inside.locator("b")).to_have_text("The desk")
    inside.locator("b").click()
    page.keyboard.press("End")
    page.keyboard.type(" at noon")
    choose(page, "Ann")
    expect(inside).to_contain_text("The desk at noon")
    expect(inside).not_to_contain_text("Ann (lab)")


@pytest.mark.parametrize("form", ["plain", "html"])
def test_one_that_was_chosen_before_the_modules_were_there(write: Open, form: str) -> None:
    writer, page = write()
    with_two(writer)
    page.goto(f"/mail/@/compose/?format={form}&subject=Camp")
    with before_modules(page, "recipients"):
        at_once(Locator.select_option)(page.get_by_role("combobox", name="From"), index=1)
    if form == "html":
        expect(editor(page).locator("[data-editor] b")).to_have_text("The desk")
        return
    expect(page.locator("textarea[name=text]")).to_have_value("\n\n-- \nThe desk\nRoom 1\n")


@pytest.mark.parametrize("form", ["plain", "html"])
def test_in_an_answer_with_undo(write: Open, form: str) -> None:
    writer, page = write()
    with_two(writer)
    (uid,) = writer.person.receive(letter(text="Original", to="desk@example.test"))
    page.goto(writer.person.url("reply", "INBOX", uid, v=writer.person.uidvalidity(), format=form))
    note = page.get_by_text("Writing as The desk because the message was sent to desk@example.test.")
    expect(note).to_be_visible()
    if form == "html":
        expect(editor(page).locator("[data-editor]")).to_contain_text("Room 1")
    page.get_by_role("button", name="Undo: write as Ann").click()
    expect(note).to_have_count(0)
    expect(page.get_by_role("combobox", name="From")).to_be_focused()
    if form == "plain":
        expect(page.locator("[name=text]")).to_have_value(
            page.locator("[name=text]").input_value().replace("The desk\nRoom 1", "Ann (lab)\n1+1")
        )
        assert page.locator("[name=text]").input_value().startswith("\n\n-- \nAnn (lab)\n1+1\n\nOn ")
    else:
        inside = editor(page).locator("[data-editor]")
        expect(inside).not_to_contain_text("Room 1")
        choose(page, "None")
        expect(inside).not_to_contain_text("Ann (lab)")
        choose(page, "Desk")  # above what is quoted
        expect(inside).to_contain_text("Room 1")
        words = inside.inner_text()
        assert words.index("Room 1") < words.index("wrote:") < words.index("Original")


def test_a_formatted_signature_is_written_in_the_editor(write: Open) -> None:
    writer, page = write("/mail/@/identities/0/")
    page.get_by_role("radio", name="Rich text").check()
    inside = page.frame_locator("iframe[data-frame]").locator("[data-editor]")
    inside.click()
    bold = page.get_by_role("button", name="Bold")
    bold.click()
    expect(bold).to_have_attribute("aria-pressed", "true")
    page.keyboard.type("Ann")
    page.get_by_role("button", name="Save").click()
    page.wait_for_url("**/@/identities/")
    (row,) = Identity.objects.filter(user__login=writer.person.login)
    assert "<b>Ann</b>" in row.signature_html
    assert row.signature == "Ann"
    page.get_by_role("link", name="Change").click()
    expect(inside.locator("b")).to_have_text("Ann")
    page.get_by_role("radio", name="Plain text").click()
    page.get_by_role("button", name="Switch to plain text").click()
    page.get_by_role("button", name="Save").click()
    page.wait_for_url("**/@/identities/")
    row.refresh_from_db()
    assert (row.signature, row.signature_html) == ("Ann", "")


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 390])
def test_axe_finds_nothing_and_all_of_it_fits(write: Open, theme: str, width: int) -> None:
    writer, page = write(color_scheme=theme, viewport=WIDE | {"width": width})
    with_two(writer)
    (uid,) = writer.person.receive(letter(to="desk@example.test"))
    v = writer.person.uidvalidity()
    second = Identity.objects.get(label="Desk").key
    for path in (
        "/mail/@/identities/",
        f"/mail/@/identities/{second}/",
        writer.person.url("reply", "INBOX", uid, v=v),
        writer.person.url("redirect", "INBOX", uid, v=v),
    ):
        page.goto(path)
        if "reply" in path:
            page.get_by_text("More options").click()
            expect(page.get_by_label("Ask for a read receipt")).to_be_visible()
        if path.endswith(f"{second}/"):
            expect(page.frame_locator("iframe[data-frame]").locator("[data-editor]")).to_contain_text("The desk")
        assert axe.violations(page) == [], path
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, path
