"""Forms that do something to messages. POST only; the same again does no harm."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import HttpResponse, HttpResponseBadRequest, HttpResponseRedirect, QueryDict
from django.shortcuts import render
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.safestring import mark_safe
from django.utils.translation import gettext
from django.views.decorators.http import require_POST

from apps.mail.mailbox.store import Mailbox, MailStore
from apps.mail.services import actions, folders, listing
from apps.mail.services.view import View
from apps.mail.views.common import column, uidvalidity_of, with_store
from apps.mail.views.list import list_context, load
from apps.mail.views.rows import look_for
from portal.http import PortalRequest, is_fragment

MOST_UIDS = 1000  # more are not on a page


@dataclass(frozen=True, slots=True)
class Order:
    """What a form asks for. A row's own button says ``one=archive:12``; the bar's say ``do=archive`` and name UIDs."""

    do: str
    uids: tuple[int, ...]
    uidvalidity: int
    target: str  # of a move; "" when it is still to be chosen
    view: View
    from_message: bool  # sent from the open message, not from the list
    confirmed: bool

    @classmethod
    def parse(cls, data: QueryDict) -> Order | None:
        do, uids = data.get("do", ""), data.getlist("uid")
        if one := data.get("one"):
            do, _colon, uid = one.partition(":")
            uids = [uid]
        numbers = _uids(uids)
        if do not in {*actions.MARKS, *actions.TARGET_ROLES, "move"} or len(numbers) > MOST_UIDS:
            return None
        return cls(
            do=do,
            uids=tuple(sorted(numbers)),
            uidvalidity=uidvalidity_of(data),
            target=data.get("to", ""),
            view=View.parse(data),
            from_message=data.get("from") == "message",
            confirmed=data.get("confirmed") == "yes",
        )


def _uids(texts: Sequence[str]) -> list[int]:
    """In their order, each once; what can be no UID is left out."""
    numbers = (int(text) for text in texts if text.isascii() and text.isdigit() and len(text) < 11)
    return list(dict.fromkeys(number for number in numbers if 0 < number < 2**32))


@require_POST
@with_store
def act(request: PortalRequest, store: MailStore, mailbox: str) -> HttpResponse:
    order = Order.parse(request.POST)
    if order is None:
        return HttpResponseBadRequest("unknown action")
    if not order.uids:
        return _answer(request, store, mailbox, order, actions.Done(text=actions.nothing_chosen()), moved=False)
    if order.do in actions.MARKS:
        done = actions.mark(store, mailbox, order.uids, uidvalidity=order.uidvalidity, do=order.do)
        return _answer(request, store, mailbox, order, done, moved=False)
    mailboxes = store.mailboxes(status=False)
    if order.do == "move" and not order.target:
        return _choose_folder(request, store, mailbox, order, mailboxes)
    if order.do == "delete" and folders.role_of(mailboxes, mailbox) == "trash":
        if not order.confirmed:
            return _confirm(request, store, mailbox, order)
        done = actions.delete_for_ever(store, mailbox, order.uids, uidvalidity=order.uidvalidity)
    elif order.do == "move":
        done = actions.move(
            store, mailbox, order.uids, uidvalidity=order.uidvalidity, target=order.target, mailboxes=mailboxes
        )
    else:
        done = actions.move_by_role(
            store, mailbox, order.uids, uidvalidity=order.uidvalidity, do=order.do, mailboxes=mailboxes
        )
    return _answer(request, store, mailbox, order, done, moved=True, mailboxes=mailboxes)


@require_POST
@with_store
def undo(request: PortalRequest, store: MailStore) -> HttpResponse:
    """Back where it was. The form comes from the toast and names everything itself."""
    data = request.POST
    uids = tuple(_uids(data.get("uids", "").split(",")))[:MOST_UIDS]
    if not uids or not data.get("mailbox") or not data.get("back_to"):
        return HttpResponseBadRequest("nothing to undo")
    way = actions.Undo(
        mailbox=data.get("mailbox", ""),
        uidvalidity=uidvalidity_of(data),
        uids=uids,
        back_to=data.get("back_to", ""),
    )
    done = actions.undo(store, way)
    view = View.parse({**data.dict(), "v": data.get("view_v", "")})
    order = Order("move", way.uids, way.uidvalidity, "", view, False, False)
    return _answer(request, store, way.back_to, order, done, moved=True)


def _answer(
    request: PortalRequest,
    store: MailStore,
    mailbox: str,
    order: Order,
    done: actions.Done,
    *,
    moved: bool,
    mailboxes: Sequence[Mailbox] = (),
) -> HttpResponse:
    """Without scripts back to the page, with a toast on it. To htmx: the rows that changed, or the list anew."""
    stays = order.from_message and not moved and order.do != "unread" and len(order.uids) == 1
    here = reverse("mail:mailbox", args=(mailbox,)) + order.view.encoded()
    role = request.POST.get("role", "")
    undo_fields = _undo_fields(done.undo, order, role) if done.undo else {}
    if not is_fragment(request):
        toast = render_to_string("mail/_done.html", {"done": done, "undo_fields": undo_fields}, request=request)
        messages.success(request, mark_safe(toast))  # noqa: S308 - our template, which escapes
        look = look_for(request, mailbox, role, order.view)
        return HttpResponseRedirect(look.url(order.uids[0], order.uidvalidity, order.view) if stays else here)
    closes = order.from_message and not stays
    context: dict[str, Any] = {"mailbox": mailbox, "role": role, "moved": moved, "close_message": closes}
    if moved:
        context["mailbox_label"] = folders.ROLE_LABELS.get(role) or folders.label_of(mailbox, mailboxes)
        context |= list_context(request, load(request, store, mailbox, order.view, role=role))
    elif order.uids:
        context |= _changed_rows(request, store, mailbox, order, role, stays=stays)
    response = render(request, "mail/_acted.html", context)
    response["HX-Trigger"] = _events(done, undo_fields)
    if closes:
        response["HX-Push-Url"] = here
    return response


def _changed_rows(
    request: PortalRequest, store: MailStore, mailbox: str, order: Order, role: str, *, stays: bool
) -> dict[str, Any]:
    found = store.summaries(mailbox, order.uids, uidvalidity=order.uidvalidity)
    look = look_for(request, mailbox, role, order.view)
    rows = listing.rows_of(found, uidvalidity=order.uidvalidity, view=order.view, look=look)
    context = {"rows": rows, "uidvalidity": order.uidvalidity, "view": order.view}
    if stays and found:
        context |= {"flag_of": found[0], "uid": found[0].uid}
    return context


def _undo_fields(way: actions.Undo, order: Order, role: str) -> dict[str, str]:
    return {
        **order.view.params(),
        "view_v": str(order.view.v),  # beside the UIDVALIDITY of where the messages are now
        "mailbox": way.mailbox,
        "v": str(way.uidvalidity),
        "uids": ",".join(str(uid) for uid in way.uids),
        "back_to": way.back_to,
        "role": role,
    }


def _events(done: actions.Done, undo_fields: dict[str, str]) -> str:
    """Events for the frame's script: the toast, and the folder column's counts. Each names its target, because the
    button that was used may be gone by then."""
    toast: dict[str, Any] = {"target": "#toasts", "text": done.text}
    if undo_fields:
        toast["undo"] = {"label": gettext("Undo"), "url": reverse("mail:undo"), "values": undo_fields}
    return json.dumps({"toast": toast, "mail-changed": {"target": "#folders"}})


def _choose_folder(
    request: PortalRequest, store: MailStore, mailbox: str, order: Order, mailboxes: Sequence[Mailbox]
) -> HttpResponse:
    choices = folders.targets(mailboxes, source=mailbox)
    first = next((node for node in choices if node.selectable), None)
    context = {
        "order": order,
        "choices": choices,
        "first": first,
        "mailbox": mailbox,
        "role": request.POST.get("role", ""),
    }
    if is_fragment(request):
        response = render(request, "mail/_choose_folder.html", context)
        response["HX-Retarget"], response["HX-Reswap"] = "#mail-dialog", "innerHTML"
        return response
    return render(request, "mail/choose_folder.html", context | column(request, store, mailbox))


def _confirm(request: PortalRequest, store: MailStore, mailbox: str, order: Order) -> HttpResponse:
    context = {"order": order, "mailbox": mailbox, "role": "trash"}
    if is_fragment(request):
        response = render(request, "mail/_confirm_delete.html", context)
        response["HX-Retarget"], response["HX-Reswap"] = "#mail-dialog", "innerHTML"
        return response
    return render(request, "mail/confirm_delete.html", context | column(request, store, mailbox))
