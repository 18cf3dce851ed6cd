"""What can be done to messages of one folder, and the way back from each."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import replace

from apps.mail.mailbox.errors import BadArgument, MailError, NoSuchMailbox, NoSuchMessage
from apps.mail.mailbox.names import account_of, qualified
from apps.mail.mailbox.routed import standing
from apps.mail.mailbox.store import Mailbox, MailStore, MoveResult
from apps.mail.services import folders, snoozing
from apps.mail.services.steps import Chosen, Step, Taken

PINNED, MUTED = "$pinned", "$muted"  # keywords; the second is of the IANA registry (RFC 5788)
LABEL, UNLABEL = "label", "unlabel"
SNOOZE, UNSNOOZE = SNOOZES = ("snooze", "unsnooze")  # the first until its target: see ``snoozing``
#: Marks by what the form calls them: (flag, whether it is set).
MARKS: dict[str, tuple[str, bool]] = {
    "read": ("\\Seen", True),
    "unread": ("\\Seen", False),
    "flag": ("\\Flagged", True),
    "unflag": ("\\Flagged", False),
    "pin": (PINNED, True),
    "unpin": (PINNED, False),
    "mute": (MUTED, True),
    "unmute": (MUTED, False),
    LABEL: ("", True),  # the keyword is the step's target
    UNLABEL: ("", False),
}
_OPPOSITES = {
    one: other
    for one, (flag, on) in MARKS.items()
    for other, (same, off) in MARKS.items()
    if flag == same and on != off
}
#: Moves to a mailbox with a role.
TARGET_ROLES = {"archive": "archive", "delete": "trash", "junk": "junk", "notjunk": "inbox"}
#: Those that ask for a folder.
WITH_TARGET = ("move", "copy")
#: Those that leave each message where it is listed.
IN_PLACE = frozenset({*MARKS, "copy", UNSNOOZE})
#: What forms can ask for.
ALL = frozenset({*MARKS, *SNOOZES, *TARGET_ROLES, *WITH_TARGET})
FOR_EVER = "expunge"  # what "delete" means in the trash
#: Moves to where they were, and copies that go.
BACK = ("back", "unjunk", "unnotjunk")
UNCOPY = "uncopy"
WAYS_BACK = frozenset({*MARKS, *SNOOZES, *BACK, UNCOPY})
#: Spam filters learn from these (RFC 5788 registry): (add, remove).
LESSONS = {
    "junk": (("$Junk",), ("$NotJunk",)),
    "notjunk": (("$NotJunk",), ("$Junk",)),
    "unjunk": ((), ("$Junk",)),
    "unnotjunk": ((), ("$NotJunk",)),
}


class Known:
    """The mailboxes of each account that something is done in, asked for once."""

    def __init__(self, store: MailStore) -> None:
        self._store = store
        self._found: dict[int, Sequence[Mailbox]] = {}

    def beside(self, mailbox: str) -> Sequence[Mailbox]:
        """Those of the account of this mailbox."""
        account = account_of(mailbox)
        if account not in self._found:
            self._found[account] = standing(self._store, account).mailboxes(status=False)
        return self._found[account]

    def role_of(self, mailbox: str) -> str:
        return folders.role_of(self.beside(mailbox), mailbox)

    def place(self, role: str, mailbox: str) -> str:
        """The mailbox for a role in the account of this one."""
        if role == "inbox":
            return qualified(account_of(mailbox), "INBOX")
        return folders.ensure_role(standing(self._store, account_of(mailbox)), role, self.beside(mailbox))


def planned(store: MailStore, chosen: Sequence[Chosen], *, do: str, target: str = "", known: Known) -> list[Step]:
    """A step for each folder. ``do``: one of ``ALL``, or ``FOR_EVER``; "move" and "copy" to the folder ``target``,
    "label" with that keyword. Raises ``NoSuchMailbox`` before anything is touched."""
    targets = dict.fromkeys((some.mailbox for some in chosen), target)
    if do in TARGET_ROLES:
        targets = {mailbox: known.place(TARGET_ROLES[do], mailbox) for mailbox in targets}
    elif do in WITH_TARGET and not any(each.name == target and each.selectable for each in known.beside(target)):
        raise NoSuchMailbox(target)
    return [
        Step(do=do, mailbox=some.mailbox, uidvalidity=some.uidvalidity, uids=some.uids, target=targets[some.mailbox])
        for some in chosen
    ]


def planned_back(ways: Sequence[Step], known: Known) -> list[Step]:
    """Copies go to the trash, where there is one and they are not there already. Raises ``BadArgument`` for what leads
    nowhere."""
    if not ways or not all(
        way.do in WAYS_BACK and (way.target or way.do not in {*BACK, LABEL, UNLABEL, SNOOZE}) for way in ways
    ):
        raise BadArgument("not a way back")
    return [_to_trash(way, known) if way.do == UNCOPY else way for way in ways]


def _to_trash(way: Step, known: Known) -> Step:
    trash = folders.by_role(known.beside(way.mailbox), "trash")
    return replace(way, target=trash.name) if trash and way.mailbox != trash.name else way


def take(store: MailStore, step: Step) -> Taken:
    """Do it. Raises ``NoSuchMessage`` where there is none of them any more; again does no harm."""
    if step.do in MARKS:
        return _mark(store, step)
    if step.do in SNOOZES:
        return snoozing.take(store, step)
    if step.do == FOR_EVER or (step.do == UNCOPY and not step.target):
        count = store.expunge(step.mailbox, step.uids, uidvalidity=step.uidvalidity)
        return _taken(count)
    if step.do == "copy":
        return _taken_to(step, store.copy(step.mailbox, step.uids, step.target, uidvalidity=step.uidvalidity), UNCOPY)
    return _move(store, step)


def _taken(count: int, back: Step | None = None, nowhere: int = 0) -> Taken:
    if not count:
        raise NoSuchMessage
    return Taken(count=count, changed=count, ways=(back,) if back else (), nowhere=nowhere)


def _taken_to(step: Step, result: MoveResult, do: str, target: str = "") -> Taken:
    """Those whose place the server does not tell are left where they are: what looks the same may be another one."""
    uids = tuple(sorted(result.uids.values()))
    back = Step(do=do, mailbox=step.target, uidvalidity=result.uidvalidity, uids=uids, target=target) if uids else None
    return _taken(result.done, back, result.done - len(uids))


def _mark(store: MailStore, step: Step) -> Taken:
    """The way back is about those that were changed by it: a message that was flagged before stays so."""
    flag, on = MARKS[step.do]
    flag = flag or step.target
    changed = tuple(store.mark(step.mailbox, step.uids, flag, on=on, uidvalidity=step.uidvalidity))
    back = replace(step, do=_OPPOSITES[step.do], uids=changed) if changed else None
    return Taken(count=len(step.uids), changed=len(changed), ways=(back,) if back else ())


def _move(store: MailStore, step: Step) -> Taken:
    result = store.move(step.mailbox, step.uids, step.target, uidvalidity=step.uidvalidity)
    if result.uids and step.do in LESSONS:
        # Only now: where nothing was moved, nothing is learnt. Of what lies nobody knows where, nothing either.
        add, remove = LESSONS[step.do]
        with contextlib.suppress(MailError):  # a server without keywords has moved them all the same
            there = tuple(result.uids.values())
            store.set_flags(step.target, there, uidvalidity=result.uidvalidity, add=add, remove=remove)
    if step.target == step.mailbox:
        return Taken(count=result.done, changed=0)
    do = f"un{step.do}" if step.do in ("junk", "notjunk") else "back"
    return _taken_to(step, result, do, step.mailbox)
