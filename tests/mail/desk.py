"""Writing as a browser without scripts does it: open a page, change some fields, press a button."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import unescape
from typing import TYPE_CHECKING

from django.core.files.uploadedfile import SimpleUploadedFile

from tests.support import forms
from tests.support.receiver import PostOffice

if TYPE_CHECKING:
    from tests.mail.conftest import Person


@dataclass
class Desk:
    """A writing page as it stands in the browser."""

    person: Person
    html: str = ""
    status: int = 200
    url: str = ""
    fields: forms.Fields = field(default_factory=dict)

    def open(self, url: str) -> Desk:
        return self._stand(self.person.client.get(url, follow=True))

    def _stand(self, answer) -> Desk:
        self.html, self.status = answer.content.decode(), answer.status_code
        self.url = answer.redirect_chain[-1][0] if getattr(answer, "redirect_chain", None) else self.url
        self.fields = forms.fields(self.html, "compose") if 'id="compose"' in self.html else {}
        return self

    def press(
        self, button: str = "send", *, files: Sequence[tuple[str, str, bytes]] = (), remove: str = "", **changes: str
    ) -> Desk:
        """Send the form with this button. ``files`` are (name, type, content); ``html`` comes only from the editor."""
        data: dict[str, object] = {**self.fields, **changes}
        if not {"later", "template"} & changes.keys():  # buttons as well
            data |= {"remove": remove} if remove else {"action": button}
        if files:
            data["files"] = [SimpleUploadedFile(name, content, kind) for name, kind, content in files]
        return self._stand(self.person.client.post("/mail/@/compose/", data, follow=True))

    def value(self, name: str) -> str:
        return self.fields.get(name, [""])[0]

    @property
    def errors(self) -> dict[str, list[str]]:
        """What is said beside each field; under "" what concerns the whole."""
        found = {"": re.findall(r'cnote" role="alert">.*?<span class="grow"[^>]*>(.*?)</span>', self.html, re.S)}
        for name, items in re.findall(r'id="compose-(\w+)_error" role="alert">(.*?)</div>', self.html, re.S):
            found[name] = re.findall(r"<p[^>]*>(.*?)</p>", items, re.S)
        return {name: [unescape(text.strip()) for text in texts] for name, texts in found.items() if texts}

    @property
    def questions(self) -> list[str]:
        """What is asked before it is sent."""
        found = re.search(r'<ul id="asks-list">(.*?)</ul>', self.html, re.S)
        return [unescape(line) for line in re.findall(r"<li[^>]*>(.*?)</li>", found[1], re.S)] if found else []

    @property
    def tips(self) -> list[str]:
        """What there is to know, and is no error."""
        found = re.findall(r'cnote" role="status">.*?<span class="grow"[^>]*>(.*?)</span>', self.html, re.S)
        return [unescape(text.strip()) for text in found]

    @property
    def files(self) -> list[str]:
        """The names of the attachments, in order."""
        found = re.findall(r'<div class="up" data-token=.*?<span class="strong ell"[^>]*>(.*?)</span>', self.html, re.S)
        return [unescape(name) for name in found]

    @property
    def tokens(self) -> list[str]:
        return self.fields.get("attachment", [])

    @property
    def said(self) -> list[str]:
        """What the page says once, after a redirect."""
        return [
            unescape(text.strip())
            for text in re.findall(r'class="toast[^"]*"[^>]*>\s*<span[^>]*>(.*?)</span>', self.html, re.S)
        ]


@dataclass
class Writer:
    """Somebody who writes, and the post that takes it."""

    person: Person
    post: PostOffice

    @property
    def address(self) -> str:
        return self.person.server.address(self.person.login)

    def new(self, **query: object) -> Desk:
        """With a subject, which would be asked about otherwise."""
        if "mailto" not in query:
            query = {"subject": "A letter"} | query
        return Desk(self.person).open(self.person.url("compose", **query))

    def on(self, name: str, uid: int, mailbox: str = "INBOX", **query: object) -> Desk:
        """``name``: reply, reply_all, forward, edit."""
        return Desk(self.person).open(self.person.url(name, mailbox, uid, v=self.person.uidvalidity(mailbox), **query))

    def stored(self, mailbox: str) -> list[bytes]:
        return self.person.server.messages(self.person.login, mailbox) if self.has(mailbox) else []

    def uids(self, mailbox: str) -> list[int]:
        with self.person.server.session(self.person.login) as session:
            session.select(f'"{mailbox}"', readonly=True)
            return [int(uid) for uid in session.uid("SEARCH", "ALL")[1][0].split()]

    def has(self, mailbox: str) -> bool:
        with self.person.server.session(self.person.login) as session:
            return session.status(f'"{mailbox}"', "(MESSAGES)")[0] == "OK"
