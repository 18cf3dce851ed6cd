"""Reports about what was sent, in plain words: delivery (RFC 3464) and reading (RFC 8098)."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlencode

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.mail.mime.reports import Reading, Recipient
from apps.mail.services.reading import Opened
from apps.mail.services.status_words import words
from apps.mail.services.times import full_time
from portal.contracts import Text

_ACTIONS: dict[str, Text] = {
    "failed": gettext_lazy("The message could not be delivered to %(who)s."),
    "delayed": gettext_lazy("The message has not been delivered to %(who)s yet. The server goes on trying."),
    "delivered": gettext_lazy("The message was delivered to %(who)s."),
    "relayed": gettext_lazy("The message was passed on for %(who)s to a server that sends no further reports."),
    "expanded": gettext_lazy("The message was delivered to %(who)s and passed on from there to several addresses."),
}
_BY_CLASS = {"2": "delivered", "4": "delayed", "5": "failed"}
_READ: dict[str, Text] = {
    "displayed": gettext_lazy("%(who)s has opened your message."),
    "deleted": gettext_lazy("%(who)s has deleted your message, perhaps without reading it."),
    "dispatched": gettext_lazy("The message to %(who)s was passed on; nobody need have seen it."),
    "processed": gettext_lazy("The message to %(who)s was handled by a program; nobody need have seen it."),
    "denied": gettext_lazy("%(who)s does not want to say what became of your message."),
    "failed": gettext_lazy("The program of %(who)s could not tell what became of your message."),
}


@dataclass(frozen=True, slots=True)
class Told:
    """One sentence. ``grade``: a class of notes, "bad", "warn" or ""; ``said``: a server's own words."""

    text: str
    why: Text = ""
    grade: str = ""
    icon: str = "circle-check"
    said: str = ""
    by: str = ""
    status: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    told: tuple[Told, ...]
    url: str  # leads to the message that it is about


def of(opened: Opened) -> Report | None:
    told: tuple[Told, ...] = ()
    if opened.delivery is not None:
        told = tuple(_delivered(each) for each in opened.delivery.recipients)
    elif opened.receipt is not None:
        told = (_read(opened.receipt),)
    if not told:
        return None
    return Report(told, f"{reverse('mail:reported')}?{urlencode({'id': opened.about})}" if opened.about else "")


def _delivered(recipient: Recipient) -> Told:
    action = recipient.action if recipient.action in _ACTIONS else _BY_CLASS.get(recipient.status[:1], "")
    text = str(_ACTIONS.get(action, gettext_lazy("The server reports about %(who)s."))) % {"who": recipient.email}
    if action == "delayed" and recipient.until is not None:
        text += " " + _("It gives up on %(date)s.") % {"date": full_time(recipient.until)}
    grade, icon = {"failed": ("bad", "circle-x"), "delayed": ("warn", "clock")}.get(action, ("", "circle-check"))
    why = words(recipient.status) if action not in ("delivered", "relayed", "expanded") else ""
    return Told(text, why, grade, icon, said=recipient.said, by=recipient.by, status=recipient.status)


def _read(reading: Reading) -> Told:
    who = reading.email or _("somebody")
    known = _READ.get(reading.disposition, gettext_lazy("The program of %(who)s reports about your message."))
    why = ""
    if reading.disposition == "displayed":
        why = (
            _("They have agreed to tell you. It does not say that it was read to the end.")
            if reading.by_hand
            else _("Their program has said so by itself.")
        )
    return Told(str(known) % {"who": who}, why, icon="mail-open", said=reading.error)
