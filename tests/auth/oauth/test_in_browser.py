"""The whole way as people go it: the button, the provider, mail read and sent with tokens that expire in between."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from portal.canary import search
from scripts.servers.exim import Exim
from tests.mail.conftest import letter
from tests.proof.test_canary import remains
from tests.support import axe, pages
from tests.support.mailserver import DovecotServer
from tests.support.provider import Provider, running_provider
from tests.support.servers import need, running_dovecot
from tests.support.site import Site, running_site

pytestmark = pytest.mark.needs_app("mail")
HOME = re.compile(r":\d+/(\?all=1)?$")


@dataclass
class World:
    site: Site
    provider: Provider
    dovecot: DovecotServer

    def gone(self) -> None:
        """Whoever has signed in has to do it again: with the mail server, and with the provider."""
        self.provider.take_back()
        self.provider.end_all()
        self.provider.lifetime = 300
        self.dovecot.restart()  # what the portal holds open is over


@pytest.fixture(scope="module")
def servers() -> Iterator[World]:
    """A short life of tokens: what is due is due within a test."""
    with (
        running_provider(lifetime=6) as provider,
        running_dovecot(introspection=f"{provider.issuer}/introspect") as dovecot,
    ):
        need(Exim)
        exim = Exim(dovecot.server)
        exim.configure()
        exim.start()
        settings = {
            **provider.settings,
            "SIGN_IN": "oidc",
            "IMAP_URL": dovecot.tls_url,
            "IMAP_TLS_CA_FILE": str(dovecot.ca_file),
            "SMTP_URL": f"smtp://localhost:{dovecot.submission_port}",
            "LOG_LEVEL": "DEBUG",
        }
        try:
            with running_site(**settings) as site:
                yield World(site, provider, dovecot)
        finally:
            exim.stop()


@pytest.fixture
def world(servers: World) -> World:
    servers.provider.lifetime = 6
    return servers


@pytest.fixture(params=[False, True], ids=["without scripts", "with scripts"])
def context(browser: Browser, world: World, request: pytest.FixtureRequest) -> Iterator[BrowserContext]:
    fresh = browser.new_context(base_url=world.site.url, java_script_enabled=request.param, locale="en")
    fresh.scripts = request.param  # type: ignore[attr-defined]
    yield fresh
    fresh.close()


def sign_in(page: Page, login: str) -> None:
    page.get_by_role("link", name="Sign in with Hall").click()
    expect(page.get_by_role("heading", name="Hall")).to_be_visible()
    page.get_by_label("Who are you?").fill(login)
    page.get_by_role("button", name="Let me in").click()


def subjects(world: World, login: str, mailbox: str = "INBOX") -> bytes:
    return b"".join(world.dovecot.messages(login, mailbox))


def wait_for(page: Page, world: World, subject: str) -> None:
    """There is no worker: the next page of its writer sends what is due."""
    until = time.monotonic() + 60
    while subject.encode() not in subjects(world, "bob"):
        assert time.monotonic() < until, world.site.log[-3000:]
        time.sleep(1)
        page.goto("/mail/@/outbox/")


def write(page: Page, subject: str) -> None:
    page.goto(f"/mail/@/compose/?{urlencode({'to': 'bob@example.test', 'subject': subject})}")
    page.locator("[name=text]").fill("We raise the felt.")


def test_the_whole_way(context: BrowserContext, world: World) -> None:
    page, login = context.new_page(), world.dovecot.new_user()
    world.dovecot.append(login, letter("The poles are cut"))
    page.goto("/sign-in/?next=/mail/INBOX/")
    expect(page.locator("input[type=password]")).to_have_count(0)
    sign_in(page, login)
    expect(page).to_have_url(re.compile(r"/mail/INBOX/$"))
    row = page.get_by_role("link", name="The poles are cut").first
    expect(row).to_be_visible()
    before = world.provider.renewals
    time.sleep(world.provider.lifetime)  # the token is over by now
    world.dovecot.restart()
    row.click()
    expect(page.get_by_role("heading", name="The poles are cut").first).to_be_visible()
    assert world.provider.renewals > before, world.site.log
    subject = f"Felt of {login}"
    write(page, subject)
    page.get_by_role("button", name="Send").first.click()
    expect(page).not_to_have_url(re.compile("compose"))
    wait_for(page, world, subject)
    in_the_clear = {"access": "at-Zq7Kestrel", "refresh": "rt-Zq7Merlin"}
    assert search(remains(world.site), in_the_clear) == set()
    assert "at-Zq7" not in world.site.log
    assert "rt-Zq7" not in world.site.log


def test_nothing_that_was_written_is_lost(context: BrowserContext, world: World) -> None:
    page, login = context.new_page(), world.dovecot.new_user()
    page.goto("/sign-in/")
    sign_in(page, login)
    expect(page).to_have_url(HOME)
    pages.at_home(page, scripts=context.scripts)  # type: ignore[attr-defined]
    subject = f"Kept of {login}"
    write(page, subject)
    time.sleep(world.provider.lifetime)
    world.gone()
    page.get_by_role("button", name="Send").first.click()
    link = page.get_by_role("link", name="Sign in with Hall")
    expect(link).to_be_visible()
    with context.expect_page() as opened:
        link.click()
    beside = opened.value
    beside.get_by_label("Who are you?").fill(login)
    beside.get_by_role("button", name="Let me in").click()
    expect(beside.get_by_role("heading", name="You are signed in again")).to_be_visible()
    beside.close()
    page.get_by_role("button", name="Continue").click()
    wait_for(page, world, subject)


def test_no_and_out(context: BrowserContext, world: World) -> None:
    page, login = context.new_page(), world.dovecot.new_user()
    page.goto("/")
    sign_in(page, "nobody")
    expect(page.get_by_text("Hall did not let you in")).to_be_visible()
    sign_in(page, login)
    expect(page).to_have_url(HOME)
    pages.at_home(page, scripts=context.scripts)  # type: ignore[attr-defined]
    page.goto("/")
    pages.at_home(page, scripts=context.scripts)  # type: ignore[attr-defined]
    page.locator("form[action='/sign-out/'] button").first.evaluate("button => button.click()")
    page.get_by_role("link", name="Sign out there too").click()
    expect(page.get_by_text("Signed out of Hall.")).to_be_visible()


def test_accessible(browser: Browser, world: World) -> None:
    context = browser.new_context(base_url=world.site.url, locale="en")
    page = context.new_page()
    page.goto("/sign-in/?out=1")
    assert axe.violations(page) == []
    context.close()
