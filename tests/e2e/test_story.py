"""One person's day, in Chromium: sign in, see what is new, read it, answer with an attachment; the other receives it,
opens the file, finds the message by searching, moves it. With the mouse, with keys alone, on a phone, without scripts;
against Dovecot with its submission server, and against the pair that `make run` brings along."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urljoin

import pytest
from playwright.sync_api import Browser, BrowserContext, FrameLocator, Locator, Page, expect

from demo.accounts import DOMAIN, PASSWORD
from demo.server import DemoServers, running
from tests.mail.conftest import letter
from tests.support import pages
from tests.support.mailserver import MailServer
from tests.support.site import Site, running_site

DESKTOP = {"width": 1280, "height": 800}
PHONE = {"width": 390, "height": 844}
MODES = {
    "mouse": {"viewport": DESKTOP},
    "keyboard": {"viewport": DESKTOP},
    "phone": {"viewport": PHONE, "has_touch": True, "is_mobile": True},
    "no scripts": {"viewport": DESKTOP, "java_script_enabled": False},
}
MOST_TABS = 150
PATIENCE = 60.0  # seconds in which a message must have arrived


class DemoMailboxes(MailServer):
    """The mailboxes of the embedded pair, for looking into them behind the portal's back."""

    password = PASSWORD

    def __init__(self, servers: DemoServers) -> None:
        super().__init__()
        self.imap_port = servers.imap_port

    def address(self, login: str) -> str:
        return f"{login}@{DOMAIN}"


@dataclass
class Scene:
    site: Site
    mailboxes: MailServer

    def arrived(self, login: str, subject: str) -> None:
        deadline = time.monotonic() + PATIENCE
        while not any(subject.encode() in raw for raw in self.mailboxes.messages(login)):
            assert time.monotonic() < deadline, f"{subject} did not arrive"
            time.sleep(0.05)


@pytest.fixture(scope="module")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    with running(tmp_path_factory.mktemp("demo"), filled=False) as servers:
        settings = {"IMAP_URL": servers.imap_url, "SMTP_URL": servers.smtp_url, "MAIL_DOMAIN": DOMAIN}
        with running_site(**settings) as site:
            yield Scene(site, DemoMailboxes(servers))


@pytest.fixture(scope="module")
def installed(site: Site, dovecot: MailServer) -> Scene:
    return Scene(site, dovecot)


@pytest.fixture(scope="module", params=["installed", "embedded"], ids=["dovecot", "embedded"])
def scene(request: pytest.FixtureRequest) -> Iterator[Scene]:
    """Sending can be undone for half a minute there: who finds "Send now" by keys needs more than ten seconds."""
    found: Scene = request.getfixturevalue(request.param)
    mine = "from apps.prefs.models import PreferenceDefault as P; mine = P(key='mail.undo_send', value=30); "
    found.site.manage("shell", "--no-imports", "-c", f"{mine} mine.save()")
    yield found
    found.site.manage("shell", "--no-imports", "-c", f"{mine} P.objects.get(target=mine.make_target()).delete()")


@dataclass
class Hand:
    """Somebody at a browser, who has a mouse, or only keys, or a finger."""

    page: Page
    mode: str

    @property
    def scripts(self) -> bool:
        return self.mode != "no scripts"

    def press(self, target: Locator) -> None:
        expect(target).to_be_visible()
        if self.mode == "keyboard":
            self.reach(target)
            self.page.keyboard.press("Enter")
        elif self.mode == "phone":
            target.tap()
        else:
            target.click()

    def reach(self, target: Locator) -> None:
        """Tab until the focus stands there."""
        for _ in range(MOST_TABS):
            if target.evaluate("node => node === document.activeElement"):
                return
            self.page.keyboard.press("Tab")
        raise AssertionError(f"{target} cannot be reached by keys")

    def write(self, target: Locator, text: str) -> None:
        if self.mode == "keyboard":
            self.reach(target)
            self.page.keyboard.type(text)
        else:
            self.press(target)
            target.press_sequentially(text) if self.scripts else target.fill(text)

    def key(self, key: str, otherwise: Locator) -> None:
        """What keys have a short way for."""
        if self.mode == "keyboard":
            self.page.keyboard.press(key)
        else:
            self.press(otherwise)

    def sign_in(self, site: Site, login: str, password: str) -> None:
        self.page.goto(f"{site.url}/")
        self.write(self.page.locator("[name=username]"), login)
        self.write(self.page.locator("[name=password]"), password)
        self.page.keyboard.press("Enter")
        expect(self.page.get_by_role("heading", level=1)).to_contain_text("Good")
        pages.at_home(self.page, scripts=self.scripts)

    def sign_out(self) -> None:
        self.press(self.page.locator("details.acct summary").locator("visible=true"))
        self.press(self.page.get_by_role("button", name="Sign out").locator("visible=true"))
        expect(self.page.locator("[name=username]")).to_be_visible()

    def open_mail(self) -> None:
        self.press(self.page.locator("nav a[href$='/mail/']:visible").first)
        expect(self.page.locator("#list")).to_be_visible()

    def open_message(self, subject: str) -> None:
        row = self.page.locator(".msg", has_text=subject)
        self.press(row.locator("a.go"))
        expect(self.page.locator("#reading h1")).to_have_text(subject)

    @property
    def paper(self) -> Page | FrameLocator:
        """Where one writes: in a window of the page, or on the whole of it."""
        return self.page.frame_locator(".window iframe") if self.mode in {"mouse", "keyboard"} else self.page

    def attach(self, path: Path) -> None:
        if not self.scripts:
            self.page.set_input_files("#compose-files", path)
            self.press(self.page.get_by_role("button", name="Attach", exact=True))
        else:
            with self.page.expect_file_chooser() as chooser:
                self.press(self.paper.locator("[data-pick]:visible").first)
            chooser.value.set_files(path)
        expect(self.paper.locator(".up[data-token]")).to_contain_text(path.name)
        expect(self.paper.locator(".up[data-token]")).to_contain_text("attached")

    def search(self, words: str) -> None:
        box = self.page.get_by_label("Search in", exact=False)
        if self.mode == "keyboard":
            self.page.keyboard.press("/")
            expect(box).to_be_focused()
        else:
            self.press(box)
        self.page.keyboard.type(words)
        self.page.keyboard.press("Enter")
        expect(self.page).to_have_url(re.compile(r"[?&]q="))  # the inbox may have one message only, too
        expect(self.page.locator(".msg")).to_have_count(1)

    def back_to_the_list(self) -> None:
        if self.mode == "phone":
            self.press(self.page.locator("#reading .only-m").first)
        expect(self.page.locator("#list")).to_be_visible()


@contextmanager
def browsing(browser: Browser, mode: str, errors: list[str]) -> Iterator[Hand]:
    context: BrowserContext = browser.new_context(locale="en", timezone_id="UTC", **MODES[mode])
    page = context.new_page()
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda told: errors.append(told.text) if "Content Security" in told.text else None)
    yield Hand(page, mode)
    context.close()


@pytest.mark.needs_app("mail")
@pytest.mark.parametrize("mode", MODES)
def test_the_story(scene: Scene, browser: Browser, tmp_path: Path, mode: str) -> None:
    password = scene.mailboxes.password
    subject = f"Poles {os.urandom(4).hex()}"
    plan = tmp_path / "Zeltplan 2027.pdf"
    plan.write_bytes(b"%PDF-1.7\n" + os.urandom(20_000))
    bob = scene.mailboxes.address("bob")
    original = letter(subject, text="Which poles do we take?", sender=f"Bob Brown <{bob}>")
    scene.mailboxes.append("alice", original)
    errors: list[str] = []
    with browsing(browser, mode, errors) as alice:
        alice.sign_in(scene.site, "alice", password)
        if alice.scripts:
            expect(alice.page.locator("main")).to_contain_text(subject)
        alice.open_mail()
        alice.open_message(subject)
        expect(alice.page.locator("#reading")).to_contain_text("Which poles do we take?")
        answer(alice, subject, plan, bob)
        alice.open_mail()
        alice.sign_out()
    scene.arrived("bob", subject)
    with browsing(browser, mode, errors) as hand:
        hand.sign_in(scene.site, "bob", password)
        hand.open_mail()
        receive(hand, subject, plan)
        file_away(hand, scene, subject)
        hand.sign_out()
    assert errors == []


def answer(alice: Hand, subject: str, plan: Path, bob: str) -> None:
    page = alice.page
    alice.key("r", page.get_by_role("link", name="Reply", exact=True))
    paper = alice.paper
    expect(paper.get_by_role("heading", level=1)).to_have_text(f"Re: {subject}")
    if alice.scripts:
        expect(paper.locator("#row-to .chip")).to_have_text("Bob Brown×")
        expect(paper.locator("[name=text]")).to_be_focused()
    else:
        expect(paper.locator("[name=to]")).to_have_value(f"Bob Brown <{bob}>")
    text = paper.locator("[name=text]")
    text.press("Control+Home")
    page.keyboard.type("The long ones. The plan comes along.")
    alice.attach(plan)
    if alice.mode == "keyboard":
        page.keyboard.press("Control+Enter")
    else:
        alice.press(paper.get_by_role("button", name="Send"))
    expect(page.locator("#toasts")).to_contain_text("The message goes out in 30 seconds.")
    page.goto(urljoin(page.url, "/mail/@/outbox/"))
    alice.press(page.get_by_role("button", name="Send now"))
    expect(page.locator("#toasts")).to_contain_text("Message sent.")
    page.goto(urljoin(page.url, "/mail/INBOX/"))
    row = page.locator(".msg", has_text=subject)
    expect(row.locator(".flags use[href$='#reply']")).to_have_count(1)


def receive(hand: Hand, subject: str, plan: Path) -> None:
    page = hand.page
    hand.open_message(f"Re: {subject}")
    expect(page.locator("#reading")).to_contain_text("The long ones. The plan comes along.")
    with page.expect_download() as download:
        hand.press(page.get_by_role("link", name=f"Save {plan.name}", exact=True))
    assert download.value.suggested_filename == plan.name
    assert Path(download.value.path()).read_bytes() == plan.read_bytes()


def file_away(hand: Hand, scene: Scene, subject: str) -> None:
    page = hand.page
    hand.back_to_the_list()
    hand.search(subject)
    hand.open_message(f"Re: {subject}")
    hand.key("v", page.get_by_role("button", name="Move to a folder").locator("visible=true").last)
    hand.press(page.locator("form.folders").get_by_role("button", name="Archive", exact=True))
    expect(page.locator("#toasts")).to_contain_text("Archive")
    assert any(subject.encode() in raw for raw in scene.mailboxes.messages("bob", "Archive"))
    assert not any(subject.encode() in raw for raw in scene.mailboxes.messages("bob"))
