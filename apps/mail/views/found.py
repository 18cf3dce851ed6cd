"""Forms that do something to messages found in several folders. Each message names its folder and UIDVALIDITY."""

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

from apps.mail.mailbox.errors import MailError
from apps.mail.mailbox.store import MailStore
from apps.mail.services import actions, folders, listing, noted, spread
from apps.mail.services import everything as all_in_folders
from apps.mail.services.listing import Row
from apps.mail.services.refs import MessageRef
from apps.mail.services.spread import Spread
from apps.mail.services.view import View
from apps.mail.views.actions import MOST_UIDS
from apps.mail.views.common import column, with_store
from apps.mail.views.list import list_context, load
from apps.mail.views.rows import look_for
from portal.http import PortalRequest, is_fragment


@dataclass(frozen=True, slots=True)
class Order:
    """A row's own button says ``one=archive:<ref>``; the bar's say ``do=archive`` and name refs."""

    do: str
    refs: tuple[MessageRef, ...]
    target: str
    view: View
    mailbox: str  # where the search was begun
    all: str = ""  # of all that was found: what ``everything`` counted, as it travels in forms

    @property
    def uids(self) -> tuple[int, ...]:
        return tuple(ref.uid for ref in self.refs)

    @classmethod
    def parse(cls, data: QueryDict, *, user_id: int) -> Order | None:
        do, texts, everything = data.get("do", ""), data.getlist("ref"), data.get("all", "")
        if one := data.get("one"):
            do, _colon, ref = one.partition(":")
            texts, everything = [ref], ""
        refs = [MessageRef.parse(text) for text in texts]
        chosen = tuple(dict.fromkeys(ref for ref in refs if ref is not None and 0 < ref.uid < 2**32))
        if do not in actions.ALL or len(chosen) != len(set(texts)) or len(chosen) > MOST_UIDS:
            return None
        if everything:
            chosen = all_in_folders.refs_of(everything, user_id=user_id)
        mailbox = data.get("mailbox", "") or "INBOX"
        return cls(do, chosen, data.get("to", ""), View.parse(data), mailbox, everything)


@require_POST
@with_store
def act(request: PortalRequest, store: MailStore) -> HttpResponse:
    order = Order.parse(request.POST, user_id=request.user.pk)
    if order is None:
        return HttpResponseBadRequest("unknown action")
    if not order.refs:
        return _answer(request, store, order, Spread(text=actions.nothing_chosen(), failed=True))
    if order.do in actions.WITH_TARGET and not order.target:
        return _choose_folder(request, store, order)
    return _answer(request, store, order, spread.act(store, order.refs, do=order.do, target=order.target))


@require_POST
@with_store
def undo(request: PortalRequest, store: MailStore) -> HttpResponse:
    ways = spread.load(noted.lengthened(request.POST.get("ways", ""), user_id=request.user.pk))
    done = actions.undo(store, *ways)
    order = Order(ways[0].do, (), "", View.parse(request.POST), request.POST.get("mailbox", "") or "INBOX")
    return _answer(request, store, order, Spread(text=done.text), anew=True)


def _answer(
    request: PortalRequest, store: MailStore, order: Order, done: Spread, *, anew: bool = False
) -> HttpResponse:
    """Without scripts back to the search, with a toast on it. To htmx: the rows that changed, or the list anew."""
    fields: dict[str, str] = {}
    if done.ways:
        ways = noted.shortened(spread.dump(done.ways), user_id=request.user.pk)
        fields = {"ways": ways, "mailbox": order.mailbox, **order.view.params()}
    undo_url = reverse("mail:undo_found")
    if not is_fragment(request):
        context: dict[str, Any] = {
            "done": {"text": done.text, "undo": bool(fields)},
            "undo_fields": fields,
            "undo_url": undo_url,
        }
        words = render_to_string("mail/_done.html", context, request=request)
        messages.success(request, mark_safe(words))  # noqa: S308 - our template, which escapes
        return HttpResponseRedirect(reverse("mail:mailbox", args=(order.mailbox,)) + order.view.encoded())
    anew = anew or bool(order.all) or order.do not in {*actions.MARKS, "copy"}
    context = {"mailbox": order.mailbox, "role": "", "anew": anew, "view": order.view}
    if anew:
        context["mailbox_label"] = folders.label_of(order.mailbox)
        context |= list_context(request, load(request, store, order.mailbox, order.view, role=""))
    elif order.do in actions.MARKS:
        context["rows"] = _changed(request, store, order.view, done.touched)
    response = render(request, "mail/_acted.html", context)
    toast: dict[str, Any] = {"target": "#toasts", "text": done.text, "level": "error" if done.failed else "ok"}
    if fields:
        toast["undo"] = {"label": gettext("Undo"), "url": undo_url, "values": fields}
    response["HX-Trigger"] = json.dumps({"toast": toast, "mail-changed": {"target": "#folders"}})
    return response


def _changed(request: PortalRequest, store: MailStore, view: View, refs: Sequence[MessageRef]) -> list[Row]:
    roles = {known.name: known.role for known in store.mailboxes(status=False)}
    rows: list[Row] = []
    for mailbox, uidvalidity in dict.fromkeys((ref.mailbox, ref.uidvalidity) for ref in refs):
        uids = [ref.uid for ref in refs if (ref.mailbox, ref.uidvalidity) == (mailbox, uidvalidity)]
        try:
            found = store.summaries(mailbox, uids, uidvalidity=uidvalidity)
        except MailError:
            continue  # what was done is done; the next look at the list shows how it is
        look = look_for(request, mailbox, roles.get(mailbox, ""), view)
        rows += listing.rows_of(found, uidvalidity=uidvalidity, view=view, look=look)
    return rows


def _choose_folder(request: PortalRequest, store: MailStore, order: Order) -> HttpResponse:
    mailboxes = list(store.mailboxes())
    choices = folders.targets(mailboxes, source="")
    context: dict[str, Any] = {
        "order": order,
        "choices": choices,
        "first": next((node for node in choices if node.selectable), None),
        "mailbox": order.mailbox,
        "several": True,
    }
    if is_fragment(request):
        response = render(request, "mail/_choose_folder.html", context)
        response["HX-Retarget"], response["HX-Reswap"] = "#mail-dialog", "innerHTML"
        return response
    return render(
        request, "mail/choose_folder.html", column(request, store, order.mailbox, mailboxes=mailboxes) | context
    )
