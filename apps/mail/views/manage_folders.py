"""Folders made, renamed, moved, emptied and deleted: the menu of each, the dialogs it opens, and the page of all."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any, Concatenate, ParamSpec
from urllib.parse import urlencode

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse, HttpResponseBadRequest, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from apps.mail.folder_forms import FolderForm, parents_for
from apps.mail.mailbox.across import is_same
from apps.mail.mailbox.names import account_of, qualified
from apps.mail.mailbox.routed import at
from apps.mail.mailbox.store import KEPT_HERE, Mailbox, MailStore
from apps.mail.services import folder_actions, folder_removal, folder_settings, folders, list_orders, saved
from apps.mail.services.folder_actions import FolderDone, FolderUndo
from apps.mail.services.folder_names import FolderRefused, delimiter_of, find, parent_of
from apps.mail.services.folder_removal import CountChanged, Counted
from apps.mail.views.answers import COUNTS, LIST_CHANGED, in_dialog, placed, say, toast, with_events
from apps.mail.views.common import account_named, column, uidvalidity_of, with_store
from portal.http import PortalRequest, is_fragment

P = ParamSpec("P")
PER_PAGE = 250  # folders
FolderView = Callable[Concatenate[PortalRequest, MailStore, P], HttpResponse]


def refusals(view: FolderView[P]) -> FolderView[P]:
    """A folder that stays as it is says why; the folder column beside it shows what is there now."""

    @wraps(view)
    def guarded(request: PortalRequest, store: MailStore, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        try:
            return view(request, store, *args, **kwargs)
        except FolderRefused as refused:
            if not is_fragment(request):
                messages.error(request, refused.text)
                return HttpResponseRedirect(_manage_url(request))
            return _tree_response(request, store, toast(refused.text, level="error"))

    return guarded


@require_safe
@with_store
def manage(request: PortalRequest, store: MailStore) -> HttpResponse:
    """All folders with what can be done to each, or one with those below it."""
    mailboxes = store.mailboxes()
    only = request.GET.get("folder", "")
    found = [
        (node, node.mailbox)
        for node in folders.tree(mailboxes).walk()
        if node.mailbox is not None and (not only or node.name == only or only in _above(node.mailbox))
    ]
    page = Paginator(found, PER_PAGE).get_page(request.GET.get("page"))
    told = store.my_rights([mailbox.name for _node, mailbox in page if mailbox.kind and mailbox.selectable])
    kept_here = KEPT_HERE in store.capabilities
    nodes = [
        {
            "node": node,
            "may": folder_actions.rights(mailbox, mailboxes, told.get(mailbox.name), subscribes=not kept_here),
        }
        for node, mailbox in page
    ]
    context = column(request, store, "") | {"nodes": nodes, "page": page, "only": only and bool(nodes)}
    context |= {"in_account": account_named(request), "kept_here": kept_here}
    return render(request, "mail/manage_folders.html", context)


def _above(mailbox: Mailbox) -> list[str]:
    pieces = mailbox.name.split(mailbox.delimiter) if mailbox.delimiter else []
    return [mailbox.delimiter.join(pieces[:index]) for index in range(1, len(pieces))]


@require_safe
@with_store
@refusals
def menu(request: PortalRequest, store: MailStore) -> HttpResponse:
    """What is in the menu of one folder; without scripts its place is the page of all."""
    name = request.GET.get("folder", "")
    if not is_fragment(request):
        return HttpResponseRedirect(reverse("mail:manage_folders"))
    mailboxes = store.mailboxes(status=False)
    mailbox = find(name, mailboxes)
    context = {
        "folder": mailbox,
        "label": folders.label(mailbox),
        "may": folder_actions.rights(
            mailbox,
            mailboxes,
            store.my_rights([name]).get(name),
            subscribes=KEPT_HERE not in store.capabilities,
        ),
        "here": request.GET.get("here", ""),
    }
    return render(request, "mail/_folder_menu.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@with_store
@refusals
def new(request: PortalRequest, store: MailStore) -> HttpResponse:
    mailboxes = store.mailboxes(status=False)
    form = FolderForm(
        request.POST or None, parents=parents_for(mailboxes), initial={"parent": request.GET.get("parent", "")}
    )
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        try:
            done = folder_actions.create(store, name=data["name"], parent=data["parent"], mailboxes=mailboxes)
        except FolderRefused as refused:
            form.refuse(refused)
        else:
            return _answer(request, store, done)
    return _form(request, store, form, title=gettext("New folder"), verb=gettext("Create the folder"))


@require_http_methods(["GET", "HEAD", "POST"])
@with_store
@refusals
def edit(request: PortalRequest, store: MailStore) -> HttpResponse:
    """Another name, another place, or both."""
    mailboxes = store.mailboxes(status=False)
    folder = find((request.POST or request.GET).get("folder", ""), mailboxes)
    form = FolderForm(
        request.POST or None,
        parents=parents_for(mailboxes, folder),
        initial={"name": folder.leaf, "parent": parent_of(folder, mailboxes)},
    )
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        try:
            done = folder_actions.relocate(
                store, folder=folder.name, name=data["name"], parent=data["parent"], mailboxes=mailboxes
            )
        except FolderRefused as refused:
            if refused.vanished:
                raise
            form.refuse(refused)
        else:
            return _answer(request, store, done or FolderDone(text=gettext("Nothing has changed.")))
    title = gettext("Rename or move “%(folder)s”") % {"folder": folder.leaf}
    return _form(request, store, form, title=title, verb=gettext("Save"), folder=folder.name)


def _form(
    request: PortalRequest, store: MailStore, form: FolderForm, *, title: str, verb: str, folder: str = ""
) -> HttpResponse:
    data = request.POST if request.method == "POST" else request.GET
    context: dict[str, Any] = {"form": form, "title": title, "verb": verb, "folder": folder}
    context |= {"in_account": account_named(request), "manage_url": _manage_url(request)}
    context |= {"here": data.get("here", ""), "came_from": data.get("from", "")}
    status = 422 if form.errors else 200
    if not is_fragment(request):
        return render(request, "mail/folder_form.html", column(request, store, "") | context, status=status)
    return in_dialog(render(request, "mail/_folder_dialog.html", context, status=status))


@require_POST
@with_store
@refusals
def act(request: PortalRequest, store: MailStore) -> HttpResponse:
    """What needs no form. The same again does no harm."""
    do, folder = request.POST.get("do", ""), request.POST.get("folder", "")
    if do in ("delete", "empty") and request.POST.get("confirmed") == "yes":
        return _remove(request, store, folder, do)
    mailboxes = store.mailboxes(status=do in ("delete", "empty"))
    if do == "empty":
        return _confirm(request, store, folder, do, mailboxes)
    if do == "delete":
        done = folder_actions.throw_away(store, folder=folder, mailboxes=mailboxes)
        if done is None:
            return _confirm(request, store, folder, do, mailboxes)
    elif do == "read":
        user_id = request.user.pk
        done = folder_actions.mark_all_read(store, folder=folder, user_id=user_id, mailboxes=mailboxes)
    elif do in ("subscribe", "unsubscribe"):
        done = folder_actions.subscribe(store, folder=folder, on=do == "subscribe", mailboxes=mailboxes)
    else:
        return HttpResponseBadRequest("unknown action")
    return _answer(request, store, done)


def _remove(request: PortalRequest, store: MailStore, folder: str, do: str) -> HttpResponse:
    counted = [each for text in request.POST.getlist("counted") if (each := Counted.parse(text))]
    try:
        if do == "empty":
            return _answer(request, store, folder_removal.empty(store, folder=folder, counted=counted))
        return _answer(request, store, folder_removal.delete_for_ever(store, folder=folder, counted=counted))
    except CountChanged:
        return _confirm(request, store, folder, do, store.mailboxes(), changed=True)


def _confirm(
    request: PortalRequest,
    store: MailStore,
    folder: str,
    do: str,
    mailboxes: Sequence[Mailbox],
    *,
    changed: bool = False,
) -> HttpResponse:
    """The only question: what is removed for ever is counted first."""
    mailbox = find(folder, mailboxes)
    counted = folder_removal.count(mailbox, mailboxes)
    number = sum(each.messages for each in counted)
    if do == "empty" and not number and len(counted) == 1:
        empty = gettext("“%(folder)s” is empty already.") % {"folder": folders.label(mailbox)}
        return _answer(request, store, FolderDone(text=empty))
    context: dict[str, Any] = {"folder": folder, "do": do, "counted": counted, "changed": changed}
    context |= {"number": number, "below": len(counted) - 1, "label": folders.label(mailbox)}
    context |= {"here": request.POST.get("here", ""), "came_from": request.POST.get("from", "")}
    if not is_fragment(request):
        return render(request, "mail/confirm_folder.html", column(request, store, "") | context)
    return in_dialog(render(request, "mail/_confirm_folder.html", context))


@require_POST
@with_store
@refusals
def undo(request: PortalRequest, store: MailStore) -> HttpResponse:
    """Back as it was. The form comes from the toast and names everything itself."""
    data = request.POST
    if not data.get("now") or not (data.get("before") or data.get("unread")):
        return HttpResponseBadRequest("nothing to undo")
    way = FolderUndo(
        now=data["now"], before=data.get("before", ""), uidvalidity=uidvalidity_of(data), unread=data.get("unread", "")
    )
    return _answer(request, store, folder_actions.undo(store, way, user_id=request.user.pk))


# answers


def _manage_url(request: PortalRequest) -> str:
    """The page of all folders of the account that this is about."""
    there = account_named(request)
    return reverse("mail:manage_folders") + (f"?{urlencode({'mailbox': there})}" if there else "")


def _answer(request: PortalRequest, store: MailStore, done: FolderDone) -> HttpResponse:
    """The column as it is now. Where the open folder has another name or is gone, its page follows; where its
    messages have changed, its list does."""
    here = request.POST.get("here", "")
    mailboxes = store.mailboxes()
    if done.renamed:
        old, new = done.renamed
        moved = [each.name for each in mailboxes if each.name == new or new in _above(each)]
        pairs = [(old + name[len(new) :], name) for name in moved]
        list_orders.renamed(request.user.pk, pairs)
        saved.renamed(request.user.pk, pairs)
        folder_settings.renamed(request.user.pk, pairs)
    now = folder_actions.name_after(done, here, delimiter_of(mailboxes))
    elsewhere = bool(mailboxes) and account_of(now) != account_of(mailboxes[0].name)
    if now and not elsewhere and not any(mailbox.name == now and mailbox.selectable for mailbox in mailboxes):
        now = qualified(account_of(now), "INBOX")
    emptied = bool(here) and request.POST.get("do") == "empty" and done.messages == here
    fields = done.undo.fields() | {"here": now} if done.undo else {}
    if not is_fragment(request) or now != here or emptied:
        say(request, done.text, undo="mail:undo_folder", fields=fields)
        page = reverse("mail:mailbox", args=(now or "INBOX",))
        if not is_fragment(request):
            return HttpResponseRedirect(_manage_url(request) if _from_page(request) else page)
        return HttpResponse(status=204, headers={"HX-Redirect": page})
    events = [toast(done.text, undo="mail:undo_folder", fields=fields, target="#folders", swap="outerHTML")]
    if done.messages and done.messages == here:
        events.append(LIST_CHANGED)
    focus = done.made or (done.renamed[1] if done.renamed else request.POST.get("folder", ""))
    return _tree_response(request, store, *events, focus=focus)


def _from_page(request: PortalRequest) -> bool:
    return request.POST.get("from") == "page"


def _tree_response(request: PortalRequest, store: MailStore, *events: dict[str, Any], focus: str = "") -> HttpResponse:
    data = request.POST if request.method == "POST" else request.GET
    here = data.get("here", "")
    if not is_same(here, data.get("folder", "")):  # of another account: the part of the column that shows it asks anew
        events = (*events, COUNTS)
    context = column(request, at(store, here), here) | {"focus": focus}
    response = render(request, "mail/_folders_anew.html", context)
    return with_events(placed(response, "#folders", "outerHTML"), *events)
