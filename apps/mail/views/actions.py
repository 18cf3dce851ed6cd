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

from apps.mail.mailbox.errors import NoSuchMessage
from apps.mail.mailbox.store import Mailbox, MailStore
from apps.mail.services import actions, folders, listing, noted
from apps.mail.services.view import View
from apps.mail.views.common import column, uidvalidity_of, with_store
from apps.mail.views.list import list_context, load, uid_of
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
    from_message: bool = False  # sent from the open message, not from the list
    confirmed: bool = False
    all: str = ""  # of "all in this folder": what ``everything`` counted, as it travels in forms
    shown: int = 0  # the UID of the message that is open beside the list

    @classmethod
    def parse(cls, data: QueryDict, *, user_id: int) -> Order | None:
        """None for what is no order. Raises ``Forgotten`` where it is about all of a list of long ago."""
        do, uids, everything = data.get("do", ""), data.getlist("uid"), data.get("all", "")
        if one := data.get("one"):
            do, _colon, uid = one.partition(":")
            uids, everything = [uid], ""
        numbers, from_message = _uids(uids), data.get("from") == "message"
        if do not in actions.ALL or len(numbers) > MOST_UIDS:
            return None
        if everything:
            numbers = list(noted.uids_of(noted.lengthened(everything, user_id=user_id)))
        return cls(
            do=do,
            uids=tuple(sorted(numbers)),
            uidvalidity=uidvalidity_of(data),
            target=data.get("to", ""),
            view=View.parse(data),
            from_message=from_message,
            confirmed=data.get("confirmed") == "yes",
            all=everything,
            shown=uid_of(data.get("open", "")) or (numbers[0] if from_message and numbers else 0),
        )


def _uids(texts: Sequence[str]) -> list[int]:
    """In their order, each once; what can be no UID is left out."""
    numbers = (int(text) for text in texts if text.isascii() and text.isdigit() and len(text) < 11)
    return list(dict.fromkeys(number for number in numbers if 0 < number < 2**32))


@require_POST
@with_store
def act(request: PortalRequest, store: MailStore, mailbox: str) -> HttpResponse:
    order = Order.parse(request.POST, user_id=request.user.pk)
    if order is None:
        return HttpResponseBadRequest("unknown action")
    if not order.uids:
        return _answer(request, store, mailbox, order, actions.Done(text=actions.nothing_chosen()))
    if order.do in actions.MARKS:
        done = actions.mark(store, mailbox, order.uids, uidvalidity=order.uidvalidity, do=order.do)
        return _answer(request, store, mailbox, order, done)
    mailboxes = store.mailboxes(status=False)
    if order.do in actions.WITH_TARGET and not order.target:
        return _choose_folder(request, store, mailbox, order, mailboxes)
    if order.do == "delete" and folders.role_of(mailboxes, mailbox) == "trash" and not order.confirmed:
        return _confirm(request, store, mailbox, order)
    try:
        done = _relocate(store, mailbox, order, mailboxes)
    except NoSuchMessage:
        done = actions.Done(text=actions.gone(), failed=True)
    return _answer(request, store, mailbox, order, done, mailboxes=mailboxes)


def _relocate(store: MailStore, mailbox: str, order: Order, mailboxes: Sequence[Mailbox]) -> actions.Done:
    uids, uidvalidity = order.uids, order.uidvalidity
    if order.do in actions.WITH_TARGET:
        to_folder = actions.move if order.do == "move" else actions.copy
        return to_folder(store, mailbox, uids, uidvalidity=uidvalidity, target=order.target, mailboxes=mailboxes)
    if order.do == "delete" and folders.role_of(mailboxes, mailbox) == "trash":
        return actions.delete_for_ever(store, mailbox, uids, uidvalidity=uidvalidity)
    return actions.move_by_role(store, mailbox, uids, uidvalidity=uidvalidity, do=order.do, mailboxes=mailboxes)


@require_POST
@with_store
def undo(request: PortalRequest, store: MailStore) -> HttpResponse:
    """As it was before. The form comes from the toast and names everything itself."""
    data = request.POST
    way = actions.Undo(
        mailbox=data.get("mailbox", ""),
        uidvalidity=uidvalidity_of(data),
        uids=noted.uids_of(noted.lengthened(data.get("uids", ""), user_id=request.user.pk)),
        do=data.get("do", "move"),
        back_to=data.get("back_to", ""),
        lesson=data.get("lesson", ""),
    )
    if not way.is_whole:
        return HttpResponseBadRequest("nothing to undo")
    done = actions.undo(store, way)
    view = View.parse({**data.dict(), "v": data.get("view_v", "")})
    in_message = way.do in actions.MARKS and data.get("from") == "message"
    shown = uid_of(data.get("open", ""))
    order = Order(way.do, way.uids, way.uidvalidity, "", view, from_message=in_message, shown=shown)
    return _answer(request, store, data.get("here", "") or way.back_to or way.mailbox, order, done, anew=True)


def _answer(
    request: PortalRequest,
    store: MailStore,
    mailbox: str,
    order: Order,
    done: actions.Done,
    *,
    mailboxes: Sequence[Mailbox] = (),
    anew: bool = False,
) -> HttpResponse:
    """Without scripts back to the page, with a toast on it. To htmx: the rows that changed, or the list anew."""
    moved = order.do not in {*actions.MARKS, "copy", "uncopy"}
    stays = order.from_message and not moved and order.do != "unread" and len(order.uids) == 1
    here = reverse("mail:mailbox", args=(mailbox,)) + order.view.encoded()
    role = folders.known_role(request.POST.get("role"))
    fields = _undo_fields(done.undo, order, mailbox, role, request.user.pk) if done.undo else {}
    if fields and stays and order.do in actions.MARKS:
        fields["from"] = "message"
    if not is_fragment(request):
        toast = render_to_string("mail/_done.html", {"done": done, "undo_fields": fields}, request=request)
        messages.success(request, mark_safe(toast))  # noqa: S308 - our template, which escapes
        look = look_for(request, mailbox, role, order.view)
        return HttpResponseRedirect(look.url(order.uids[0], order.uidvalidity, order.view) if stays else here)
    closes = order.from_message and not stays
    anew = anew or moved or bool(order.all)
    context: dict[str, Any] = {"mailbox": mailbox, "role": role, "anew": anew, "close_message": closes}
    if anew:
        context["mailbox_label"] = folders.ROLE_LABELS.get(role) or folders.label_of(mailbox, mailboxes)
        context |= list_context(request, load(request, store, mailbox, order.view, role=role))
    elif order.uids and order.do in actions.MARKS:
        context |= _changed_rows(request, store, mailbox, order, role)
        if context["gone"] and not context["rows"]:
            done = actions.Done(text=actions.gone(), failed=True)
    if order.shown in order.uids and order.do in actions.MARKS and not closes:
        context |= _open_message(store, mailbox, order)
    response = render(request, "mail/_acted.html", context)
    response["HX-Trigger"] = _events(done, fields)
    if closes:
        response["HX-Push-Url"] = here
    return response


def _changed_rows(request: PortalRequest, store: MailStore, mailbox: str, order: Order, role: str) -> dict[str, Any]:
    found = store.summaries(mailbox, order.uids, uidvalidity=order.uidvalidity)
    look = look_for(request, mailbox, role, order.view)
    rows = listing.rows_of(found, uidvalidity=order.uidvalidity, view=order.view, look=look)
    gone = set(order.uids) - {summary.uid for summary in found}
    return {"rows": rows, "gone": sorted(gone), "uidvalidity": order.uidvalidity, "view": order.view}


def _open_message(store: MailStore, mailbox: str, order: Order) -> dict[str, Any]:
    """The flag beside the subject."""
    found = store.summaries(mailbox, [order.shown], uidvalidity=order.uidvalidity)
    if not found:
        return {}
    return {"flag_of": found[0], "uid": order.shown, "uidvalidity": order.uidvalidity, "view": order.view}


def _undo_fields(way: actions.Undo, order: Order, mailbox: str, role: str, user_id: int) -> dict[str, str]:
    return {
        **order.view.params(),
        "view_v": str(order.view.v),  # beside the UIDVALIDITY of where the messages are now
        "mailbox": way.mailbox,
        "v": str(way.uidvalidity),
        "uids": noted.shortened(noted.ranges(way.uids), user_id=user_id),
        "do": way.do,
        "back_to": way.back_to,
        "lesson": way.lesson,
        "here": mailbox,
        "role": role,
    }


def _events(done: actions.Done, undo_fields: dict[str, str]) -> str:
    """Events for the frame's script: the toast, and the folder column's counts. Each names its target, because the
    button that was used may be gone by then."""
    toast: dict[str, Any] = {"target": "#toasts", "text": done.text}
    if done.failed:
        toast["level"] = "error"
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
        "role": folders.known_role(request.POST.get("role")),
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
