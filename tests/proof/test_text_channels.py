"""Markup in fields that are not HTML: shown as it stands, wherever it comes from, and never run."""

from __future__ import annotations

import base64
import io
import re
import zipfile
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import quote, unquote

import pytest
from django.contrib.auth import get_user_model
from django.test import Client
from django.urls import reverse
from playwright.sync_api import Browser, Page, expect
from selectolax.lexbor import LexborHTMLParser

from apps.mail import prefs as mail_prefs
from portal.prefs import Prefs
from tests.mail.conftest import letter
from tests.proof.conftest import SignInTo
from tests.proof.wire import Watch
from tests.support.mailserver import DovecotServer, MailServer
from tests.support.scripted import answering, scripted
from tests.support.site import Site
from tests.support.vectors import items

pytestmark = [pytest.mark.needs_app("mail"), pytest.mark.timeout(300)]


CHANNELS = items("text_channels")
MARKUP = next(item["value"] for item in CHANNELS if item["where"] == "Subject")
FOLDER = MARKUP.replace(".", " ")  # the dot would part two folders
HEADERS = ["Subject", "Reply-To", "Date", "Message-ID", "X-Mailer", "List-Unsubscribe", "List-Id"]


def hostile() -> bytes:
    """One message with the markup in every field a message has."""
    named = f'"{MARKUP}" <mallory@evil.test>'
    lines = [f"{name}: {MARKUP}" for name in HEADERS] + [f"From: {named}", f"To: {named}", f"Cc: {named}"]
    part = ["Content-Type: application/octet-stream", f'Content-Disposition: attachment; filename="{MARKUP}"']
    typed = [f"Content-Type: {MARKUP}", f"Content-Description: {MARKUP}", "Content-Disposition: attachment"]
    lines += ["MIME-Version: 1.0", 'Content-Type: multipart/mixed; boundary="x"', "", "--x", "", MARKUP]
    lines += ["--x", *part, f"Content-Description: {MARKUP}", "", "x", "--x", *typed, "", "y", "--x--", ""]
    return "\r\n".join(lines).encode()


@pytest.fixture(scope="module")
def watch(browser: Browser, site: Site, dovecot: DovecotServer) -> Iterator[Watch]:
    login = dovecot.new_user()
    found = Watch(browser.new_context(locale="en", viewport={"width": 1280, "height": 800}), site.url)
    found.sign_in(login, dovecot.password)
    found.login = login
    yield found
    found.context.close()


@pytest.fixture
def page(watch: Watch) -> Page:
    watch.ran.clear()
    watch.left.clear()
    return watch.context.pages[0]


def assert_literal(page: Page, watch: Watch, text: str = MARKUP) -> None:
    """To be read on the page, and not there as an element."""
    assert page.locator("img[src='x'], [onerror], [onload], [onclick], [onmouseover]").count() == 0
    assert text in " ".join(page.locator("body").inner_text().split()) or page.evaluate(
        "(text) => [...document.querySelectorAll('input, textarea')].some((field) => field.value.includes(text))", text
    )
    assert watch.ran == [] and watch.left == []


def uidvalidity(dovecot: DovecotServer, login: str, mailbox: str = "INBOX") -> int:
    with dovecot.session(login) as session:
        return int(session.status(f'"{mailbox}"', "(UIDVALIDITY)")[1][0].rpartition(b" ")[2].rstrip(b")"))


def test_every_field_of_a_message(page: Page, watch: Watch, dovecot: DovecotServer, site: Site) -> None:
    (uid,) = dovecot.append(watch.login, hostile())
    base, v = f"{site.url}/mail/INBOX", uidvalidity(dovecot, watch.login)
    page.goto(f"{site.url}/")
    expect(page.locator("#block-mail-unread")).to_contain_text(MARKUP)
    assert_literal(page, watch)
    paths = [f"{uid}/{end}?v={v}" for end in ("", "headers/", "source/", "print/", "reply/", "reply-all/", "forward/")]
    for path in ["", *paths, f"?q={quote(MARKUP)}", f"{uid}/reply/?v={v}&format=html"]:
        page.goto(f"{base}/{path}")
        assert_literal(page, watch)
    page.goto(f"{base}/{uid}/?v={v}")
    assert MARKUP in page.title()
    assert page.locator("#reading").inner_text().count(MARKUP) >= 4  # subject, sender, text, file
    page.goto(f"{base}/{uid}/headers/?v={v}")
    assert page.locator("main").inner_text().count(MARKUP) >= len(HEADERS)
    page.goto(f"{site.url}/search/?q={quote(MARKUP)}")
    assert_literal(page, watch)
    page.goto(f"{base}/")  # and by htmx, into the page that is there
    page.locator(f"#m{uid} a.go").click()
    expect(page.locator("#reading h1")).to_have_text(MARKUP)
    assert_literal(page, watch)


@pytest.mark.parametrize("item", [i for i in CHANNELS if i["where"] == "text/plain body"], ids=lambda item: item["id"])
def test_links_in_plain_text(
    item: dict[str, Any], page: Page, watch: Watch, dovecot: DovecotServer, site: Site
) -> None:
    body = base64.encodebytes(item["value"].encode())
    head = b"From: m@evil.test\r\nSubject: links\r\nContent-Type: text/plain; charset=utf-8\r\n"
    (uid,) = dovecot.append(watch.login, head + b"Content-Transfer-Encoding: base64\r\n\r\n" + body)
    page.goto(f"{site.url}/mail/INBOX/{uid}/?v={uidvalidity(dovecot, watch.login)}")
    shown = page.locator("#reading .prose")
    visible = "".join(char for char in item["value"] if char >= " ")[:2000]
    assert visible[:60] in shown.inner_text()  # in one line: a link stands in its sentence
    links = shown.locator("a").evaluate_all(
        "(all) => all.map((a) => [a.protocol, a.target, a.rel, a.attributes.length])"
    )
    assert all(link[0] in ("http:", "https:", "mailto:") for link in links)
    assert_literal(page, watch, visible[:13])


@pytest.mark.parametrize("item", [i for i in CHANNELS if i["class"] == "encoded-word"], ids=lambda item: item["id"])
def test_encoded_words(item: dict[str, Any], page: Page, watch: Watch, dovecot: DovecotServer, site: Site) -> None:
    (uid,) = dovecot.append(watch.login, f"From: m@evil.test\r\nSubject: {item['value']}\r\n\r\nx\r\n".encode())
    page.goto(f"{site.url}/mail/INBOX/")
    expect(page.locator(f"#m{uid}")).to_be_visible()
    page.locator(f"#m{uid} a.go").click()
    heading = page.locator("#reading h1")
    expect(heading).to_be_visible()
    assert heading.locator("*").count() == 0
    assert page.locator("img[src='x'], main script").count() == 0
    assert watch.ran == []


def test_names_of_folders(page: Page, watch: Watch, dovecot: DovecotServer, site: Site) -> None:
    dovecot.append(watch.login, letter("in there"), mailbox=FOLDER)
    (uid,) = dovecot.append(watch.login, letter("to move"))
    page.goto(f"{site.url}/mail/INBOX/")
    assert_literal(page, watch, FOLDER)
    page.get_by_role("link", name=re.compile(re.escape(FOLDER))).first.click()
    expect(page.locator("#list [data-uid]")).to_have_count(1)
    assert_literal(page, watch, FOLDER)
    page.goto(f"{site.url}/mail/INBOX/{uid}/?v={uidvalidity(dovecot, watch.login)}")
    page.locator("#reading button[value=move]").first.click()
    dialog = page.locator("dialog[open]")
    expect(dialog).to_contain_text(FOLDER)
    dialog.get_by_text(FOLDER).first.click()
    expect(page.locator("#toasts")).to_contain_text(FOLDER)
    assert_literal(page, watch, FOLDER)
    page.goto(f"{site.url}/")
    expect(page.locator("#block-mail-folders")).to_be_visible()
    assert_literal_nowhere_else(page, watch)


def assert_literal_nowhere_else(page: Page, watch: Watch) -> None:
    assert page.locator("img[src='x']").count() == 0
    assert watch.ran == []


def test_what_people_type(page: Page, watch: Watch, site: Site) -> None:
    page.goto(f"{site.url}/mail/@/compose/?to={quote(MARKUP)}&subject={quote(MARKUP)}&body={quote(MARKUP)}")
    assert_literal(page, watch)
    page.locator("button[value=send]").click()
    expect(page.locator("#compose")).to_contain_text("is not a mail address")
    assert_literal(page, watch)
    page.goto(f"{site.url}/preferences/?q={quote(MARKUP)}")
    assert_literal(page, watch)
    for path in (
        f"/{quote(MARKUP)}/",
        f"/mail/{quote(MARKUP)}/",
        f"/home/blocks/{quote(MARKUP)}/",
        f"/help/{quote(MARKUP)}/",
    ):
        page.goto(f"{site.url}{path}")
        assert_literal_nowhere_else(page, watch)
    fresh = watch.context.browser.new_context()
    stranger = Watch(fresh, site.url)
    door = fresh.new_page()
    door.goto(f"{site.url}/sign-in/?next={quote(MARKUP)}")
    door.fill("[name=username]", MARKUP)
    door.fill("[name=password]", MARKUP)
    with door.expect_navigation():
        door.press("[name=password]", "Enter")
    assert_literal(door, stranger)
    fresh.close()


# --- files ------------------------------------------------------------------------------------------------------------

NAMES = [item["name"] for item in items("attachment_names")]


def with_files(names: list[str]) -> bytes:
    lines = [
        "From: m@evil.test",
        "Subject: files",
        'Content-Type: multipart/mixed; boundary="x"',
        "",
        "--x",
        "",
        "text",
    ]
    for name in names:
        lines += [
            "--x",
            "Content-Type: text/html",
            f"Content-Disposition: attachment; filename*=utf-8''{quote(name, safe='')}",
        ]
        lines += ["", "<script>window.__xss(1)</script>"]
    return "\r\n".join([*lines, "--x--", ""]).encode()


def test_names_of_files(page: Page, watch: Watch, dovecot: DovecotServer, site: Site) -> None:
    (uid,) = dovecot.append(watch.login, with_files(NAMES))
    v = uidvalidity(dovecot, watch.login)
    base = f"{site.url}/mail/INBOX/{uid}"
    page.goto(f"{base}/?v={v}")
    shown = page.locator(".atts .att").count()
    assert shown == len(NAMES)
    assert_literal(page, watch, "window.__xss(1)")
    for number in range(2, len(NAMES) + 2):
        answer = page.request.get(f"{base}/part/{number}/?v={v}")
        disposition = answer.headers["content-disposition"]
        assert disposition.startswith("attachment"), disposition
        assert answer.headers["content-type"] == "application/octet-stream"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "sandbox" in answer.headers["content-security-policy"]
        name = re.search(r"filename\*=utf-8''(\S+)$", disposition) or re.search(r'filename="(.*)"$', disposition)
        assert name
        assert_safe(unquote(name[1]) if "filename*" in disposition else name[1])
    archive = zipfile.ZipFile(io.BytesIO(page.request.get(f"{base}/attachments.zip?v={v}").body()))
    entries = archive.namelist()
    assert len(entries) == len({entry.casefold() for entry in entries}) == len(NAMES)
    for entry in entries:
        assert_safe(entry)
    assert watch.ran == []


def assert_safe(name: str) -> None:
    assert name not in ("", ".", "..")
    assert PurePosixPath(name).name == name and "\\" not in name
    assert not re.search(r"[\x00-\x1f\x7f\u202a-\u202e\u2066-\u2069]", name)
    assert len(name.encode()) <= 255


def test_names_of_uploads(page: Page, watch: Watch, site: Site) -> None:
    page.goto(f"{site.url}/mail/@/compose/")
    names = [name for name in NAMES if "<" in name or '"' in name or "'" in name]
    assert len(names) > 3
    files = [{"name": name, "mimeType": "text/html", "buffer": b"<script>window.__xss(1)</script>"} for name in names]
    page.locator("#compose-files").set_input_files(files)
    expect(page.locator("[data-attachments] input[name=attachment]")).to_have_count(len(names))
    assert_literal(page, watch, "_img src=x onerror=window.__xss(1)_.png")  # a name that any system can keep
    page.evaluate("document.getElementById('compose').dataset.dirty = ''")


# --- who writes -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "item", [i for i in items("headers") if "<evil@evil.test>" in str(i.get("value", ""))], ids=lambda item: item["id"]
)
def test_the_real_address_is_always_to_be_seen(
    item: dict[str, Any], page: Page, watch: Watch, dovecot: DovecotServer, site: Site
) -> None:
    (uid,) = dovecot.append(watch.login, b"From: " + item["value"].encode() + b"\r\nSubject: pay\r\n\r\nx\r\n")
    page.goto(f"{site.url}/mail/INBOX/{uid}/?v={uidvalidity(dovecot, watch.login)}")
    if item["value"].count("@") == 2 and item["value"].startswith("<"):  # two authors: one before the fold, both in it
        page.locator("#reading details.details:not(.trust) > summary").click()
    expect(page.locator("#reading").get_by_text("evil@evil.test").first).to_be_visible()
    assert watch.ran == []


# --- what servers say -------------------------------------------------------------------------------------------------


def test_what_the_mail_server_says(sign_in_to: SignInTo, pymap_server: MailServer, settings: Any) -> None:
    """The refusal of an address in the server's own words."""
    anna = sign_in_to(pymap_server)
    Prefs(get_user_model().objects.get(login=anna.login)).save({mail_prefs.UNDO_SEND: 0})
    answers = {b"EHLO": b"250 hello\r\n", b"MAIL": b"250 ok\r\n", b"RCPT": f"550 5.1.1 {MARKUP}\r\n".encode()}
    answers |= {b"RSET": b"250 ok\r\n", b"QUIT": b"221 bye\r\n"}
    with scripted(answering(b"220 ready\r\n", answers)) as port:
        settings.SMTP_URL, settings.SMTP_AUTH = f"smtp://127.0.0.1:{port}", "none"
        page = anna.client.get(anna.url("compose")).content.decode()
        found = re.search(r'name="id" value="([^"]+)"', page)
        assert found
        fields = {
            "id": found[1],
            "kind": "new",
            "to": "bob@example.test",
            "subject": "s",
            "text": "t",
            "format": "plain",
        }
        answer = anna.client.post(reverse("mail:compose"), fields)
    assert answer.status_code == 422
    tree = LexborHTMLParser(answer.content.decode())
    assert tree.css("img[src=x]") == []
    assert MARKUP in tree.body.text()


@pytest.mark.django_db(transaction=True)
def test_what_the_mail_server_says_at_the_door(settings: Any, client: Client) -> None:
    """Its greeting and its refusal, where people sign in and where an administrator reads them in the self-test."""
    answers = {b"CAPABILITY": b"* CAPABILITY IMAP4rev1\r\n%t OK done\r\n", b"LOGIN": f"%t NO {MARKUP}\r\n".encode()}
    answers |= {b"NOOP": b"%t OK done\r\n", b"LOGOUT": b"* BYE\r\n%t OK done\r\n", b"ID": b"%t OK done\r\n"}
    with scripted(answering(f"* OK {MARKUP}\r\n".encode(), answers)) as port:
        settings.IMAP_URL = f"imap://127.0.0.1:{port}"
        settings.SELFTEST_LOGIN, settings.SELFTEST_PASSWORD = "alice", "secret"
        refused = client.post(reverse("portal:sign_in"), {"username": "alice", "password": "secret"})
        client.force_login(get_user_model().objects.create_superuser("root", "secret"))
        checked = client.get(reverse("portal:selftest_check", args=["mail.imap"]))
    for answer, said in ((refused, False), (checked, True)):
        tree = LexborHTMLParser(answer.content.decode())
        assert tree.css("img[src=x], [onerror]") == []
        assert (MARKUP in tree.body.text()) is said


def test_ones_own_name_and_signature(sign_in_to: SignInTo, pymap_server: MailServer) -> None:
    anna = sign_in_to(pymap_server)
    user = get_user_model().objects.get(login=anna.login)
    Prefs(user).save({mail_prefs.SENDER_NAME: MARKUP, mail_prefs.SIGNATURE: MARKUP})
    for path in (anna.url("compose"), reverse("mail:identities"), reverse("mail:identities_edit", args=[0])):
        tree = LexborHTMLParser(anna.client.get(path).content.decode())
        assert tree.css("img[src=x], [onerror]") == []
        typed = [tree.body.text(), *(field.attributes.get("value") or "" for field in tree.css("input"))]
        assert any(MARKUP in text for text in typed)
