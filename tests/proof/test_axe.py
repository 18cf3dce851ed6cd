"""axe finds nothing on any page, in the light and in the dark theme, at a desk and on a phone."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Route, expect

from scripts.servers.exim import REFUSED
from tests.mail.conftest import letter
from tests.support import axe
from tests.support.mailserver import DovecotServer
from tests.support.people import PASSWORD
from tests.support.servers import SubmissionServer
from tests.support.site import Site

pytestmark = [pytest.mark.needs_app("mail"), pytest.mark.timeout(300)]
HTML = '<h1>Poles</h1><p>The <b>poles</b> are cut.</p><img src="https://pictures.test/a.gif" alt="poles" width="90">'
ROOT = "axe-root"
MAKE_ROOT = f"""
from django.contrib.auth import get_user_model
from portal.models import Notice
get_user_model().objects.create_superuser({ROOT!r}, {PASSWORD!r})
Notice.objects.get_or_create(title="Mail pauses tonight.", text="The storage moves.")
"""


@dataclass(frozen=True)
class Reader:
    site: Site
    login: str
    password: str
    v: int
    uids: dict[str, int]
    drafts: dict[str, int]


@pytest.fixture(scope="module")
def reader(site: Site, dovecot: DovecotServer, submission: SubmissionServer) -> Reader:
    login = dovecot.new_user()
    site.manage("shell", "--no-imports", "-c", MAKE_ROOT)
    files = (("plan.pdf", "application/pdf", b"%PDF"), ("view.txt", "text/plain", b"x"))
    quoted = "We raise the felt tomorrow.\n\n> Who brings the ropes?\n>> I do.\n\nhttps://example.test/"
    messages = {
        "plain": letter("Felt", text=quoted, cc="charlie@example.test"),
        "html": letter("Poles", html=HTML, files=files),
        "arabic": letter("غدا نرفع اللباد", text="مرحبا"),
        "none": b"From: x@example.test\r\nSubject: nothing\r\n\r\n",
    }
    stored = dovecot.append(login, *messages.values(), date=datetime(2026, 11, 20, 9, 0, tzinfo=UTC))
    draft = letter("Ropes", html=HTML, files=files)
    (draft_uid,) = dovecot.append(login, draft, mailbox="Drafts", flags="\\Draft")
    with dovecot.session(login) as session:
        answers = [session.status(name, "(UIDVALIDITY)")[1][0] for name in ("INBOX", "Drafts")]
    v, drafts_v = (int(answer.rpartition(b" ")[2].rstrip(b")")) for answer in answers)
    uids = dict(zip(messages, stored, strict=True))
    return Reader(site, login, dovecot.password, v, uids, {"uid": draft_uid, "v": drafts_v})


@pytest.fixture(params=[1280, 390], ids=["desk", "phone"])
def context(request: pytest.FixtureRequest, browser: Browser) -> Iterator[BrowserContext]:
    size = {"width": request.param, "height": 844}
    fresh = browser.new_context(locale="en", timezone_id="UTC", color_scheme="light", viewport=size)
    yield fresh
    fresh.close()


def sign_in(page: Page, reader: Reader, login: str, password: str) -> None:
    page.goto(f"{reader.site.url}/sign-in/")
    page.fill("[name=username]", login)
    page.fill("[name=password]", password)
    page.press("[name=password]", "Enter")
    expect(page.locator("h1")).to_contain_text("Good")


def look(page: Page, what: str) -> list[str]:
    expect(page.locator("[aria-busy=true]")).to_have_count(0)
    return [f"{what}: {line}" for line in axe.in_both_themes(page)]


def visit(page: Page, reader: Reader, path: str) -> list[str]:
    page.goto(f"{reader.site.url}{path}")
    page.wait_for_load_state("networkidle")
    return look(page, path)


def compose_rich(page: Page, reader: Reader) -> None:
    page.goto(f"{reader.site.url}/mail/INBOX/{reader.uids['html']}/reply/?v={reader.v}&format=html")
    expect(page.frame_locator("iframe[data-frame]").locator("[data-editor]")).to_be_visible()


def compose_errors(page: Page, reader: Reader) -> None:
    page.goto(f"{reader.site.url}/mail/@/compose/?to=not-an-address")
    page.locator("button[value=send]").click()
    expect(page.locator("#compose [aria-invalid=true], #compose .c-bad").first).to_be_attached()


def compose_refused(page: Page, reader: Reader) -> None:
    seconds_to_undo(page, reader, "0")
    page.goto(f"{reader.site.url}/mail/@/compose/?to={REFUSED}&subject=Felt")
    page.locator("button[value=send]").click()
    expect(page.locator("#compose")).to_contain_text("No such person")


def seconds_to_undo(page: Page, reader: Reader, seconds: str) -> None:
    page.goto(f"{reader.site.url}/preferences/mail.composing/")
    page.get_by_role("spinbutton", name="Seconds in which sending can be undone").fill(seconds)
    page.get_by_role("button", name="Save", exact=True).last.click()
    expect(page.locator("#toasts")).to_contain_text("Saved.")


def put_into_the_outbox(page: Page, reader: Reader) -> None:
    """For each look one of its own: thirty seconds are not for ever."""
    page.goto(f"{reader.site.url}/mail/@/compose/?to={REFUSED}&subject=Felt")
    page.locator("button[value=send]").click()
    expect(page.locator("#toasts")).to_contain_text("The message goes out in 30 seconds.")


def outbox_waiting(page: Page, reader: Reader) -> None:
    seconds_to_undo(page, reader, "30")
    put_into_the_outbox(page, reader)
    page.goto(f"{reader.site.url}/mail/@/outbox/")
    page.locator("summary", has_text="Discard").first.click()
    expect(page.get_by_role("button", name="Discard for ever")).to_be_visible()


def sessions(page: Page, reader: Reader) -> None:
    put_into_the_outbox(page, reader)
    page.goto(f"{reader.site.url}/sessions/")
    expect(page.locator("main")).to_contain_text("Message waiting to be sent")


def outbox_failed(page: Page, reader: Reader) -> None:
    put_into_the_outbox(page, reader)
    page.goto(f"{reader.site.url}/mail/@/outbox/")
    page.get_by_role("button", name="Send now").last.click()
    expect(page.locator("main")).to_contain_text("No such person")


def compose_with_file(page: Page, reader: Reader) -> None:
    page.goto(f"{reader.site.url}/mail/@/compose/")
    page.locator("#compose-files").set_input_files([{"name": "a.txt", "mimeType": "text/plain", "buffer": b"x"}])
    expect(page.locator("[data-attachments] input[name=attachment]")).to_have_count(1)


def move_dialog(page: Page, reader: Reader) -> None:
    page.goto(f"{reader.site.url}/mail/INBOX/{reader.uids['plain']}/?v={reader.v}")
    page.locator("#reading button[value=move]").first.click()
    expect(page.locator("dialog[open]")).to_be_visible()


def quotes_open(page: Page, reader: Reader) -> None:
    page.goto(f"{reader.site.url}/mail/INBOX/{reader.uids['plain']}/?v={reader.v}")
    page.locator("#reading details > summary").first.click()


def sign_in_refused(page: Page, reader: Reader) -> None:
    page.context.clear_cookies()
    page.goto(f"{reader.site.url}/sign-in/")
    page.fill("[name=username]", "axe-nobody")
    page.fill("[name=password]", "wrong")
    page.press("[name=password]", "Enter")
    expect(page.get_by_text("name or the password is wrong")).to_be_visible()


STATES: dict[str, Callable[[Page, Reader], None]] = {
    "compose, rich": compose_rich,
    "compose, wrong address": compose_errors,
    "compose, refused": compose_refused,
    "outbox, waiting": outbox_waiting,
    "sessions": sessions,
    "outbox, failed": outbox_failed,
    "compose, with a file": compose_with_file,
    "move dialog": move_dialog,
    "quotes unfolded": quotes_open,
    "sign-in, refused": sign_in_refused,  # last: it forgets who is there
}


def mail_pages(reader: Reader) -> list[str]:
    v, uids = reader.v, reader.uids
    base = "/mail/INBOX"
    messages = [f"{base}/{uid}/?v={v}" for uid in uids.values()]
    more = [f"{base}/{uids['html']}/{page}/?v={v}" for page in ("headers", "source", "print", "reply", "forward")]
    draft = f"/mail/Drafts/{reader.drafts['uid']}/edit/?v={reader.drafts['v']}"
    lists = [f"{base}/", f"{base}/?q=poles", f"{base}/?q=nothing-like-it", f"{base}/?show=unread", "/mail/Junk/"]
    wrong = [f"{base}/{uids['html']}/?v={v + 1}", f"{base}/99999/?v={v}", "/mail/no-such-folder/"]
    return [*lists, *messages, *more, draft, "/mail/@/compose/", *wrong]


def portal_pages(reader: Reader, page: Page) -> list[str]:
    page.goto(f"{reader.site.url}/preferences/")
    found = page.locator("a[href^='/preferences/']").evaluate_all("(links) => links.map((a) => a.getAttribute('href'))")
    preferences = sorted({link.partition("#")[0] for link in found})
    assert len(preferences) >= 3
    front = ["/", "/?customise=1", "/?all=1", "/home/blocks/mail.unread/", "/search/?q=poles", "/search/", "/help/"]
    return [*front, *preferences, "/preferences/?q=theme", "/no/such/page/", "/selftest/"]  # the last: 403


def without_policy(route: Route) -> None:
    """The printed form lets no script run, not even ours: here it comes without its policy."""
    answer = route.fetch()
    headers = {name: value for name, value in answer.headers.items() if name != "content-security-policy"}
    route.fulfill(response=answer, headers=headers)


def test_the_mail_pages(reader: Reader, context: BrowserContext) -> None:
    page = context.new_page()
    page.route("**/print/**", without_policy)
    sign_in(page, reader, reader.login, reader.password)
    found = [line for path in mail_pages(reader) for line in visit(page, reader, path)]
    assert found == []


def test_the_portals_pages(reader: Reader, context: BrowserContext) -> None:
    page = context.new_page()
    found = visit(page, reader, "/sign-in/")
    sign_in(page, reader, reader.login, reader.password)
    for path in portal_pages(reader, page):
        found += visit(page, reader, path)
    assert found == []


def test_what_comes_of_using_them(reader: Reader, context: BrowserContext) -> None:
    page = context.new_page()
    page.on("dialog", lambda dialog: dialog.accept())  # leaving what is written
    sign_in(page, reader, reader.login, reader.password)
    found = []
    for name, reach in STATES.items():
        reach(page, reader)
        found += look(page, name)
    assert found == []


def test_the_administrators_pages(reader: Reader, context: BrowserContext) -> None:
    page = context.new_page()
    sign_in(page, reader, ROOT, PASSWORD)
    page.goto(f"{reader.site.url}/selftest/")
    expect(page.get_by_text(re.compile("Database")).first).to_be_visible()
    page.wait_for_load_state("networkidle")
    found = look(page, "self-test")
    page.goto(f"{reader.site.url}/selftest/?run=1")
    found += look(page, "self-test, in one page")
    found += visit(page, reader, "/mail/INBOX/")  # an account without a mailbox
    assert found == []


def test_axe_is_awake(reader: Reader, context: BrowserContext) -> None:
    page = context.new_page()
    page.goto(f"{reader.site.url}/sign-in/")
    page.evaluate(
        "document.querySelector('main').insertAdjacentHTML('beforeend', '<img src=\"/x.png\"><button></button>')"
    )
    found = " ".join(axe.in_both_themes(page))
    assert "image-alt" in found and "button-name" in found
