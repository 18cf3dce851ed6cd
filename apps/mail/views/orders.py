"""What forms ask to be done to messages."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass

from django.http import QueryDict

from apps.mail.mailbox.errors import BadArgument
from apps.mail.mailbox.names import account_of
from apps.mail.mailbox.store import CONVERSATIONS, FLAT
from apps.mail.services import actions, everything, folders, noted
from apps.mail.services.refs import MessageRef
from apps.mail.services.steps import Chosen
from apps.mail.services.view import View
from apps.mail.views.common import uidvalidity_of
from apps.mail.views.list import uid_of

FORWARD = "forward"  # changes nothing: a new message begins with them
KNOWN = frozenset({*actions.ALL, FORWARD})
MOST_ROWS = 1000  # more are not on a page
MOST_UIDS = 100_000  # of all their conversations


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """A row's own button says ``one=archive:12``, or of a conversation ``one=archive:12,15:17``; the bar's say
    ``do=archive`` and name the rows in the same way, in a list over several folders by ``MessageRef``, or "all", as
    ``everything`` counted them."""

    do: str
    chosen: tuple[Chosen, ...]
    mailbox: str  # whose list is shown
    role: str  # of that
    view: View
    target: str = ""  # of a move; "" when it is still to be chosen
    from_message: bool = False  # sent from the open message, not from the list
    confirmed: bool = False
    all: str = ""
    shown: int = 0  # the UID of the message that is open beside the list
    conversation: int = 0  # sent from an open conversation: a message of it that stays when this is done, or any one
    within: bool = False  # sent from one of its messages
    validity: int = 0  # the UIDVALIDITY of ``conversation``
    undone: bool = False  # done before, and taken back now
    opened: tuple[str, ...] = ()  # its messages that are open, as its address names them
    mode: str = FLAT  # what is put together in the list
    rows: tuple[str, ...] = ()  # as the form names them, by the UIDs that each row stood for when it was drawn

    @property
    def several(self) -> bool:
        """Whether each row names its folder."""
        return self.view.everywhere and not self.from_message

    @property
    def apart(self) -> bool:
        """Whether it is about messages that do not stand for themselves in the list."""
        return self.mode == CONVERSATIONS and self.from_message

    @property
    def count(self) -> int:
        return sum(len(some.uids) for some in self.chosen)

    @property
    def accounts(self) -> list[str]:
        """A mailbox of each account that it is about."""
        return list({account_of(some.mailbox): some.mailbox for some in self.chosen}.values())

    @property
    def only(self) -> Chosen | None:
        return self.chosen[0] if self.count == 1 else None

    @property
    def uidvalidity(self) -> int:
        return self.chosen[0].uidvalidity

    @property
    def named(self) -> list[tuple[str, object]]:
        """The messages as forms name them."""
        if not self.several:
            return [("uid", text) for text in self.rows]
        return [("ref", MessageRef(some.mailbox, some.uidvalidity, uid)) for some in self.chosen for uid in some.uids]

    @classmethod
    def of_one(cls, data: QueryDict, mailbox: str, *, user_id: int) -> Order | None:
        """On messages of one folder; None for what is no order. Raises ``Forgotten`` where it is about all of a list of
        long ago."""
        do, texts, counted = _words(data, "uid")
        uids, from_message = _uids(texts), data.get("from") == "message"
        if do not in KNOWN or len(texts) > MOST_ROWS or len(uids) > MOST_UIDS:
            return None
        if counted:
            uids = list(noted.uids_of(noted.lengthened(counted, user_id=user_id)))
        chosen = Chosen(mailbox, uidvalidity_of(data), tuple(sorted(uids)))
        return cls(
            do=do,
            chosen=(chosen,) if uids else (),
            mailbox=mailbox,
            role=folders.known_role(data.get("role")),
            view=View.parse(data),
            target=data.get("to", ""),
            from_message=from_message,
            confirmed=data.get("confirmed") == "yes",
            all=counted,
            shown=uid_of(data.get("open", "")) or (uids[0] if from_message and uids else 0),
            conversation=uid_of(data.get("conversation", "")) if from_message else 0,
            validity=uidvalidity_of(data),
            within=from_message and data.get("within") == "yes",
            opened=tuple(data.get("opened", "")[:20_000].split()),
            rows=tuple(text for text in texts if _uids([text])),
        )

    @property
    def groups(self) -> list[tuple[int, ...]]:
        """The messages of each row."""
        return [tuple(_uids([text])) for text in self.rows]

    @classmethod
    def of_several(cls, data: QueryDict, *, user_id: int) -> Order | None:
        do, texts, counted = _words(data, "ref")
        refs = [MessageRef.parse(text) for text in texts]
        known = tuple(dict.fromkeys(ref for ref in refs if ref is not None and 0 < ref.uid < 2**32))
        if do not in KNOWN or len(known) != len(set(texts)) or len(known) > MOST_ROWS:
            return None
        return cls(
            do=do,
            chosen=everything.chosen_of(counted, user_id=user_id) if counted else _by_folder(known),
            mailbox=data.get("mailbox", "") or "INBOX",
            role="",
            view=View.parse(data),
            target=data.get("to", ""),
            all=counted,
        )


def _words(data: QueryDict, names: str) -> tuple[str, list[str], str]:
    """What to do, and to which messages."""
    if one := data.get("one"):
        do, _colon, name = one.partition(":")
        return do, [name], ""
    return data.get("do", ""), data.getlist(names), data.get("all", "")


def _uids(texts: Sequence[str]) -> list[int]:
    """In their order, each once, of single messages and of conversations; what can be no UID is left out."""
    found: dict[int, None] = {}
    for text in texts:
        with contextlib.suppress(BadArgument):
            found |= dict.fromkeys(noted.uids_of(text, most=max(MOST_UIDS + 1 - len(found), 1)))
    return list(found)


def _by_folder(refs: Sequence[MessageRef]) -> tuple[Chosen, ...]:
    groups: dict[tuple[str, int], list[int]] = {}
    for ref in refs:
        groups.setdefault((ref.mailbox, ref.uidvalidity), []).append(ref.uid)
    return tuple(Chosen(mailbox, uidvalidity, tuple(uids)) for (mailbox, uidvalidity), uids in groups.items())
