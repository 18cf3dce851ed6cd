"""An address book as a test wants it: with these people and groups, on another server, slow, or dead."""

from __future__ import annotations

import threading
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from django.contrib.auth.models import AbstractBaseUser

from portal.contracts import Address, Contact
from portal.registry import PortalApp


@dataclass
class ScriptedBook:
    id: str = "demo.directory"
    remote: bool = True
    source: str = "Directory"
    people: list[Address] = field(default_factory=list)
    groups: dict[str, list[Address]] = field(default_factory=dict)  # by their name, which is their id as well
    delay: float = 0.0  # seconds before each answer
    hangs: threading.Event | None = None  # until this is set, nothing is answered
    dead: bool = False
    calls: list[str] = field(default_factory=list)

    def _asked(self, what: str) -> None:
        self.calls.append(what)
        time.sleep(self.delay)
        if self.hangs is not None:
            self.hangs.wait(60)
        if self.dead:
            raise ConnectionRefusedError("the directory is gone")

    def complete(self, user: AbstractBaseUser, prefix: str, limit: int) -> Sequence[Contact]:
        self._asked("complete")
        wanted = prefix.casefold()
        fits = [each for each in self.people if wanted in f"{each.name} {each.email}".casefold()]
        groups = [name for name in self.groups if name.casefold().startswith(wanted)]
        return [Contact(each, source=self.source) for each in fits[:limit]] + [
            Contact(Address("", name), source=self.source, group=name, members=len(self.groups[name]))
            for name in groups
        ]

    def resolve(self, user: AbstractBaseUser, emails: Collection[str]) -> Mapping[str, Contact]:
        self._asked("resolve")
        return {
            each.email.lower(): Contact(each, source=self.source)
            for each in self.people
            if each.email.lower() in emails
        }

    def add_url(self, address: Address) -> str:
        return ""

    def expand(self, user: AbstractBaseUser, group: str) -> Sequence[Address]:
        self._asked("expand")
        if group not in self.groups:
            raise LookupError(group)
        return self.groups[group]

    def names(self, user: AbstractBaseUser, words: Collection[str]) -> Collection[str]:
        self._asked("names")
        known = {part.casefold() for each in self.people for part in each.name.split()}
        return {word for word in words if word.casefold() in known}


def shelf(*books: ScriptedBook, id: str = "demo") -> PortalApp:
    return PortalApp(id=id, title="Demo", address_books=books)
