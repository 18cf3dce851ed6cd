"""The writing page in Chromium: with keys alone, in rich text, with files on their way, on a phone."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest
from django.contrib.auth import get_user_model
from playwright.sync_api import Browser, FrameLocator, Locator, Page, expect

from apps.mail.models import remember
from apps.mail.services import stores
from portal.contracts import Address
from tests.mail.conftest import send_at_once, signed_in
from tests.mail.desk import Writer
from tests.mail.test_pictures import PIXEL, picture_letter
from tests.support import axe
from tests.support.browsing import page_of
from tests.support.drafts import kept
from tests.support.hands import at_once
from tests.support.holding import before_modules, hold_from_now_on
from tests.support.mailserver import MailServer
from tests.support.receiver import SmallPost, arrived, read, text_of

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.parametrize("server", ["pymap_server"], indirect=True),  # the server behind makes no difference here
]
Open = Callable[..., tuple[Writer, Page]]
WIDE = {"width": 1440, "height": 900}


@pytest.fixture
def write(browser: Browser, live_server, server: MailServer, post: SmallPost) -> Iterator[Open]:
    """A browser at the writing page of somebody new."""
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


def editor(page: Page) -> FrameLocator:
    expect(page.locator("form.rich")).to_be_visible()
    return page.frame_locator("iframe[data-frame]")


def sent(page: Page) -> None:
    expect(page.locator("#toasts")).to_contain_text("Message sent.")


def test_with_keys_alone(write: Open, post: SmallPost) -> None:
    _writer, page = write()
    expect(to(page)).to_be_focused()
    page.keyboard.type("Bob <bob@example.test>, carla@example.test")
    stops = []
    for _ in range(5):
        page.keyboard.press("Tab")
        stops.append(page.evaluate("document.activeElement.name || document.activeElement.textContent.trim()"))
        if stops[-1] in {"subject", "text"}:
            page.keyboard.type(f"My {stops[-1]}")
    assert stops == ["Cc", "Bcc", "subject", "text", "action"]
    expect(page.get_by_role("button", name="Send")).to_be_focused()
    expect(page.locator("#row-to .chip")).to_have_text(["Bob×", "carla@example.test×"])
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Control+Enter")
    sent(page)
    (raw,) = arrived(post, "carla")
    assert (read(raw)["Subject"], text_of(read(raw))) == ("My subject", "My text\n")


def test_escape_leaves_and_asks_first(write: Open) -> None:
    _writer, page = write("/mail/@/compose/?subject=")
    page.locator("[name=subject]").focus()  # among the recipients the first Escape is for the list of people
    page.keyboard.type("half")
    asked = []
    page.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.dismiss()))
    with page.expect_event("dialog"):
        page.keyboard.press("Escape")
    expect(page.locator("[name=subject]")).to_have_value("half")
    assert asked == ["beforeunload"]
    with kept(page, "half"):
        page.keyboard.press("Control+s")
    page.keyboard.press("Escape")
    page.wait_for_url("**/mail/INBOX/")
    assert asked == ["beforeunload"]


def test_completion_is_a_combobox(write: Open, post: SmallPost) -> None:
    writer, page = write()
    user = get_user_model().objects.get(login=writer.person.login)
    people = [Address("maria@example.test", "Μαρία Δήμου"), Address("marta@example.test", "Marta Silva")]
    remember(user.pk, people)
    remember(user.pk, people[1:])
    page.keyboard.type("mar")
    options = page.get_by_role("listbox", name="To").get_by_role("option")
    expect(options).to_have_count(2)
    expect(to(page)).to_have_attribute("aria-expanded", "true")
    expect(options.nth(0)).to_have_attribute("aria-selected", "true")
    expect(options.nth(0)).to_contain_text("Marta Silva")
    assert axe.violations(page) == []
    page.keyboard.press("ArrowDown")
    chosen = options.nth(1)
    expect(chosen).to_have_attribute("aria-selected", "true")
    expect(to(page)).to_have_attribute("aria-activedescendant", chosen.get_attribute("id") or "")
    page.keyboard.press("Enter")
    expect(page.locator("#row-to .chip")).to_have_text("Μαρία Δήμου×")
    expect(to(page)).to_have_attribute("aria-expanded", "false")
    page.keyboard.type("mar")
    expect(options).to_have_count(1)  # not offered twice
    page.keyboard.press("Escape")
    expect(options).to_have_count(0)
    expect(page).to_have_url(re.compile("/mail/(@/compose|Drafts)/"))  # it may have saved itself meanwhile
    page.keyboard.press("Control+a")
    page.keyboard.press("Backspace")
    page.keyboard.press("Backspace")  # takes the last one back for correction
    expect(to(page)).to_have_value("Μαρία Δήμου <maria@example.test>")
    page.keyboard.press("Enter")
    page.keyboard.press("Control+Enter")
    sent(page)
    assert len(arrived(post, "maria")) == 1


def test_rich_text(write: Open, post: SmallPost) -> None:
    _writer, page = write("/mail/@/compose/?to=bob@example.test&subject=Rich&body=One%0ATwo")
    page.get_by_role("radio", name="Rich text").check()
    inside = editor(page).locator("[data-editor]")
    expect(inside).to_have_text("OneTwo")
    inside.press("Control+End")
    page.keyboard.press("Enter")
    bold = page.get_by_role("button", name="Bold")
    bold.click()
    expect(bold).to_have_attribute("aria-pressed", "true")
    page.keyboard.type("bold words")
    page.get_by_role("button", name="Link").click()
    page.get_by_role("dialog").get_by_role("textbox").fill("example.test/page")
    page.keyboard.press("Enter")
    expect(inside.locator("a")).to_have_attribute("href", "https://example.test/page")
    page.keyboard.press("Control+Enter")
    sent(page)
    message = read(arrived(post, "bob")[0])
    html = message.get_body(("html",)).get_content()
    assert "<b>bold words" in html
    assert 'href="https://example.test/page"' in html
    assert text_of(message).startswith("One\nTwo\n")


def test_from_rich_to_plain_and_back(write: Open, post: SmallPost) -> None:
    _writer, page = write("/mail/@/compose/?to=bob@example.test")
    page.get_by_role("radio", name="Rich text").check()
    editor(page).locator("[data-editor]").click()
    page.keyboard.type("first")
    page.keyboard.press("Enter")
    bullets = page.get_by_role("button", name="Bullets")
    bullets.click()
    expect(bullets).to_have_attribute("aria-pressed", "true")
    page.keyboard.type("point")
    page.get_by_role("radio", name="Plain text").check()
    text = page.locator("[name=text]")
    expect(text).to_have_value(re.compile(r"first\n- point"))
    text.press("Control+Enter")
    sent(page)
    message = read(arrived(post, "bob")[0])
    assert message.get_content_type() == "text/plain"
    assert "first\n- point" in text_of(message)


def test_pictures_of_the_original_are_seen(write: Open, post: SmallPost) -> None:
    writer, page = write()
    (uid,) = writer.person.receive(picture_letter())
    page.goto(writer.person.url("reply", "INBOX", uid, v=writer.person.uidvalidity(), format="html"))
    picture = editor(page).get_by_alt_text("the camp")
    expect(picture).to_have_js_property("naturalWidth", 1)
    expect(page.locator("iframe[data-frame]")).to_be_focused()
    page.keyboard.type("I see it.")
    page.keyboard.press("Control+s")
    expect(page.locator("[data-status]")).to_contain_text("Saved")
    page.get_by_role("button", name="Send").click()
    sent(page)
    message = read(arrived(post, "bob")[0])
    assert text_of(message).startswith("I see it.")
    found = [part.get_payload(decode=True) for part in message.walk() if part["Content-ID"]]
    assert found == [PIXEL]
    assert writer.stored("Drafts") == []


GIVE = """(root, [how, octets]) => {
    const files = new DataTransfer();
    files.items.add(new File([Uint8Array.from(octets)], "camp.png", { type: "image/png" }));
    const box = root.getBoundingClientRect();
    const place = { bubbles: true, cancelable: true, clientX: box.x + 30, clientY: box.y + 30 };
    root.dispatchEvent(how === "paste" ? new ClipboardEvent("paste", { ...place, clipboardData: files })
        : new DragEvent("drop", { ...place, dataTransfer: files }));
}"""


def test_pictures_are_pasted_and_dropped_into_the_text(write: Open, post: SmallPost) -> None:
    """They are in the draft that is opened again; one taken out of the text is not sent, and "undo" brings it back."""
    writer, page = write("/mail/@/compose/?to=bob@example.test")
    page.get_by_role("radio", name="Rich text").check()
    root = editor(page).locator("[data-editor]")
    root.click()
    page.keyboard.type("Look: ")
    for number, how in enumerate(("paste", "drop"), 1):
        root.evaluate(GIVE, [how, list(PIXEL)])
        expect(root.locator("img")).to_have_count(number)
        expect(root.locator("img").last).to_have_js_property("naturalWidth", 1)
    expect(page.locator(".up[data-token]")).to_have_count(2)
    tokens = page.locator(".up[data-token]").evaluate_all("(files) => files.map((file) => file.dataset.token)")
    with kept(page, tokens[-1]):
        page.keyboard.press("Control+s")
    page.reload()
    root = editor(page).locator("[data-editor]")
    expect(root.locator("img")).to_have_count(2)
    expect(root.locator("img").last).to_have_js_property("naturalWidth", 1)
    page.get_by_role("button", name="Remove camp.png").last.click()
    expect(root.locator("img")).to_have_count(1)
    root.click()
    page.keyboard.press("Control+a")
    page.keyboard.press("Delete")
    expect(page.locator(".up:visible")).to_have_count(0)
    page.keyboard.press("Control+z")
    expect(page.locator(".up:visible")).to_have_count(1)
    page.keyboard.press("Control+Enter")
    sent(page)
    message = read(arrived(post, "bob")[0])
    (box,) = (part for part in message.walk() if part.get_content_type() == "multipart/related")
    html, picture = box.iter_parts()
    assert f"cid:{picture['Content-ID'][1:-1]}" in html.get_content()
    assert [part.get_payload(decode=True) for part in message.walk() if part.get_filename()] == [PIXEL]
    assert writer.stored("Drafts") == []


def test_each_wrong_address_has_its_own_reason(write: Open) -> None:
    _writer, page = write()
    to(page).fill("ann, bob@example.test, eve@x..test")
    page.get_by_role("button", name="Send").click()
    chips = page.locator("#row-to .chip")
    expect(chips).to_have_count(3)
    for number, reason in ((0, "The “@” is missing."), (2, "“x..test” is not the name of a mail server.")):
        expect(chips.nth(number)).to_have_class(re.compile(r"\bbad\b"))
        expect(chips.nth(number).locator("button")).to_have_accessible_description(re.compile(re.escape(reason)))
    expect(chips.nth(1)).not_to_have_class(re.compile(r"\bbad\b"))
    page.get_by_role("button", name="Remove ann").click()
    expect(page.locator(".rc-errors p:visible")).to_have_count(1)
    page.get_by_role("button", name="Remove eve@x..test").click()
    expect(page.locator(".rc-errors p:visible")).to_have_count(0)
    expect(to(page)).not_to_have_attribute("aria-invalid", "true")


def test_beside_plain_text_a_picture_is_a_file(write: Open) -> None:
    _writer, page = write()
    page.locator("[name=text]").evaluate(GIVE, ["paste", list(PIXEL)])
    expect(page.locator(".up[data-token]")).to_contain_text("camp.png")


def test_what_is_too_much_together_is_told_before_it_goes_out(write: Open, settings) -> None:
    settings.MAX_MESSAGE_MB = 1
    _writer, page = write()
    half = {"mimeType": "application/octet-stream", "buffer": b"1" * 600_000}
    page.set_input_files("#compose-files", {"name": "a.bin", **half})
    expect(page.locator("[data-total]")).to_have_text("So far: 586 kB")
    expect(page.locator(".up[data-token]")).to_have_count(1)
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.set_input_files("#compose-files", {"name": "b.bin", **half})
    expect(page.locator(".up[data-state=failed]")).to_contain_text("all files together may have 1 MB at most")
    assert [url for url in asked if "/uploads/" in url] == []
    page.get_by_role("button", name="Remove a.bin").click()
    page.get_by_role("button", name="Try again").click()
    expect(page.locator(".up[data-token]")).to_contain_text("b.bin")


def test_files_by_button_and_their_limit(write: Open, post: SmallPost, settings) -> None:
    settings.MAX_MESSAGE_MB = 1
    _writer, page = write("/mail/@/compose/?to=bob@example.test")
    files = page.locator(".up")
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Attach files").click()
    chooser.value.set_files(
        [
            {"name": "plan <b>.txt", "mimeType": "text/plain", "buffer": b"the plan"},
            {"name": "big.bin", "mimeType": "application/octet-stream", "buffer": b"\1" * (2**20 + 1)},
            {"name": "b.txt", "mimeType": "text/plain", "buffer": b"second"},
        ]
    )
    expect(files).to_have_count(3)
    expect(page.locator(".up[data-state=failed]")).to_contain_text("Too large: this site accepts files of 1 MB at most")
    expect(page.locator(".up[data-token]")).to_have_count(2)
    page.get_by_role("button", name="Remove b.txt").click()
    page.locator(".up[data-state=failed]").get_by_role("button", name="Cancel").click()
    expect(files).to_have_count(1)
    page.get_by_role("button", name="Send").click()
    sent(page)
    (part,) = read(arrived(post, "bob")[0]).iter_attachments()
    assert part.get_payload(decode=True) == b"the plan"


def test_a_file_that_does_not_get_through_can_be_tried_again(write: Open) -> None:
    _writer, page = write()
    page.route("**/mail/@/uploads/", lambda route: route.abort())
    hold_from_now_on(page)
    page.set_input_files("#compose-files", {"name": "a.txt", "mimeType": "text/plain", "buffer": b"x"})
    expect(page.locator(".up")).to_contain_text("Connection lost, not attached")
    assert axe.violations(page) == []
    page.unroute("**/mail/@/uploads/")
    page.get_by_role("button", name="Try again").click()
    expect(page.locator(".up[data-token]")).to_contain_text("attached")


def test_the_password_again_in_the_middle_of_writing(write: Open, server: MailServer) -> None:
    """The text stays where it is; after the password, what was interrupted is done."""
    writer, page = write("/mail/@/compose/?to=bob@example.test")
    page.locator("[name=text]").fill("what I wrote")
    page.context.clear_cookies(name=re.compile("yurt_key"))
    page.keyboard.press("Control+s")
    dialog = page.locator("#sign-in-again")
    expect(dialog).to_be_visible()
    dialog.locator("[name=portal_password]").fill(server.password)
    page.keyboard.press("Enter")
    expect(page.locator("[data-status]")).to_contain_text("Saved")
    expect(page.locator("[name=text]")).to_have_value("what I wrote")
    (raw,) = writer.stored("Drafts")
    assert text_of(read(raw)) == "what I wrote\n"


def test_saving_twice_at_once_keeps_one_draft(write: Open, post: SmallPost) -> None:
    writer, page = write("/mail/@/compose/?to=bob@example.test&subject=Once")
    page.locator("[name=text]").press_sequentially("text")
    page.keyboard.press("Control+s")
    page.keyboard.press("Control+s")
    page.keyboard.press("Control+Enter")  # waits for the draft, or that would stay
    sent(page)
    assert len(arrived(post, "bob")) == 1
    assert writer.stored("Drafts") == []


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("size", [(1440, 900), (1024, 768), (390, 844)], ids=lambda size: str(size[0]))
def test_axe_finds_nothing_and_all_of_it_fits(write: Open, theme: str, size: tuple[int, int]) -> None:
    _writer, page = write(color_scheme=theme, viewport={"width": size[0], "height": size[1]})
    expect(page.locator("form.live")).to_be_visible()
    assert axe.violations(page) == []
    expect(page.locator(".cside .drop")).to_be_visible(visible=size[0] > 500)
    expect(page.get_by_text("More options")).to_be_visible()
    page.get_by_role("radio", name="Rich text").check()
    expect(editor(page).locator("[data-editor]")).to_be_visible()
    page.set_input_files("#compose-files", {"name": "a.txt", "mimeType": "text/plain", "buffer": b"x"})
    expect(page.locator(".up[data-token]")).to_be_visible()
    to(page).fill("nobody, nowhere")
    page.get_by_role("button", name="Send").click()
    expect(page.locator(".rc-errors")).to_contain_text("“nowhere” is not a mail address.")
    expect(to(page)).to_have_attribute("aria-invalid", "true")
    expect(editor(page).locator("[data-editor]")).to_be_visible()
    assert axe.violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0


def test_a_file_chosen_before_the_modules_are_there_goes_along(write: Open) -> None:
    _writer, page = write()
    file = {"name": "early.txt", "mimeType": "text/plain", "buffer": b"early"}
    with before_modules(page, "attachments"):
        at_once(Locator.set_input_files)(page.locator("#compose-files"), [file])
        page.wait_for_function("() => document.getElementById('compose-files').files.length === 1")
    expect(page.locator("[data-attachments] input[name=attachment]")).to_have_count(1)
    expect(page.locator("[data-attachments]")).to_contain_text("early.txt")


def test_what_is_typed_before_the_modules_are_there_is_kept_and_saved(write: Open) -> None:
    writer, page = write("/mail/@/compose/?format=html")
    expect(page.locator("form.rich:not([data-dirty])")).to_be_attached()  # nothing to save yet
    with before_modules(page, "recipients"):
        at_once(Locator.fill)(page.locator("[name=subject]"), "Early")
        at_once(Locator.fill)(page.locator("[name=to]"), "bob@example.test, car")
        at_once(Locator.press_sequentially)(page.locator("textarea[name=text]"), "Quick")
    inside = editor(page).locator("[data-editor]")
    expect(inside).to_be_focused()
    with kept(page, "Quick words"):
        page.keyboard.type(" words")
    expect(inside).to_have_text("Quick words")
    expect(page.locator("#row-to .chip")).to_contain_text(["bob@example.test", "car"])
    page.reload()
    expect(inside).to_have_text("Quick words")
    expect(page.locator("[name=subject]")).to_have_value("Early")
    assert len(writer.stored("Drafts")) == 1


def test_an_address_begun_before_the_modules_are_there_goes_on(write: Open) -> None:
    _writer, page = write()
    with before_modules(page, "recipients"):
        at_once(Locator.press_sequentially)(page.locator("[name=to]"), "bob@example.test, car")
    expect(to(page)).to_be_focused()
    page.keyboard.type("la@example.test,")
    expect(page.locator("#row-to .chip")).to_have_text(["bob@example.test×", "carla@example.test×"])
