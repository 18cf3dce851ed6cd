"""Another account in Chromium: set up, its folders in the column, all inboxes as one list, and one that hangs."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from django.urls import reverse
from playwright.sync_api import Page, expect

from apps.mail.models import OtherAccount
from apps.mail.services import other_accounts, stores
from tests.mail.conftest import days_ago, letter
from tests.mail.test_list_in_browser import Open, row, visit
from tests.mail.test_other_accounts import SECRET, _Secret, fields, office, permitted, theirs
from tests.support import axe
from tests.support.mailserver import DeafServer, MailServer
from tests.support.receiver import SmallPost

__all__ = ["office", "permitted", "theirs", "visit"]  # fixtures
pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.parametrize("server", ["dovecot"], indirect=True),  # the server behind makes no difference here
]
WIDE = {"width": 1440, "height": 900}


@pytest.fixture
def choir(theirs: MailServer) -> Iterator[tuple[MailServer, str]]:
    login = f"choir{theirs.new_user()}"
    theirs.set_password(login, SECRET)  # type: ignore[attr-defined]
    secret = _Secret(theirs)
    secret.append(login, letter("Rehearsal on Friday", text="Bring the scores."), date=days_ago(0.1))
    secret.append(login, letter("Old scores"), mailbox="Scores")
    yield secret, login
    stores.pool().close_all()


def add(page: Page, server: MailServer, login: str, office: SmallPost) -> None:
    page.goto(reverse("mail:accounts"))
    page.get_by_role("link", name="Add an account").click()
    page.get_by_label("Mail address").fill(f"{login}@choir.test")
    page.get_by_label("Password").fill(SECRET)
    page.get_by_label("Label").fill("Choir")
    page.get_by_label("purple").check()
    page.get_by_text("Servers", exact=True).click()
    for name, value in fields(server, login, office=office).items():
        if name in ("in_kind", "out_kind"):
            page.locator(f"[name={name}]").select_option(value)
        elif name.startswith(("in_", "out_")) or name == "login":
            page.locator(f"[name={name}]").fill(value)
    assert axe.violations(page) == []
    page.get_by_role("button", name="Check and add").click()
    expect(page.locator("#toasts")).to_contain_text("“Choir” is ready.")


def test_another_account_from_beginning_to_end(visit: Open, choir: tuple[MailServer, str], office: SmallPost) -> None:
    person, page = visit(viewport=WIDE)
    server, login = choir
    add(page, server, login, office)
    assert axe.violations(page) == []
    page.goto("/mail/INBOX/")
    section = page.locator(".accttree")
    expect(section.locator("[data-folder]")).to_have_count(2)
    expect(section.locator(".cnt").first).to_have_text("1")
    assert axe.violations(page) == []
    page.get_by_role("link", name="All inboxes").click()
    expect(page.locator("#list h1")).to_have_text("All inboxes")
    expect(page.locator(".msg")).to_have_count(5)
    expect(row(page, "Rehearsal").locator(".tag")).to_have_text("Choir")
    row(page, "Rehearsal").locator(".go").click()
    expect(page.locator("#reading")).to_contain_text("Bring the scores.")
    row(page, "Rehearsal").hover()
    row(page, "Rehearsal").get_by_role("button", name="Archive").click()
    expect(row(page, "Rehearsal")).to_have_count(0)
    page.get_by_role("button", name="Undo").click()
    expect(row(page, "Rehearsal")).to_have_count(1)
    expect(row(page, "n1")).to_have_count(1)
    section.get_by_role("link", name=re.compile("Inbox")).click()
    expect(page.locator("#list h1")).to_have_text("Inbox")
    expect(page.locator(".msg")).to_have_count(1)
    expect(page.locator("details[data-here] a[aria-current]")).to_have_count(1)
    expect(page.locator("#account-0 [data-folder]").first).to_have_attribute("data-folder", "INBOX")
    expect(page.get_by_role("link", name="New message")).to_have_attribute("href", re.compile(r"account=\d+"))
    assert axe.violations(page) == []
    assert person.count() == 4


def test_without_scripts(visit: Open, choir: tuple[MailServer, str], office: SmallPost) -> None:
    _person, page = visit(viewport={"width": 390, "height": 844}, java_script_enabled=False)
    server, login = choir
    page.goto(reverse("mail:new_account"))
    for name, value in fields(server, login, office=office).items():
        field = page.locator(f"[name={name}]").first
        if name in ("in_kind", "out_kind", "in_host", "out_host", "in_port", "out_port", "login"):
            continue
        if name == "colour":
            page.locator(f"[name=colour][value={value}]").check()
        else:
            field.fill(value)
    page.get_by_text("Servers", exact=True).click()
    for name, value in fields(server, login, office=office).items():
        if name in ("in_kind", "out_kind"):
            page.locator(f"[name={name}]").select_option(value)
        elif name.startswith(("in_", "out_")) or name == "login":
            page.locator(f"[name={name}]").fill(value)
    page.get_by_role("button", name="Check and add").click()
    expect(page.locator("h1")).to_have_text("Mail accounts")
    number = OtherAccount.objects.get().pk
    page.goto("/mail/INBOX/")
    expect(page.locator(f'a[data-folder=":{number}:INBOX"]')).to_have_count(1)
    page.goto(page.locator(f'a[data-folder=":{number}:INBOX"]').get_attribute("href") or "")
    expect(page.locator(".msg")).to_have_count(1)


def test_one_that_hangs_holds_up_nothing(
    visit: Open, choir: tuple[MailServer, str], office: SmallPost, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The main list stands, is read and acted on while the other account's server says nothing at all."""
    person, page = visit(viewport=WIDE)
    server, login = choir
    add(page, server, login, office)
    deaf = DeafServer()
    try:
        real = other_accounts.account_with

        def hanging(row: OtherAccount, password: str):
            from dataclasses import replace

            target = real(row, password)
            return replace(target, server=replace(target.server, port=deaf.port), read_timeout=60.0)

        monkeypatch.setattr(other_accounts, "account_with", hanging)
        page.goto("/mail/INBOX/")
        expect(page.locator(".msg")).to_have_count(4)
        row(page, "n2").locator(".go").click()
        expect(page.locator("#reading h1")).to_have_text("n2")
        row(page, "n2").hover()
        row(page, "n2").get_by_role("button", name="Archive").click()
        expect(row(page, "n2")).to_have_count(0)
        assert deaf.connections > 0  # its section waits all the while
        assert person.count("Archive") == 1
    finally:
        deaf.stop()
    expect(page.locator(".acct-said")).to_contain_text("answering")
