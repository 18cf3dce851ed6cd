"""Whatever is done and undone, to messages and to conversations, a mailbox is afterwards what a model of it says.

Each step looks at a list or at an open conversation, lets mail arrive behind its back, and then does what a button
there says to the messages that were counted. Nothing else may have changed, in any folder.
"""

from __future__ import annotations

import json
import os
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.http import HttpResponse
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from selectolax.lexbor import LexborHTMLParser, LexborNode

from apps.mail.prefs import MARK_READ
from portal.prefs import for_user
from tests.mail.conftest import HTMX, Person, signed_in
from tests.mail.everywhere import every_server  # noqa: F401 - a fixture
from tests.support.mailserver import MailServer

FOLDERS = ("INBOX", "Archive", "Trash", "Projects", "Sent")
GROUPS = 3
SEQUENCES = int(os.environ.get("SOAK_SEQUENCES", "150"))  # of the long form
ROLES = {"INBOX": "inbox", "Archive": "archive", "Trash": "trash", "Projects": "", "Sent": "sent"}
MARKS = {"read": ("seen", True), "unread": ("seen", False), "flag": ("flagged", True), "unflag": ("flagged", False)}
TARGETS = {"archive": "Archive", "delete": "Trash", "move": "Projects"}


@dataclass(frozen=True)
class Letter:
    """``group``: of which conversation; ``name``: its Message-ID."""

    name: str
    group: int
    folder: str
    seen: bool
    flagged: bool


@dataclass
class Box:
    """The model beside the mailbox."""

    person: Person
    letters: dict[str, Letter] = field(default_factory=dict)
    numbers: count[int] = field(default_factory=count)
    back: tuple[dict[str, Any], dict[str, Letter]] | None = None  # the last toast's undo, and what it leads to

    def arrive(self, group: int, folder: str = "INBOX", *, seen: bool = False) -> None:
        number = next(self.numbers)
        name = f"<n{number}@x.test>"
        root = f"<root{group}.{self.person.login}@x.test>"
        head = f"From: p{number % 3}@x.test\r\nTo: a@x.test\r\nSubject: Re: g{group}\r\nMessage-ID: {name}\r\n"
        raw = f"{head}References: {root}\r\nDate: Sat, 01 Mar 2025 08:00:00 +0000\r\n\r\nwords {number}\r\n"
        self.person.receive(raw.encode(), mailbox=folder, flags="\\Seen" if seen else "")
        self.letters[name] = Letter(name, group, folder, seen, False)

    def there(self) -> dict[str, Letter]:
        """What the server says."""
        found = {}
        with self.person.server.session(self.person.login) as session:
            for folder in FOLDERS:
                for uid, (name, flags) in _read(session, folder).items():
                    assert name not in found, f"{name} is in two places"
                    group = self.letters[name].group if name in self.letters else -1
                    found[name] = Letter(name, group, folder, "\\Seen" in flags, "\\Flagged" in flags)
                    assert uid
        return found

    def names(self, folder: str) -> dict[int, str]:
        with self.person.server.session(self.person.login) as session:
            return {uid: name for uid, (name, _flags) in _read(session, folder).items()}

    def agrees(self) -> None:
        assert self.there() == self.letters


def _read(session: object, folder: str) -> dict[int, tuple[str, str]]:
    """(Message-ID, flags) by UID."""
    session.select(folder, readonly=True)  # type: ignore[attr-defined]
    _ok, answers = session.uid("FETCH", "1:*", "(FLAGS BODY.PEEK[HEADER.FIELDS (MESSAGE-ID)])")  # type: ignore[attr-defined]
    found = {}
    answers = answers or []
    for answer, rest in zip(answers, [*answers[1:], b""], strict=True):
        if isinstance(answer, tuple):
            words = answer[0] + (rest if isinstance(rest, bytes) else b"")  # either order
            uid = re.search(rb"UID (\d+)", words)
            flags = re.search(rb"FLAGS \(([^)]*)\)", words)
            assert uid is not None
            assert flags is not None
            found[int(uid[1])] = (answer[1].split(b":", 1)[1].strip().decode(), flags[1].decode())
    return found


def made(server: MailServer) -> Box:
    person = signed_in(server)
    user = get_user_model().objects.get(pk=person.client.session["_auth_user_id"])
    for_user(user).save({MARK_READ: "never"})
    with person.server.session(person.login) as session:
        for folder in FOLDERS[1:]:
            session.create(folder)
    box = Box(person)
    for number in range(7):
        box.arrive(number % GROUPS, seen=number % 2 == 0)
    for group in range(GROUPS):
        box.arrive(group, "Sent", seen=True)
    box.agrees()
    return box


def uids_in(text: str) -> set[int]:
    found: set[int] = set()
    for word in text.split(","):
        first, _colon, last = word.partition(":")
        found |= set(range(int(first), int(last or first) + 1))
    return found


def fields(form: LexborNode) -> dict[str, str]:
    hidden = form.css("input[type=hidden]")
    return {each.attributes["name"] or "": each.attributes.get("value") or "" for each in hidden}


@dataclass(frozen=True)
class Deed:
    """``late``: mail arrives between the look and the act. ``where``: in the list, on the whole of an open conversation
    or on one message of it."""

    do: str
    folder: str
    mode: str
    row: int
    late: bool
    where: str


DEEDS = st.builds(
    Deed,
    do=st.sampled_from(["archive", "delete", "move", "read", "unread", "flag", "unflag", "undo", "undo"]),
    folder=st.sampled_from(["INBOX", "INBOX", "INBOX", "Archive", "Trash", "Projects"]),
    mode=st.sampled_from(["conversations", "conversations", "threads", "flat"]),
    row=st.integers(0, 6),
    late=st.booleans(),
    where=st.sampled_from(["list", "list", "whole", "one"]),
)


def perform(box: Box, deed: Deed) -> None:
    if deed.do == "undo":
        return undo(box)
    person, folder = box.person, deed.folder
    url = person.url("mailbox", folder, mode=deed.mode, role=ROLES[folder])
    tree = LexborHTMLParser(person.client.get(url).content.decode())
    rows = tree.css(".msg")
    if not rows:
        return None
    row = rows[deed.row % len(rows)]
    names = box.names(folder)
    value = row.css_first(".cb").attributes["value"] or ""
    counted = {names[uid] for uid in uids_in(value)}
    group = {letter.name for letter in box.letters.values() if letter.folder == folder}
    if deed.mode == "conversations":
        one = next(iter(counted))
        group = {name for name in group if box.letters[name].group == box.letters[one].group}
        assert counted == group, "a row counts what belongs together, all of it and nothing else"
        said = row.css_first("[value^='delete:']").attributes["aria-label"] or ""
        assert (str(len(counted)) in said) == (len(counted) > 1)
    data = fields(tree.css_first("#bulk")) | {"uid": value}
    if deed.where != "list" and deed.mode == "conversations":
        data, counted = opened(box, folder, value, names, deed)
    if deed.late:
        for each in range(GROUPS):
            box.arrive(each, folder)
    asked = {"do": deed.do, **({"to": "Projects"} if deed.do == "move" else {})}
    gone = deed.do == "delete" and folder == "Trash"
    data |= {**asked, **({"confirmed": "yes"} if gone else {}), "role": ROLES[folder]}
    answer = person.client.post(person.url("act", folder), data, headers=HTMX)
    assert answer.status_code == 200, answer.content.decode()[:300]
    note(box, deed, counted, answer, gone=gone)
    return None


def opened(box: Box, folder: str, value: str, names: dict[int, str], deed: Deed) -> tuple[dict[str, str], set[str]]:
    """The form of an open conversation, or of one message of it, and the messages that it says it is about."""
    person = box.person
    url = person.url("conversation", folder, max(uids_in(value)), v=person.uidvalidity(folder), role=ROLES[folder])
    tree = LexborHTMLParser(person.client.get(url, headers=HTMX).content.decode())
    form = tree.css_first("#acts") if deed.where == "whole" else tree.css_first(".conv .menu form")
    if form is None:  # the newest is not of this folder
        form = tree.css_first("#acts")
    data = fields(form)
    counted = {names[uid] for uid in uids_in(data["uid"])}
    assert all(box.letters[name].folder == folder for name in counted), "what lies elsewhere is not acted on"
    if form.attributes.get("id") == "acts":
        said = form.css_first("[value=unread]").attributes["aria-label"] or ""
        assert str(len(counted)) in said
    return data, counted


def note(box: Box, deed: Deed, counted: set[str], answer: HttpResponse, *, gone: bool) -> None:
    before = {name: box.letters[name] for name in counted}
    for name in counted:
        if gone:
            del box.letters[name]
        elif deed.do in MARKS:
            what, on = MARKS[deed.do]
            is_seen = what == "seen"
            letter = box.letters[name]
            box.letters[name] = replace(letter, seen=on) if is_seen else replace(letter, flagged=on)
        else:
            box.letters[name] = replace(box.letters[name], folder=TARGETS[deed.do])
    box.agrees()
    toast = json.loads(answer["HX-Trigger"])["toast"]
    changed = {name: was for name, was in before.items() if box.letters.get(name) != was}
    assert ("undo" in toast) == (bool(changed) and not gone)
    box.back = (toast["undo"], changed) if "undo" in toast else None


def undo(box: Box) -> None:
    if box.back is None:
        return
    (told, before), box.back = box.back, None
    answer = box.person.client.post(told["url"], told["values"], headers=HTMX)
    assert answer.status_code == 200
    box.letters |= before
    box.agrees()


QUICKLY = settings(
    max_examples=6,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@given(deeds=st.lists(DEEDS, min_size=8, max_size=12))
@QUICKLY
def test_what_is_done_is_done_to_exactly_these(server: MailServer, db: None, deeds: list[Deed]) -> None:
    run(server, deeds)


@pytest.fixture
def counted() -> Iterator[Counter[str]]:
    """Deeds by their name, and sequences, which are told at the end."""
    counts: Counter[str] = Counter()
    yield counts
    deeds = ", ".join(f"{count} {name}" for name, count in sorted(counts.items()) if name != "sequences")
    print(f"{counts['sequences']} sequences of {counts.total() - counts['sequences']} deeds: {deeds}")


@pytest.mark.soak
@pytest.mark.timeout(3600)
@given(deeds=st.lists(DEEDS, min_size=20, max_size=50))
@settings(QUICKLY, max_examples=SEQUENCES, derandomize=False, phases=[Phase.generate, Phase.shrink])
def test_what_is_done_for_long_is_done_to_exactly_these(
    server: MailServer, db: None, counted: Counter[str], deeds: list[Deed]
) -> None:
    run(server, deeds)
    counted.update(["sequences", *(deed.do for deed in deeds)])


def run(server: MailServer, deeds: list[Deed]) -> None:
    box = made(server)
    for deed in deeds:
        perform(box, deed)
