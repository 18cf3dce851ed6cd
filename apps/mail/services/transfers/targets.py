"""Folders of an archive as folders of the mailbox: those that are there are used, others are made."""

from __future__ import annotations

import contextlib
import unicodedata

from apps.mail.mailbox.errors import BadArgument, MailboxExists, ServerRefused
from apps.mail.mailbox.store import MailStore
from apps.mail.services.folder_names import MAX_LEAF, FolderRefused, delimiter_of, leaf

DEEPEST = 10  # levels of an archive; what lies deeper comes into the last of them


class Targets:
    """``made``: names of those that did not exist before, for the undo."""

    def __init__(self, store: MailStore, base: str, made: list[str]) -> None:
        self._store, self._base, self.made = store, base, made
        known = store.mailboxes(status=False)
        self._delimiter = delimiter_of(known)
        self._known = {mailbox.name for mailbox in known if mailbox.selectable}
        self._found: dict[tuple[str, ...], str] = {}

    def of(self, folder: tuple[str, ...]) -> str:
        """The mailbox for a folder of the archive. One whose name the server does not take is that above it."""
        if folder not in self._found:
            name = self._base
            self._make(name)
            for piece in folder[:DEEPEST] if self._delimiter else ():
                below = f"{name}{self._delimiter}{self._leaf(piece)}"
                try:
                    self._make(below)
                except (ServerRefused, BadArgument):
                    break
                name = below
            self._found[folder] = name
        return self._found[folder]

    def _make(self, name: str) -> None:
        if name in self._known:
            return
        with contextlib.suppress(MailboxExists):
            self._store.create(name)
            self.made.append(name)
        self._known.add(name)

    def _leaf(self, piece: str) -> str:
        text = "".join(char for char in piece if unicodedata.category(char)[0] != "C")
        text = text.replace(self._delimiter, "-").strip()[:MAX_LEAF] or "-"
        try:
            return leaf(text, self._delimiter)
        except FolderRefused:
            return "-"
