"""A marked password and marked mail go through a whole day, and are then looked for in every octet the portal keeps.

The day runs on a site as it is installed: gunicorn, a worker, files for the database, the cache, the queue and the
uploads, error mails to an administrator, the log of everything. Two tests: one looks for the password, one for what was
written and read. A third plants both once, in each place, to show that the search would have found them.
"""

from __future__ import annotations

import base64
import contextlib
import re
import sqlite3
import subprocess
import sys
import tempfile
import time
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import EmailMessage
from urllib.parse import urljoin

import pytest
import redis
from django.apps import apps as django_apps
from django.core import signing
from playwright.sync_api import Browser, Page, expect

from portal.canary import search
from scripts.servers.base import stop_group
from scripts.servers.exim import REFUSED
from scripts.servers.radicale import PASSWORD as THEIRS
from scripts.servers.radicale import Radicale
from tests.support.drafts import kept
from tests.support.people import PASSWORD
from tests.support.servers import SubmissionServer
from tests.support.site import ROOT, Site, mail_settings, running_site

pytestmark = [pytest.mark.needs_app("mail"), pytest.mark.timeout(300)]
SECRETS = {"password": "pw-Zq7Kestrel-4183", "wrong password": "pw-Zq7Merlin-9927", "of another server": THEIRS}
FALL = "stumblehere"
WORDS = {
    "subject": "subject-Quillback-7731",
    "text": "text-Quillback-7732",
    "sender": "sender-quillback-7733",
    "recipient": "recipient-quillback-7743",
    "fallen": "fallen-Quillback-7744",
    "file": "file-Quillback-7734",
    "content": "content-Quillback-7735",
    "answer": "answer-Quillback-7736",
    "upload": "upload-Quillback-7737",
    "uploaded": "uploaded-Quillback-7738",
    "draft": "draft-Quillback-7739",
    "draft subject": "topic-Quillback-7740",
    "search": "search-Quillback-7741",
    "folder": "folder-Quillback-7742",
}


# --- looking ----------------------------------------------------------------------------------------------------------


def remains(site: Site) -> dict[str, bytes]:
    """All that the portal has kept: every file of its folder, and the rows of its database as they read."""
    found = {}
    for path in sorted(site.directory.rglob("*")):
        if path.is_file() and "static" not in path.relative_to(site.directory).parts[:1]:
            found[str(path.relative_to(site.directory))] = path.read_bytes()
    database = sqlite3.connect(f"file:{site.directory / 'portal.sqlite3'}?mode=ro", uri=True)
    with contextlib.closing(database):
        tables = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        for table in tables:
            rows = database.execute(f'SELECT * FROM "{table}"').fetchall()
            found[f"table {table}"] = repr(rows).encode()
    return found


# --- the day ----------------------------------------------------------------------------------------------------------


@dataclass
class Day:
    site: Site
    redis_url: str

    @property
    def error_mails(self) -> bytes:
        return b"".join(path.read_bytes() for path in self.site.directory.glob("error-mails/*"))

    @property
    def places(self) -> dict[str, bytes]:
        return remains(self.site) | cached(self.redis_url) | backed_up(self.site)


def backed_up(site: Site) -> dict[str, bytes]:
    """What a backup holds, unpacked."""
    with tempfile.TemporaryDirectory() as folder:
        site.manage("backup", f"{folder}/backup.zip")
        with zipfile.ZipFile(f"{folder}/backup.zip") as archive:
            return {f"backup {name}": archive.read(name) for name in archive.namelist()}


def cached(url: str) -> dict[str, bytes]:
    """Keys and values of the cache."""
    with contextlib.closing(redis.Redis.from_url(url)) as client:
        found = {}
        for key in client.keys("*"):
            value = client.get(key) if client.type(key) == b"string" else client.dump(key)
            found[f"cache {key.decode(errors='replace')}"] = key + b" " + (value or b"")
        return found


@contextlib.contextmanager
def worker(site: Site) -> Iterator[None]:
    command = [sys.executable, "-m", "celery", "-A", "portal.celery", "worker", "--beat", "--pool=threads"]
    command += ["--concurrency=2", "--loglevel=DEBUG"]
    with (site.directory / "worker.log").open("wb") as log:
        process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "TERM", "--", *command],
            cwd=ROOT,
            env=site.environment,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        try:
            yield
        finally:
            stop_group(process.pid)
            process.wait()


def letters() -> Iterator[bytes]:
    """One to answer, one that is only read, one over which the portal falls."""
    for sender, subject, text in (
        ("recipient", "subject", f"We meet at noon. {WORDS['text']} {WORDS['search']}"),
        ("sender", "subject", f"{WORDS['text']} to read"),
        ("sender", "fallen", f"{FALL} {WORDS['text']}"),
    ):
        message = EmailMessage()
        message["From"] = f"{WORDS[sender]} <{WORDS[sender]}@example.test>"
        message["To"], message["Subject"] = "alice@example.test", WORDS[subject]
        message.set_content(text)
        content = WORDS["content"].encode()
        message.add_attachment(content, maintype="text", subtype="plain", filename=f"{WORDS['file']}.txt")
        yield message.as_bytes()


def live(page: Page, site: Site, login: str) -> None:
    """From the first wrong password to the last mistake."""
    page.goto(f"{site.url}/sign-in/")
    for password in (SECRETS["wrong password"], SECRETS["password"]):
        page.fill("[name=username]", login)
        page.fill("[name=password]", password)
        with page.expect_navigation():
            page.press("[name=password]", "Enter")
    expect(page.locator("h1")).to_contain_text("Good")
    expect(page.locator("#block-mail-unread")).to_contain_text(WORDS["subject"])
    page.goto(f"{site.url}/mail/INBOX/?q={WORDS['search']}")
    page.locator("[data-uid] a.go").first.click()
    expect(page.locator("#reading")).to_contain_text(WORDS["text"])
    page.goto(f"{site.url}/search/?q={WORDS['search']}")
    answer = page.goto(f"{site.url}/mail/{WORDS['folder']}/")
    assert answer is not None and answer.status == 404
    write(page, site)
    write_to_nobody(page, site)
    page.goto(f"{site.url}/mail/INBOX/?q={FALL}")
    address = page.locator("[data-uid] a.go").first.get_attribute("href")
    answer = page.goto(f"{site.url}{address}")
    assert answer is not None and answer.status == 500


def subscribe(page: Page, site: Site, radicale: Radicale) -> None:
    """To an address book of another server, which the worker fetches; then that server is away."""
    login = radicale.new_person()
    radicale.make_book(login, "team", name="Team")
    radicale.put(login, "team", "one", "BEGIN:VCARD\r\nVERSION:3.0\r\nUID:u1\r\nFN:Anna One\r\nEND:VCARD\r\n")
    page.goto(f"{site.url}/contacts/books/subscribe/")
    for label, text in (("Address", f"{radicale.url}/nothing/here/"), ("Login", login), ("Password", THEIRS)):
        page.get_by_label(label, exact=True).fill(text)
    page.get_by_role("button", name="Look for address books").click()
    page.get_by_role("button", name="Subscribe").click()
    expect(page.get_by_role("link", name="1 contact")).to_be_visible(timeout=60_000)
    radicale.stop()
    page.get_by_role("button", name="Refresh now").click()
    expect(page.get_by_role("alert")).to_contain_text("does not accept connections", timeout=60_000)
    radicale.start()


def write(page: Page, site: Site) -> None:
    """An answer with a file, kept as a draft, opened again, sent."""
    page.goto(f"{site.url}/mail/INBOX/?q={WORDS['search']}")
    page.locator("[data-uid] a.go").first.click()
    page.goto(urljoin(page.url, page.locator("#reading a[href*='/reply/']").first.get_attribute("href") or ""))
    page.fill("[name=subject]", WORDS["draft subject"])
    page.fill("textarea[name=text]", f"{WORDS['answer']} {WORDS['draft']}")
    attach(page)
    with kept(page, WORDS["draft"]):
        page.keyboard.press("Control+s")
    page.reload()
    expect(page.locator("textarea[name=text]")).to_have_value(re.compile(WORDS["draft"]))
    page.locator("button[value=send]").click()
    page.wait_for_url(re.compile(r"/mail/INBOX/"))
    expect(page.locator("#toasts")).to_contain_text("The message goes out in 10 seconds.")


def write_to_nobody(page: Page, site: Site) -> None:
    """A message that is refused and stays in the Outbox; then a file that stays behind on the disk."""
    page.goto(f"{site.url}/mail/@/compose/?to={REFUSED}&subject={WORDS['draft subject']}&body={WORDS['answer']}")
    attach(page)
    page.locator("button[value=send]").click()
    expect(page.locator("#toasts")).to_contain_text("could not be sent", timeout=60_000)
    page.goto(f"{site.url}/mail/@/outbox/")
    expect(page.locator("main")).to_contain_text("No such person")
    expect(page.locator("main")).to_contain_text(WORDS["draft subject"])
    page.goto(f"{site.url}/mail/@/compose/")
    attach(page)


def attach(page: Page) -> None:
    file = {"name": f"{WORDS['upload']}.txt", "mimeType": "text/plain", "buffer": WORDS["uploaded"].encode() * 50}
    page.locator("#compose-files").set_input_files([file])
    expect(page.locator("[data-attachments] input[name=attachment]")).to_have_count(1)


def try_itself(page: Page, site: Site) -> None:
    """The administrator's look at everything, with a mail account of the site's own to try."""
    page.goto(f"{site.url}/sign-in/?next=/selftest/%3Frun=1")
    page.fill("[name=username]", "root")
    page.fill("[name=password]", PASSWORD)
    page.press("[name=password]", "Enter")
    expect(page.locator("main")).to_contain_text("IMAP")
    page.wait_for_load_state()


def fall_at_the_door(page: Page, site: Site) -> None:
    page.goto(f"{site.url}/sign-in/")
    page.fill("[name=username]", "nobody-of-this-name")
    page.fill("[name=password]", SECRETS["wrong password"])
    with page.expect_navigation():
        page.press("[name=password]", "Enter")
    page.fill("[name=username]", FALL)
    page.fill("[name=password]", SECRETS["wrong password"])
    with page.expect_response(re.compile("/sign-in/")) as answer:
        page.press("[name=password]", "Enter")
    assert answer.value.status == 500


@pytest.fixture(scope="module")
def day(submission: SubmissionServer, radicale: Radicale, redis_url: str, browser: Browser) -> Iterator[Day]:
    server, root = submission.dovecot, f"m().objects.create_superuser('root', {PASSWORD!r})"
    login = server.new_user()
    server.set_password(login, SECRETS["password"])
    server.deliver(login, *letters())
    settings = mail_settings(submission) | {
        "DJANGO_SETTINGS_MODULE": "tests.proof.site_settings",
        "CACHE_URL": redis_url,
        "ADMINS": "root@example.test",
        "LOG_LEVEL": "DEBUG",
        "SELFTEST_LOGIN": login,
        "SELFTEST_PASSWORD": SECRETS["password"],
        "PROOF_FALL": FALL,
        "INSIDE_NETWORKS": "127.0.0.0/8, ::1",
        "INSIDE_CA_FILE": str(radicale.ca_file),
    }
    with running_site(**settings) as site, worker(site):
        site.manage("shell", "--no-imports", "-c", f"from django.contrib.auth import get_user_model as m; {root}")

        def hers(page: Page, site: Site) -> None:
            live(page, site, login)
            if django_apps.is_installed("apps.contacts"):
                subscribe(page, site, radicale)

        for way in (hers, try_itself, fall_at_the_door):
            context = browser.new_context(locale="en")
            way(context.new_page(), site)
            context.close()
        day = Day(site, redis_url)
        deadline = time.monotonic() + 120
        while b"KeyError" not in day.error_mails:  # of the last step; a thread sends them
            assert time.monotonic() < deadline
            time.sleep(0.02)
        yield day


# --- what is left of it -----------------------------------------------------------------------------------------------


def test_the_day_has_left_traces(day: Day) -> None:
    """Nothing is proved by looking into empty places."""
    places = day.places
    names = " ".join(places)
    assert {"portal.log", "worker.log", "portal.sqlite3", "table portal_session"} <= places.keys()
    assert {"delegation_key", "table portal_delegation", "table mail_outboxmessage"} <= places.keys()
    assert "outbox/" in names and "backup rows/mail.recipient.jsonl" in names
    assert len(places["table portal_delegation"]) > 300 and len(places["table mail_outboxmessage"]) > 500
    assert "uploads/" in names and "broker" in names and "error-mails/" in names and "cache " in names
    assert places["portal.log"].count(b'"status": 500') >= 2
    assert b"ValueError" in day.error_mails and b"KeyError" in day.error_mails
    assert len(places["table portal_session"]) > 500
    assert b"REFUSED" in places["portal.log"].upper()


def test_no_password_is_left_anywhere(day: Day) -> None:
    assert search(day.places, SECRETS) == set()


def test_no_mail_is_left_anywhere(day: Day) -> None:
    words = {name: word for name, word in WORDS.items() if name != "recipient"}
    assert search(day.places, words) == set()


def test_whom_one_has_written_to_is_kept_for_completion_and_nowhere_else(day: Day) -> None:
    found = search(day.places, {"recipient": WORDS["recipient"]})
    assert ("table mail_recipient", "recipient") in found
    kept = {"portal.sqlite3", "portal.sqlite3-wal"}
    for table in ("mail.recipient", "contacts.correspondent"):  # by mail, and by the address books in theirs
        kept |= {f"table {table.replace('.', '_')}", f"backup rows/{table}.jsonl"}
    assert {place for place, _name in found} <= kept


def test_a_backup_holds_nothing_that_is_on_its_way_out(day: Day) -> None:
    """Not even sealed: brought back another day, it would be sent a second time."""
    names = backed_up(day.site)
    assert not [name for name in names if "delegation" in name or "outbox" in name]
    key = (day.site.directory / "delegation_key").read_text().strip()
    assert search(names, {"key": key}) == set()


# --- the search bites -------------------------------------------------------------------------------------------------

PLANT = """
import sys
from portal.sessions import SessionStore
from django.core.cache import cache
from portal.celery import app
words = sys.stdin.read()
session = SessionStore()
session["note"] = words
session.save()
cache.set("note", words)
app.send_task("proof.nobody", args=[words], queue="nobody")
"""


def test_what_is_planted_is_found(day: Day) -> None:
    """The same words, put once into each of the places, are found in each of them."""
    words = SECRETS | WORDS
    text = " ".join(words.values())
    command = [sys.executable, "manage.py", "shell", "--no-imports", "-c", PLANT]
    subprocess.run(command, cwd=ROOT, env=day.site.environment, input=text, text=True, check=True, capture_output=True)
    for folder in ("uploads", "error-mails"):
        (day.site.directory / folder / "planted").write_text(text)
    with (day.site.directory / "portal.log").open("a") as log:
        log.write(text)
    found = search(day.places, words)
    for place in ("table portal_session", "portal.log", "uploads/planted", "error-mails/planted"):
        assert {name for where, name in found if where == place} == words.keys(), place
    for kind in ("cache ", "broker", "portal.sqlite3"):
        assert {name for where, name in found if where.startswith(kind)} == words.keys(), kind


@pytest.mark.parametrize("word", [SECRETS["password"], WORDS["text"]])
def test_disguised_words_are_found(word: str) -> None:
    session = signing.dumps({"a": word * 3}, compress=True)
    packed = zlib.compress(b"x" * 50 + word.encode())
    hidden = [base64.b64encode(b"." * shift + word.encode() + b"tail") for shift in range(3)]
    for octets in (session.encode(), packed, word.encode("utf-16-le"), word.encode().hex().encode(), *hidden):
        assert search({"place": b"\0\1" + octets}, {"word": word}), octets
