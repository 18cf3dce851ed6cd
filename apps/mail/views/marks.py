"""Orders that ask something back first: which label, and until when; and mute, which means a conversation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _

from apps.mail.mailbox.store import MailStore
from apps.mail.services import actions, folders, labels, muting, snoozing, times
from apps.mail.services.labels import Label, NotChanged
from apps.mail.services.snoozing import Preset, Snooze
from apps.mail.views.answers import in_dialog
from apps.mail.views.common import column
from apps.mail.views.orders import Order
from portal.http import PortalRequest, is_fragment

MOST_LOOKED_AT = 200  # messages of which the chooser tells what they have already
OTHER = "-"  # before the keyword: it is taken off
MOST_TARGET = 120


@dataclass(frozen=True, slots=True)
class Choice:
    label: Label
    on: bool  # all of the messages have it
    some: bool

    @property
    def value(self) -> str:
        return f"{OTHER if self.on else ''}{self.label.keyword}"


def asked(request: PortalRequest, store: MailStore, order: Order) -> HttpResponse | Order:
    """The order as it is to be done, or the question to whoever has given it."""
    if order.do == actions.LABEL:
        return _label(request, store, order)
    if order.do == actions.SNOOZE:
        return _snooze(request, store, order)
    if order.do == "mute":
        return replace(order, chosen=tuple(muting.conversation(store, some) for some in order.chosen), all="")
    return order


def words_of(do: str, target: str, user_id: int) -> str:
    """The label, or the moment, that a step is about; "" where it is about none."""
    if do in (actions.LABEL, actions.UNLABEL):
        return labels.name_of(target, user_id)
    return times.full_time(Snooze.parse(target).moment) if do == actions.SNOOZE else ""


# labels


def _label(request: PortalRequest, store: MailStore, order: Order) -> HttpResponse | Order:
    target, problem = order.target[:MOST_TARGET].lower(), ""
    if name := request.POST.get("new", "").strip():
        try:
            target = _made(request, store, order, name)
        except NotChanged as error:
            target, problem = "", str(error)
    if not target:
        return _choose_label(request, store, order, name=name, problem=problem)
    do = actions.UNLABEL if target.startswith(OTHER) else actions.LABEL
    return replace(order, do=do, target=target.removeprefix(OTHER))


def _made(request: PortalRequest, store: MailStore, order: Order, name: str) -> str:
    known = next((each for each in labels.all_of(request.user.pk) if each.name.casefold() == name.casefold()), None)
    if known is not None:
        return known.keyword
    if not store.opened(order.chosen[0].mailbox).takes(labels.new_keyword(name, ())):
        raise NotChanged(_("Your mail server takes no new labels in this folder."))
    colour = labels.next_colour(request.user.pk)
    return labels.make(user_id=request.user.pk, name=name, colour=colour).keyword


def _choose_label(request: PortalRequest, store: MailStore, order: Order, *, name: str, problem: str) -> HttpResponse:
    first = order.chosen[0]
    status = store.opened(first.mailbox, uidvalidity=first.uidvalidity)
    has = _keywords(store, order)
    offered = [label for label in labels.of(request.user.pk) if status.takes(label.keyword)]
    choices = [
        Choice(
            label, bool(has) and all(label.keyword in each for each in has), any(label.keyword in each for each in has)
        )
        for label in offered
    ]
    context = {
        "order": order,
        "choices": choices,
        "takes_new": status.takes("\\*"),
        "name": name,
        "problem": problem,
        "unknown": not has,
    }
    return ask(request, store, order, "choose_label", context)


def _keywords(store: MailStore, order: Order) -> Sequence[frozenset[str]]:
    """Of each message; none where they are too many to be looked at."""
    if order.count > MOST_LOOKED_AT:
        return ()
    return [
        row.keywords
        for some in order.chosen
        for row in store.summaries(some.mailbox, some.uids, uidvalidity=some.uidvalidity)
    ]


# snooze


def _snooze(request: PortalRequest, store: MailStore, order: Order) -> HttpResponse | Order:
    data, target, problem = request.POST, order.target, ""
    if not target and data.get("own"):
        found = snoozing.typed(data["own"][:40])
        target = str(found) if found else ""
        problem = "" if found else _("Write a day and time to come, at most two years away.")
    if not target:
        return _choose_time(request, store, order, problem=problem)
    snooze = Snooze.parse(target)
    return replace(order, target=str(replace(snooze, unread=snooze.unread or data.get("unread") == "yes")))


def _choose_time(request: PortalRequest, store: MailStore, order: Order, *, problem: str) -> HttpResponse:
    now = timezone.localtime()
    offered: list[Preset] = snoozing.presets()
    context: dict[str, Any] = {
        "order": order,
        "presets": offered,
        "problem": problem,
        "own": request.POST.get("own", "")[:40],
        "earliest": now.strftime("%Y-%m-%dT%H:%M"),
        "takes": store.opened(order.chosen[0].mailbox).takes(snoozing.SNOOZED),
    }
    return ask(request, store, order, "choose_time", context)


def ask(request: PortalRequest, store: MailStore, order: Order, template: str, context: dict[str, Any]) -> HttpResponse:
    """In the dialog, or on a page of its own."""
    context = {
        "mailbox": order.mailbox,
        "role": order.role,
        "mailbox_label": folders.label_of(order.mailbox),
        **context,
    }
    if is_fragment(request):
        return in_dialog(render(request, f"mail/_{template}.html", context))
    return render(request, f"mail/{template}.html", column(request, store, order.mailbox) | context)
