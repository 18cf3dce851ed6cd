"""Forms that do something to messages. POST only; the same again does no harm."""

from __future__ import annotations

from collections.abc import Sequence

from django.http import HttpResponse, HttpResponseBadRequest, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_POST

from apps.mail.mailbox.errors import MailError, ServerUnreachable, TooManyConnections
from apps.mail.mailbox.names import account_of
from apps.mail.mailbox.routed import standing
from apps.mail.mailbox.store import MailStore
from apps.mail.services import actions, folders, noted, other_accounts, steps
from apps.mail.services import work as works
from apps.mail.services.steps import Chosen
from apps.mail.services.stores import open_store
from apps.mail.services.view import View
from apps.mail.services.work import Work
from apps.mail.views import forwarding, marks
from apps.mail.views import works as box
from apps.mail.views.acted import answer, ended
from apps.mail.views.answers import COUNTS, LIST_CHANGED, with_events
from apps.mail.views.common import mail_required, with_store
from apps.mail.views.list import uid_of
from apps.mail.views.orders import FORWARD, Order
from portal.http import PortalRequest, is_fragment


@require_POST
@with_store
def act(request: PortalRequest, store: MailStore, mailbox: str) -> HttpResponse:
    return _act(request, store, Order.of_one(request.POST, mailbox, user_id=request.user.pk))


@require_POST
@with_store
def act_found(request: PortalRequest, store: MailStore) -> HttpResponse:
    return _act(request, store, Order.of_several(request.POST, user_id=request.user.pk))


def _act(request: PortalRequest, store: MailStore, order: Order | None) -> HttpResponse:
    if order is None:
        return HttpResponseBadRequest("unknown action")
    if not order.chosen:
        return answer(request, store, order)
    if order.do == FORWARD:
        return forwarding.several(request, store, order)
    answered = marks.asked(request, store, order)
    if isinstance(answered, HttpResponse):
        return answered
    order = answered
    if order.do in actions.WITH_TARGET and not order.target:
        return _choose_folder(request, store, order)
    by_name = order.several or order.do not in {*actions.MARKS, *actions.SNOOZES}
    known = actions.Known(store)
    do, chosen = order.do, order.chosen
    if do == "delete":
        there = [some for some in chosen if known.role_of(some.mailbox) == "trash"]
        if there and order.several:
            chosen = tuple(some for some in chosen if some not in there)  # what lies there already stays
        elif there and not order.confirmed:
            return _confirm(request, store, order)
        elif there:
            do = actions.FOR_EVER
    planned = actions.planned(store, chosen, do=do, target=order.target, known=known)
    mailboxes = [each for name in order.accounts for each in known.beside(name)] if by_name else []
    folder = folders.label_of(order.target, known.beside(order.target)) if do in actions.WITH_TARGET else order.target
    work = Work(
        do=do,
        steps=planned,
        folder=marks.words_of(do, order.target, request.user.pk) or str(folder),
        several=order.several,
        left=order.count - sum(len(some.uids) for some in chosen),
    )
    works.proceed(store, work, user_id=request.user.pk)
    return answer(request, store, order, work, mailboxes=mailboxes)


@require_POST
@with_store
def undo(request: PortalRequest, store: MailStore) -> HttpResponse:
    """As it was before. The form comes from the toast and names everything itself."""
    ways = steps.load(noted.lengthened(request.POST.get("ways", ""), user_id=request.user.pk))
    back = actions.planned_back(ways, actions.Known(store))
    words = marks.words_of(back[0].do, back[0].target, request.user.pk)
    work = Work(do=back[0].do, steps=back, folder=words, several=len({way.mailbox for way in back}) > 1, undoing=True)
    works.proceed(store, work, user_id=request.user.pk)
    folder = ways[0].target if work.do in {*actions.BACK, actions.UNCOPY} else ""
    return answer(request, store, _shown(request, folder or ways[0].mailbox, work.do, back), work, anew=True)


@require_POST
@mail_required
def go_on(request: PortalRequest) -> HttpResponse:
    """More of what was begun, or an end to it. Where another request is at it that one tells, and what fails because
    the server is away is tried again."""
    name, user_id = request.POST.get("work", ""), request.user.pk
    if request.POST.get("stop"):
        works.stop(name, user_id=user_id)
    order = _shown(request, "INBOX", "", ())
    try:
        with open_store(request) as store, works.resumed(name, user_id=user_id) as work:
            if work is not None:
                works.proceed(store, work, user_id=user_id)
                if not work.steps:
                    return answer(request, store, _shown(request, "INBOX", work.do, work.ways), work, anew=True)
    except (works.Busy, ServerUnreachable, TooManyConnections) as error:
        if isinstance(error, MailError) and error.permanent:
            works.stop(name, user_id=user_id, error=error)
        work = works.look(name, user_id=user_id)
        if work is not None and not work.steps:
            return ended(request, order, work)
        if work is not None:
            work.waits = works.why(error)
    if work is None:  # another page has seen the end of it
        box.forget(request, name)
    if not is_fragment(request):
        return HttpResponseRedirect(reverse("mail:mailbox", args=(order.mailbox,)) + order.view.encoded())
    response = render(request, "mail/_work_goes_on.html", {"work": work})
    return response if work else with_events(response, LIST_CHANGED, COUNTS)


def _shown(request: PortalRequest, mailbox: str, do: str, ways: Sequence[steps.Step]) -> Order:
    """The list on which something is undone, or seen to its end."""
    data, view = request.POST, View.parse(request.POST)
    conversation = uid_of(data.get("conversation", "")) if data.get("cv") else 0
    return Order(
        do=do,
        chosen=tuple(Chosen(way.mailbox, way.uidvalidity, way.uids) for way in ways),
        mailbox=data.get("mailbox", "") or mailbox,
        role="" if view.everywhere else folders.known_role(data.get("role")),
        view=view,
        from_message=(do in actions.MARKS and data.get("from") == "message") or bool(conversation),
        shown=uid_of(data.get("open", "")),
        conversation=conversation,
        validity=uid_of(data.get("cv", "")),
        opened=tuple(data.get("opened", "")[:20_000].split()),
        undone=bool(conversation),
    )


def _choose_folder(request: PortalRequest, store: MailStore, order: Order) -> HttpResponse:
    number = uid_of(request.POST.get("account", "")) if "account" in request.POST else account_of(order.mailbox)
    source = "" if order.several else order.mailbox
    choices = folders.targets(standing(store, number).mailboxes(status=False), source=source)
    first = next((node for node in choices if node.selectable), None)
    context = {"order": order, "choices": choices, "first": first}
    context |= {"accounts": other_accounts.beside(request.user.pk, number)}
    return marks.ask(request, store, order, "choose_folder", context)


def _confirm(request: PortalRequest, store: MailStore, order: Order) -> HttpResponse:
    return marks.ask(request, store, order, "confirm_delete", {"order": order, "role": "trash"})
