"""The Outbox as people see it: its page, each message with what can be done about it, and the folder column."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from apps.mail.models import OutboxMessage
from apps.mail.services import later, sending
from apps.mail.services.letters import Letter
from portal import delegations
from portal.contracts import Text
from portal.delegations import Over
from portal.prepared import Prepared

State = OutboxMessage.State
SOON, LATER = timedelta(seconds=4), timedelta(seconds=29)  # after which a page asks about what waits for a server
#: Why a message waits or failed, by ``Letter.trouble``.
TROUBLE: dict[str, Text] = {
    "away": _("The server for sending does not answer. The message goes out as soon as it does."),
    "busy": _("The server for sending is busy."),
    "later": _("The server accepts no mail just now."),
    "delayed": _("The server does not accept some addresses just now."),
    "size": _("The message is larger than the server for sending accepts."),
    "password": _("The server for sending does not accept your name and password."),
    "tokens": _("Your sign-in was over before it could be sent. Sign in again, and try again if it still waits."),
    "provider": _("The provider with which you sign in does not answer, so the message waits."),
    "sender": _("The server does not let you write from this address."),
    "tls": _("The server for sending could not prove who it is, so it was not trusted."),
    "message": _("The server refused the message."),
    "refused": _("The server refused an address."),
    "account": _("Your account here was closed."),
    "stopped": _("You stopped it, and it could not be put back into Drafts yet."),
}
LABELS: dict[str, Text] = {
    State.WAITING: _("Waiting"),
    State.SENDING: _("Being sent"),
    State.HANDING: _("Being sent"),
    State.COPYING: _("Being sent"),
    State.UNKNOWN: _("Perhaps sent"),
    State.SENT: _("Sent, without a copy"),
    State.FAILED: pgettext_lazy("message", "Not sent"),
}
PLANNED: Text = _("To be sent later")
ICONS = {
    State.WAITING: "clock",
    State.UNKNOWN: "triangle-alert",
    State.SENT: "circle-check",
    State.FAILED: "circle-alert",
}
TEXTS: dict[str, Text] = {
    State.UNKNOWN: _(
        "The connection ended before the server had answered. It may have arrived: look in Sent, or ask. "
        "It is not sent again unless you say so."
    ),
    State.SENT: _("It is on its way. Only the copy for Sent could not be stored yet; that is tried again."),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    pk: int
    state: str
    label: Text
    icon: str
    text: Text = ""
    server_text: str = ""
    subject: str = ""
    to: tuple[str, ...] = ()
    due: datetime | None = None  # of the next try
    planned_text: str = ""  # the time that its writer has chosen, while it waits for that
    planned_typed: str = ""  # and for a field
    can: frozenset[str] = frozenset()  # edit, again, arrived, discard, later
    refused: tuple[tuple[str, str], ...] = ()  # (address, why)
    accepted: tuple[str, ...] = ()  # who has got it, where not everybody has
    people: tuple[str, ...] = field(default=())


def entries(user_id: int) -> Iterator[Entry]:
    rows = OutboxMessage.objects.kept().filter(user=user_id).select_related("delegation")
    for row in rows.order_by("-created", "-pk"):
        try:
            letter = Letter.opened(delegations.unseal(row.delegation), row.sealed, row.writing_id)
        except Over:
            text = _("It can no longer be opened: its time was over, or it was revoked.")
            yield Entry(
                pk=row.pk,
                state=row.state,
                label=LABELS[State.FAILED],
                icon="circle-alert",
                text=text,
                can=frozenset({"discard"}),
            )
            continue
        yield _entry(row, letter)


def _entry(row: OutboxMessage, letter: Letter) -> Entry:
    away = row.state == State.WAITING and row.server_away
    return Entry(
        pk=row.pk,
        state=row.state,
        label=PLANNED if row.keeps_its_time else LABELS[row.state],
        icon=ICONS.get(State(row.state), "send"),
        text=TEXTS.get(row.state) or TROUBLE.get("away" if away else letter.trouble, ""),
        server_text=letter.server_text,
        subject=letter.subject,
        to=tuple(name or email for name, email in letter.people),
        due=row.due if row.state == State.WAITING and not away else None,
        planned_text=later.said(row.due) if row.keeps_its_time else "",
        planned_typed=later.typed(row.due) if row.keeps_its_time else "",
        can=_can(row, letter),
        refused=tuple((who, sending.why_of(why)) for who, why in letter.refused.items()),
        accepted=tuple(letter.accepted) if letter.recipients and row.state != State.UNKNOWN else (),
    )


def _can(row: OutboxMessage, letter: Letter) -> frozenset[str]:
    if row.keeps_its_time:
        return frozenset({"again", "discard", "edit", "later"})
    if row.state in (State.WAITING, State.FAILED):
        return frozenset(
            {"again", "discard"} | ({"edit"} if letter.can_be_written_on and not letter.accepted else set())
        )
    if row.state == State.UNKNOWN:
        return frozenset({"again", "arrived", "discard"})
    return frozenset({"again", "discard"}) if row.state == State.SENT else frozenset()


# --- in the folder column ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Standing:
    """The Outbox in a folder column."""

    count: int = 0
    seconds: int | None = None  # until it is worth asking again; None when nothing happens by itself


_STANDING = Prepared(
    lambda user: (
        OutboxMessage.objects.filter(user=user)
        .exclude(state=State.DONE, told=True)
        .values_list("state", "due", "told", "server_away", "created")
    )
)


def standing(user_id: int, *, now: datetime | None = None) -> Standing:
    now = now or timezone.now()
    rows = _STANDING.rows(user_id)
    minute = timedelta(minutes=1)
    waits = [
        now + (SOON if now - created < minute else LATER) if away else due
        for state, due, _told, away, created in rows
        if state not in OutboxMessage.ENDS
    ]
    news = any(state in OutboxMessage.ENDS and not told for state, _due, told, *_rest in rows)
    latest = now + minute
    seconds = [0] * news + [int((min(due, latest) - now).total_seconds()) + 1 for due in waits]
    count = sum(state != State.DONE for state, *_rest in rows)
    return Standing(count, max(2, min(seconds)) if seconds else None)


def news(user_id: int) -> list[str]:
    """How messages ended of which their writer was not told yet; now they are. Of what went well long ago, nothing."""
    ended = OutboxMessage.objects.filter(user=user_id, told=False, state__in=OutboxMessage.ENDS)
    rows = list(ended.values_list("pk", "state", "finished"))
    OutboxMessage.objects.filter(pk__in=[pk for pk, _state, _finished in rows]).update(told=True)
    recent = timezone.now() - timedelta(minutes=2)
    return [state for _pk, state, finished in rows if finished is None or finished > recent]
