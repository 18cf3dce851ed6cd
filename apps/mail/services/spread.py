"""Actions on messages of several folders at once: each in its own folder, under its own UIDVALIDITY."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from django.utils.translation import ngettext

from apps.mail.mailbox.errors import BadArgument, NoSuchMailbox, NoSuchMessage, ServerRefused, UidValidityChanged
from apps.mail.mailbox.store import Mailbox, MailStore
from apps.mail.services import actions, folders, noted
from apps.mail.services.actions import Undo
from apps.mail.services.refs import MessageRef


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """What was done. A folder that was rebuilt or has gone is left untouched, the others are not held up by it."""

    text: str
    ways: tuple[Undo, ...] = ()
    touched: tuple[MessageRef, ...] = ()  # the messages it was done to
    failed: bool = False


def act(store: MailStore, refs: Sequence[MessageRef], *, do: str, target: str = "") -> Spread:
    """``do``: one of ``actions.ALL``; "move" and "copy" to the folder ``target``.

    Deleting moves to the trash; what lies there already stays. Raises ``NoSuchMailbox`` for the target before anything
    is touched.
    """
    mailboxes = store.mailboxes(status=False)
    goal = next((known for known in mailboxes if known.name == target and known.selectable), None)
    if do in actions.WITH_TARGET and goal is None:
        raise NoSuchMailbox(target)
    ways: list[Undo] = []
    touched: list[MessageRef] = []
    left: list[MessageRef] = []
    refused: ServerRefused | None = None
    for (mailbox, uidvalidity), uids in _grouped(refs).items():
        here = [MessageRef(mailbox, uidvalidity, uid) for uid in uids]
        if do == "delete" and folders.role_of(mailboxes, mailbox) == "trash":
            left += here
            continue
        try:
            done = _in_one(store, mailbox, uids, uidvalidity, do, target, mailboxes)
        except (UidValidityChanged, NoSuchMailbox, NoSuchMessage, ServerRefused) as error:
            left += here
            refused = refused or (error if isinstance(error, ServerRefused) else None)
            continue
        touched += here
        ways += [done.undo] if done.undo else []
    if refused and not touched:
        raise refused  # its words say more than ours
    count = len(touched)
    if goal and do in actions.WITH_TARGET:
        said = actions.said_of_move if do == "move" else actions.said_of_copy
        text = said(folders.label(goal), count)
        if touched and not ways and do == "copy":
            text = f"{text} {actions.no_way_back()}"
    else:
        text = actions.said(do, count)
    return Spread(
        text=" ".join([*([text] if touched else []), *([_left_alone(len(left))] if left else [])]),
        ways=tuple(ways),
        touched=tuple(touched),
        failed=bool(left),
    )


def _in_one(
    store: MailStore,
    mailbox: str,
    uids: Sequence[int],
    uidvalidity: int,
    do: str,
    target: str,
    mailboxes: Sequence[Mailbox],
) -> actions.Done:
    if do in actions.MARKS:
        return actions.mark(store, mailbox, uids, uidvalidity=uidvalidity, do=do)
    if do in actions.WITH_TARGET:
        to_folder = actions.move if do == "move" else actions.copy
        return to_folder(store, mailbox, uids, uidvalidity=uidvalidity, target=target, mailboxes=mailboxes)
    return actions.move_by_role(store, mailbox, uids, uidvalidity=uidvalidity, do=do, mailboxes=mailboxes)


def _grouped(refs: Sequence[MessageRef]) -> dict[tuple[str, int], list[int]]:
    groups: dict[tuple[str, int], list[int]] = {}
    for ref in refs:
        groups.setdefault((ref.mailbox, ref.uidvalidity), []).append(ref.uid)
    return groups


def _left_alone(count: int) -> str:
    return ngettext(
        "%(count)d message was left alone: it is in the trash already, its folder has changed, or the server refused.",
        "%(count)d messages were left alone: "
        "they are in the trash already, their folders have changed, or the server refused.",
        count,
    ) % {"count": count}


def dump(ways: Sequence[Undo]) -> str:
    """For the undo button of a toast."""
    return json.dumps([asdict(way) | {"uids": noted.ranges(way.uids)} for way in ways])


def load(text: str) -> tuple[Undo, ...]:
    """The reading of ``dump``; raises ``BadArgument``."""
    ways: list[Undo] = []
    room = noted.MOST
    try:
        for item in json.loads(text):
            uids = noted.uids_of(item["uids"], most=room)
            room -= len(uids)
            way = Undo(
                mailbox=str(item["mailbox"]),
                uidvalidity=_number(item["uidvalidity"]),
                uids=uids,
                do=str(item["do"]),
                back_to=str(item["back_to"]),
                lesson=str(item["lesson"]),
            )
            ways.append(way)
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise BadArgument("not a way back") from error
    if not ways or not all(way.is_whole for way in ways):
        raise BadArgument("not a way back")
    return tuple(ways)


def _number(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value < 2**32:
        raise ValueError
    return value
