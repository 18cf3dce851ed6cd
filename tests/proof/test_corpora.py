"""Every message that others have collected opens in the running views: no 5xx, and none keeps anybody waiting.

What a reader can reach from a message is found by following its own links: its documents, parts, source, answers.
`make test` opens a seeded third of them and counts the processor's time, since other tests run beside it; `make soak`
opens all, by the clock on the wall.
"""

from __future__ import annotations

import random
import re
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from html import unescape
from urllib.parse import urljoin, urlsplit

import pytest
from django.http import HttpResponseBase
from django.urls import reverse

from tests.mail.conftest import HTMX, Person
from tests.mail.mime.support import CORPORA
from tests.proof.collected import FOLDERS, messages
from tests.proof.conftest import SignInTo
from tests.support.mailserver import MailServer

pytestmark = [
    pytest.mark.needs_app("mail"),
    pytest.mark.timeout(600),
    pytest.mark.skipif(not CORPORA.is_dir(), reason="shared corpora absent"),
]
SECONDS = 2.0  # from asking to the last octet
SEED, SHARE = 20261123, 3  # one in so many
SAMPLE = 40  # messages that the poor server gets
_ROW = re.compile(r'<[^>]* data-uid="(\d+)"[^>]*>')
_OLDER = re.compile(r'href="([^"]+)"[^>]*rel="next"')
_FILES = '<ul class="atts"'
_ADDRESS = re.compile(r'(?:href|src)="([^"]+)"')


@dataclass
class Walk:
    """Asks for everything that belongs to a message, once each, and remembers what was wrong and how long it took."""

    person: Person
    clock: Callable[[], float] = time.thread_time
    wrong: list[str] = field(default_factory=list)
    times: list[tuple[float, str]] = field(default_factory=list)
    kinds: Counter[str] = field(default_factory=Counter)

    def get(self, url: str, name: str, **headers: str) -> HttpResponseBase:
        started = self.clock()
        response = self.person.client.get(url, headers=headers)
        octets = b"".join(response.streaming_content) if response.streaming else response.content
        seconds = self.clock() - started
        self.times.append((seconds, f"{name} {url}"))
        self.kinds[response.resolver_match.url_name] += 1
        if response.status_code >= 400:
            self.wrong.append(f"{response.status_code} {name} {url}")
        if seconds > SECONDS:
            self.wrong.append(f"{seconds:.1f} s {name} {url}")
        response.octets = octets
        return response

    def message(self, uid: int, uidvalidity: int, name: str) -> None:
        base = self.person.url("message", "INBOX", uid)
        ahead = [f"{base}?v={uidvalidity}", f"{base}?v={uidvalidity}&form=plain", f"{base}print/?v={uidvalidity}"]
        ahead += [f"{base}{page}/?v={uidvalidity}" for page in ("headers", "source", "edit", "forward", "reply-all")]
        ahead += [f"{base}message.eml?v={uidvalidity}", f"{base}reply/?v={uidvalidity}&format=html"]
        self.get(f"{base}?v={uidvalidity}", name, **HTMX_HEADER)
        seen = set(ahead)
        while ahead:
            url = ahead.pop()
            response = self.get(url, name)
            if response.headers.get("Content-Type", "").startswith("text/html"):
                text = response.octets.decode()
                zips = [f"{base}attachments.zip?v={uidvalidity}"] if _FILES in text else []
                for link in [*zips, *_ADDRESS.findall(text)]:
                    target = urljoin(url, unescape(link)).partition("#")[0]
                    if urlsplit(target).path.startswith(base) and target not in seen:
                        seen.add(target)
                        ahead.append(target)

    def list(self) -> list[int]:
        """The UIDs on the list's pages, from the newest to the oldest."""
        start = self.person.url("mailbox", "INBOX")
        url = f"{start}?mode=flat"  # a row for each
        found: list[int] = []
        while url:
            page = self.get(url, "list").octets.decode()
            found += [int(uid) for uid in _ROW.findall(page)]
            older = _OLDER.search(page)
            url = urljoin(start, unescape(older[1])) if older else ""
        return found


HTMX_HEADER = {"HX-Request": HTMX["HX-Request"]}


def keep(person: Person, found: dict[str, bytes]) -> dict[int, str]:
    """Store them; UID to name. Neither server refuses one: what arrived by mail has to be stored somehow."""
    return dict(zip(person.receive(*found.values()), found, strict=True))


def open_all(
    person: Person,
    found: dict[str, bytes],
    record: pytest.FixtureRequest,
    clock: Callable[[], float] = time.thread_time,
) -> None:
    kept = keep(person, found)
    walk = Walk(person, clock)
    uidvalidity = person.uidvalidity()
    for uid, name in kept.items():
        walk.message(uid, uidvalidity, name)
    listed = walk.list()
    slowest, where = max(walk.times)
    record.node.user_properties.append(("slowest", f"{slowest:.2f} s {where}"))
    print(f"{len(kept)} messages, {len(walk.times)} requests, slowest {slowest:.2f} s: {where}")
    assert walk.wrong == []
    assert sorted(listed) == sorted(kept)
    assert walk.kinds["message"] >= 3 * len(kept)


@pytest.mark.parametrize("folder", FOLDERS)
@pytest.mark.parametrize(
    ("share", "clock"),
    [(SHARE, time.thread_time), pytest.param(1, time.perf_counter, marks=pytest.mark.soak)],
    ids=["a third", "all"],
)
def test_the_messages_open(
    folder: str,
    share: int,
    clock: Callable[[], float],
    dovecot: MailServer,
    sign_in_to: SignInTo,
    request: pytest.FixtureRequest,
) -> None:
    found = messages(folder)
    names = random.Random(SEED).sample(sorted(found), -(-len(found) // share))
    assert names, f"{folder} holds no message"
    open_all(sign_in_to(dovecot), {name: found[name] for name in names}, request, clock)


def test_a_sample_opens_on_the_poor_server(
    pymap_server: MailServer, sign_in_to: SignInTo, request: pytest.FixtureRequest
) -> None:
    everything = {name: octets for folder in FOLDERS for name, octets in messages(folder).items()}
    names = random.Random(SEED).sample(sorted(everything), SAMPLE)
    open_all(sign_in_to(pymap_server), {name: everything[name] for name in names}, request)


def test_the_walk_finds_what_is_behind_a_message(dovecot: MailServer, sign_in_to: SignInTo) -> None:
    """That the walk bites: every kind of document is among its steps, and a missing part is seen."""
    person = sign_in_to(dovecot)
    kept = keep(person, messages("mikel-mail"))
    walk = Walk(person)
    for uid, name in list(kept.items())[:12]:
        walk.message(uid, person.uidvalidity(), name)
    answers = {"reply", "reply_all", "forward", "edit"}
    assert walk.kinds.keys() >= {"message", "body", "part", "archive", "headers", "source", "eml", "print"} | answers
    assert walk.wrong == []
    missing = reverse("mail:part", args=("INBOX", next(iter(kept)), "9.9"))
    walk.get(f"{missing}?v={person.uidvalidity()}", "nothing")
    assert [line[:3] for line in walk.wrong] == ["404"]
