"""Answers to actions. Without scripts back to the page, with a toast on it. To htmx: what has changed."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

import structlog
from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse

from apps.mail.mailbox.errors import MailError
from apps.mail.mailbox.store import CONVERSATIONS, THREADS, Mailbox, MailStore
from apps.mail.services import actions, folders, listing, said
from apps.mail.services.work import Work
from apps.mail.views import works
from apps.mail.views.answers import COUNTS, LIST_CHANGED, say, toast, with_events
from apps.mail.views.list import as_chosen, label_for, list_context, load, mode_of
from apps.mail.views.orders import Order
from apps.mail.views.rows import look_for
from portal.http import PortalRequest, is_fragment

log = structlog.get_logger(__name__)


def answer(
    request: PortalRequest,
    store: MailStore,
    order: Order,
    work: Work | None = None,
    *,
    mailboxes: Sequence[Mailbox] = (),
    anew: bool = False,
) -> HttpResponse:
    """``work``: what has become of the order; None where no message was chosen. ``anew``: in any case with the list."""
    works.remember(request, work)
    going_on = work is not None and bool(work.steps)
    if not is_fragment(request):
        if not going_on:
            _say(request, order, work)
        return HttpResponseRedirect(_here(request, order))
    if work and going_on:
        context = {"mailbox": order.mailbox, "role": order.role, "view": order.view, "work": work}
        stop = {"work": work.name, "stop": "yes", **_place(order)}  # what `z` means from now on
        return with_events(render(request, "mail/_work_begun.html", context), toast("", undo="mail:go_on", fields=stop))
    if not order.several:
        order = replace(
            order, view=(view := as_chosen(request, order.mailbox, order.view)), mode=mode_of(view, order.role)
        )
    redrawn = order.mode == THREADS or (order.mode == CONVERSATIONS and not order.view.order.is_usual)
    anew = anew or _reorders(order) or bool(order.all) or redrawn or (order.apart and not _is_alone(store, order))
    return _fragment(request, store, order, work, mailboxes, anew=anew)


def _is_alone(store: MailStore, order: Order) -> bool:
    """Whether the message it was about has a row of its own in a list of conversations."""
    if order.only is None or order.conversation:
        return False
    mailbox, uidvalidity, (uid,) = order.only
    try:
        return len(store.thread(mailbox, uid, uidvalidity=uidvalidity)) == 1
    except MailError:
        return False


def _moves(order: Order) -> bool:
    return order.do not in {*actions.IN_PLACE, actions.UNCOPY}


def _reorders(order: Order) -> bool:
    return _moves(order) or order.do in {"pin", "unpin", actions.UNSNOOZE}


def _stays(order: Order) -> bool:
    """Whether the message, or conversation, from which it was sent is still what one reads."""
    if order.conversation:
        if order.undone:
            return True
        left = order.conversation not in (uid for some in order.chosen for uid in some.uids)
        return (left or not _moves(order)) if order.within else not _moves(order) and order.do != "unread"
    return order.from_message and not _moves(order) and order.do != "unread" and order.only is not None


def _here(request: PortalRequest, order: Order) -> str:
    if _stays(order) and order.conversation:
        here = look_for(request, order.mailbox, order.role, order.view)
        url = here.url(order.conversation, order.validity, order.view, together=True)
        closed = set(order.rows) if order.do == "unread" or _moves(order) else set()
        kept = [name for name in order.opened if name not in closed]
        return f"{url}&{urlencode([('open', name) for name in kept or ['']])}"
    if _stays(order) and order.only:
        _mailbox, uidvalidity, (uid,) = order.only
        return look_for(request, order.mailbox, order.role, order.view).url(uid, uidvalidity, order.view)
    return reverse("mail:mailbox", args=(order.mailbox,)) + order.view.encoded()


def _say(request: PortalRequest, order: Order, work: Work | None) -> None:
    if work is None:
        say(request, said.nothing_chosen(), level=messages.WARNING)
    else:
        works.tell(request, work, _undo_fields(request, order, work))


def _fragment(
    request: PortalRequest,
    store: MailStore,
    order: Order,
    work: Work | None,
    mailboxes: Sequence[Mailbox],
    *,
    anew: bool,
) -> HttpResponse:
    text, failed = (work.text, work.failed) if work else (said.nothing_chosen(), True)
    closes = order.from_message and not _stays(order)
    context: dict[str, Any] = {"mailbox": order.mailbox, "role": order.role, "view": order.view}
    context |= {"close_message": closes}
    events = [COUNTS]
    if anew:
        try:
            context |= _whole_list(request, store, order, mailboxes)
        except MailError as error:  # what was done is done, and its undo must not be lost with the list
            log.warning("list_after_action", error=error.__class__.__name__)
            events.append(LIST_CHANGED)
    elif work and order.do in actions.MARKS:
        context |= _changed_rows(request, store, order, mailboxes)
        if context["gone"] and not context["rows"]:
            text, failed, work = said.gone(), True, None
    if order.conversation and not closes:
        events.append({"conversation-changed": {"target": "#reading"}})
    elif order.do in {*actions.MARKS, actions.UNSNOOZE} and not closes:
        context |= _open_message(store, order)
    response = render(request, "mail/_acted.html", context)
    if closes:
        response["HX-Push-Url"] = _here(request, order)
    fields = _undo_fields(request, order, work)
    told = toast(text, level="error" if failed else "ok", undo="mail:undo", fields=fields)
    return with_events(response, told, *events)


def ended(request: PortalRequest, order: Order, work: Work) -> HttpResponse:
    """``answer`` to the end of what went on, without the server: the list asks for itself."""
    works.remember(request, work)
    if not is_fragment(request):
        _say(request, order, work)
        return HttpResponseRedirect(_here(request, order))
    fields = _undo_fields(request, order, work)
    told = toast(work.text, level="error" if work.failed else "ok", undo="mail:undo", fields=fields)
    return with_events(render(request, "mail/_work_goes_on.html"), told, LIST_CHANGED, COUNTS)


def _undo_fields(request: PortalRequest, order: Order, work: Work | None) -> dict[str, str]:
    if work is None or not work.ways:
        return {}
    fields = {**works.way_back(request, work), **_place(order)}
    if order.conversation and _stays(order):
        names = " ".join(order.opened)
        return fields | {"conversation": str(order.conversation), "cv": str(order.validity), "opened": names}
    return fields | ({"from": "message"} if _stays(order) and order.do in actions.MARKS else {})


def _place(order: Order) -> dict[str, str]:
    """The list, as forms name it that leave a toast."""
    return {"mailbox": order.mailbox, "role": order.role, **order.view.params()}


def _whole_list(request: PortalRequest, store: MailStore, order: Order, mailboxes: Sequence[Mailbox]) -> dict[str, Any]:
    shown = load(request, store, order.mailbox, order.view, role=order.role)
    label = label_for(order.view, order.role, order.mailbox)
    return {"anew": True, "mailbox_label": label, **list_context(request, shown, order.role)}


def _changed_rows(
    request: PortalRequest, store: MailStore, order: Order, mailboxes: Sequence[Mailbox]
) -> dict[str, Any]:
    if order.mode == CONVERSATIONS:
        return _changed_conversations(request, store, order)
    rows: list[listing.Row] = []
    gone: list[str] = []
    for mailbox, uidvalidity, uids in order.chosen:
        try:
            found = store.summaries(mailbox, uids, uidvalidity=uidvalidity)
        except MailError:
            continue  # what was done is done; the next look at the list shows how it is
        look = look_for(request, mailbox, order.role or folders.role_of(mailboxes, mailbox), order.view)
        rows += listing.rows_of(found, uidvalidity=uidvalidity, view=order.view, look=look)
        there = {summary.uid for summary in found}
        gone += [listing.key_of(uid, look.ref(uid, uidvalidity)) for uid in uids if uid not in there]
    return {"rows": rows, "gone": gone}


def _changed_conversations(request: PortalRequest, store: MailStore, order: Order) -> dict[str, Any]:
    """Each row with the messages that were counted in it; what has come since comes with the next look at the list."""
    (mailbox, uidvalidity, _uids) = order.chosen[0]
    try:
        found = store.together(mailbox, order.groups, uidvalidity=uidvalidity)
    except MailError:
        return {"rows": [], "gone": []}
    look = look_for(request, mailbox, order.role, order.view)
    leads = [conversation.looked[-1] for conversation in found]
    rows = listing.rows_of(leads, uidvalidity=uidvalidity, view=order.view, look=look, conversations=found)
    there = {uid for conversation in found for uid in conversation.uids}
    gone = [str(group[-1]) for group in order.groups if not there & set(group)]
    return {"rows": rows, "gone": gone}


def _open_message(store: MailStore, order: Order) -> dict[str, Any]:
    """The flag beside the subject, where the open message is one of them."""
    for mailbox, uidvalidity, uids in order.chosen:
        if mailbox == order.mailbox and order.shown in uids:
            with contextlib.suppress(MailError):  # what was done is done, and its undo must not be lost with the flag
                for found in store.summaries(mailbox, [order.shown], uidvalidity=uidvalidity):
                    return {"flag_of": found, "uid": order.shown, "uidvalidity": uidvalidity}
    return {}
