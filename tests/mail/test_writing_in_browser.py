"""Writing in Chromium: sending later, templates, what is asked, what is pasted, what was marked."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.contrib.auth import get_user_model
from django.utils import timezone
from playwright.sync_api import expect

from apps.mail.models import OutboxMessage, SharedTemplate, Template, remember
from portal.contracts import Address
from portal.core_prefs import LANGUAGE
from portal.prefs import for_user
from tests.mail.conftest import letter
from tests.mail.test_compose_in_browser import Open, editor, sent, to, write  # noqa: F401 - a fixture
from tests.support import axe
from tests.support.receiver import SmallPost, arrived, read

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.parametrize("server", ["pymap_server"], indirect=True),  # the server behind makes no difference here
]
PASTED = """<html><body><p class=MsoNormal
 style='mso-margin-top-alt:auto;font-size:40pt'>Word <b>bold</b></p><table class=MsoTable><tr><td>A1</td>
 <td>B1</td></tr>
 <tr><td>A2</td><td>B2</td></tr></table><ol><li>one</li><li>two</li></ol><a href="javascript:alert(1)">bad</a>
 <a href="https://x.test/">good</a><img src="https://tracker.test/x.png"></body></html>"""


def test_sent_later_with_keys_and_one_question(write: Open, post: SmallPost) -> None:  # noqa: F811
    writer, page = write("/mail/@/compose/?to=anna@gmial.com&subject=Poles&body=Dear+%7Bname%7D")
    user = get_user_model().objects.get(login=writer.person.login)
    remember(user.pk, [Address("bob@example.test", "Bob")])
    later = page.get_by_role("group", name="Send later")
    page.locator("summary[aria-label='Send later']").press("Enter")
    expect(later).to_be_visible()
    page.keyboard.press("Escape")
    expect(later).to_be_hidden()
    page.locator("summary[aria-label='Send later']").press("Enter")
    page.keyboard.press("ArrowDown")
    expect(later.get_by_role("button").first).to_be_focused()
    assert axe.violations(page) == []
    later.get_by_role("button", name=re.compile("Tomorrow morning")).press("Enter")
    dialog = page.get_by_role("alertdialog", name="Before it is sent")
    expect(dialog.get_by_role("listitem")).to_have_text(
        ["Is “anna@gmial.com” right? Its domain is close to gmail.com.", "A placeholder is not filled in: {name}"]
    )
    assert axe.violations(page) == []
    dialog.get_by_role("button", name="Go on writing").click()
    expect(dialog).to_be_hidden()
    expect(page.locator("[name=text]")).to_have_value("Dear {name}")
    to(page).fill("eva@yaho.com,")
    page.locator("summary[aria-label='Send later']").click()
    later.get_by_role("button", name=re.compile("Tomorrow morning")).click()
    expect(dialog.get_by_role("listitem")).to_have_text([re.compile("eva@yaho.com")])  # the others were asked about
    dialog.get_by_role("button", name="Send later anyway").click()
    expect(page.locator(".toast")).to_contain_text("The message goes out on")
    assert OutboxMessage.objects.get().keeps_its_time
    page.goto("/mail/@/outbox/")
    expect(page.locator(".obx")).to_contain_text("To be sent later")
    page.get_by_text("Another time").click()
    assert axe.violations(page) == []
    day = timezone.localdate() + timedelta(days=40)
    page.get_by_label("Day and time").fill(f"{day}T08:00")
    page.get_by_role("button", name="Change the time").click()
    expect(page.locator(".obx")).to_contain_text(f"{day:%a} {day.day} {day:%b %Y}, 08:00")
    assert post.envelopes == []


def test_templates_at_the_cursor(write: Open) -> None:  # noqa: F811
    writer, page = write("/mail/@/compose/?to=Bob+%3Cbob@example.test%3E&subject=")
    user = get_user_model().objects.get(login=writer.person.login)
    Template.objects.create(user=user, name="Hello", text="Hello {name}!", subject="Camp")
    SharedTemplate.objects.create(name="Foot", html="<p><b>Foot</b></p>", text="Foot")
    page.reload()
    menu = page.locator("summary[aria-label='Templates']")
    text = page.locator("[name=text]")
    text.fill("ab")
    text.press("ArrowLeft")
    menu.press("Enter")
    page.get_by_role("button", name="Hello").press("Enter")
    expect(text).to_have_value("aHello Bob!b")
    expect(page.locator("[name=subject]")).to_have_value("Camp")
    text.press("Control+z")
    expect(text).to_have_value("ab")
    menu.press("Enter")
    page.get_by_label("Keep what is written as").fill("Letters")
    page.keyboard.press("Enter")
    expect(page.locator(".toast")).to_contain_text("Kept as the template “Letters”.")
    assert Template.objects.get(name="Letters").text == "ab"
    page.get_by_role("radio", name="Rich text").check()
    inside = editor(page).locator("[data-editor]")
    inside.press("Control+End")
    menu.click()
    page.get_by_role("button", name="Foot").click()
    expect(inside.locator("b")).to_have_text("Foot")
    menu.click()
    expect(page.get_by_role("button", name="Letters")).to_be_visible()
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Save draft").click()
    expect(page.locator("[data-status]")).to_contain_text("Saved")


def test_what_is_pasted_is_cleaned_and_plain_text_asks_where_something_is_lost(
    write: Open,  # noqa: F811
    post: SmallPost,
) -> None:
    _writer, page = write("/mail/@/compose/?to=bob@example.test&format=html")
    inside = editor(page).locator("[data-editor]")
    inside.click()
    inside.evaluate(
        """(root, html) => {
          const data = new DataTransfer();
          data.setData("text/html", html);
          root.dispatchEvent(new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true }));
        }""",
        PASTED,
    )
    expect(inside.locator("td")).to_have_text(["A1", "B1", "A2", "B2"])
    expect(inside.locator("img")).to_have_count(0)
    expect(inside.locator("a[href]")).to_have_text(["good"])
    assert "mso" not in inside.inner_html().lower()
    assert "font-size" not in inside.inner_html()
    plain = page.get_by_role("radio", name="Plain text")
    plain.check(force=True)
    dialog = page.get_by_role("dialog", name="Formatting is lost")
    dialog.get_by_role("button", name="Keep the formatting").click()
    expect(page.get_by_role("radio", name="Rich text")).to_be_checked()
    expect(inside.locator("td")).to_have_count(4)
    plain.check(force=True)
    dialog.get_by_role("button", name="Switch to plain text").click()
    expect(page.locator("[name=text]")).to_have_value(
        re.compile(r"Word bold\nA1 \| B1\nA2 \| B2\n1\. one\n2\. two\nbad good <https://x.test/>")
    )
    page.keyboard.press("Control+Enter")
    sent(page)
    assert read(arrived(post, "bob")[0]).get_content_type() == "text/plain"


@pytest.mark.parametrize("html", ["", "<p>First part.</p><p>Second part.</p>"], ids=["plain", "formatted"])
def test_an_answer_quotes_what_was_marked(write: Open, html: str) -> None:  # noqa: F811
    writer, page = write()
    (uid,) = writer.person.receive(letter(text="First part.\n\nSecond part.", html=html))
    page.goto(f"/mail/INBOX/{uid}/")
    if html:
        body = page.frame_locator("iframe[data-message-frame]").locator("body")
        body.locator("p").last.evaluate("(node) => node.ownerDocument.getSelection().selectAllChildren(node)")
    else:
        page.locator(".prose.text").evaluate(
            """(node) => {
              const words = node.firstChild;
              getSelection().setBaseAndExtent(words, words.data.indexOf("Second"), words, words.data.length);
            }"""
        )
    page.get_by_role("link", name="Reply", exact=True).first.click()
    window = page.frame_locator(".window iframe")
    text = window.locator("[name=text]")
    expect(text).to_have_value(re.compile("> Second part."))
    assert "First part" not in text.input_value()
    expect(window.locator("form.live:not([data-dirty])")).to_have_count(1)


def test_who_is_outside_is_marked_and_an_answer_says_to_how_many(write: Open, settings) -> None:  # noqa: F811
    settings.OWN_DOMAINS = ["example.test"]
    writer, page = write()
    (uid,) = writer.person.receive(letter(sender="Eva <eva@far.example>", to="bob@example.test, cy@example.test"))
    page.goto(f"/mail/INBOX/{uid}/reply-all/?v={writer.person.uidvalidity()}")
    expect(page.locator(".chip.rc", has_text="Eva").locator(".out")).to_have_text("external")
    expect(page.locator(".out")).to_have_count(1)
    expect(page.get_by_text("Your answer goes to 3 people.")).to_be_visible()
    assert axe.violations(page) == []
    page.get_by_role("link", name="Only to the sender").click()
    expect(page.locator(".chip.rc")).to_have_count(1)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("language", ["en", "ar"])
def test_menus_fit_on_a_phone(write: Open, theme: str, language: str) -> None:  # noqa: F811
    writer, page = write(color_scheme=theme, viewport={"width": 390, "height": 844})
    for_user(get_user_model().objects.get(login=writer.person.login)).save({LANGUAGE: language})
    page.goto("/mail/@/compose/")
    expect(page.locator("form.live")).to_be_visible()
    for menu in ("later", "tpl"):
        page.locator(f".{menu} > summary").click()
        box = page.locator(f".{menu} > .menu").bounding_box()
        assert box is not None
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 390
        assert axe.violations(page) == []
        page.keyboard.press("Escape")
    small = page.evaluate(
        "[...document.querySelectorAll('.sendbar summary, .sendbar button')]"
        ".filter((e) => e.checkVisibility() && e.getBoundingClientRect().height < 40).length"
    )
    assert small == 0
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
