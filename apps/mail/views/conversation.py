"""A conversation: its page, the pane that htmx asks for, and one message of it opened or closed in place.

The address says which messages are open (``open``, once for each), so it shows the same when it is loaded again or sent
to somebody else.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any
from urllib.parse import urlencode, urlsplit

from django.http import Http404, HttpResponse, HttpResponseRedirect, QueryDict
from django.shortcuts import render
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe
from django.views.decorators.vary import vary_on_headers

from apps.mail.mailbox.errors import MailError, NoSuchMessage
from apps.mail.mailbox.store import MailStore
from apps.mail.prefs import MARK_READ
from apps.mail.services import conversing, folders, noted, reading, said, times
from apps.mail.services.conversing import Conversation, Item
from apps.mail.services.view import View
from apps.mail.views.answers import COUNTS, LIST_CHANGED, with_events
from apps.mail.views.around import around
from apps.mail.views.common import column, form_wanted, is_prefetch, uidvalidity_of, with_store
from apps.mail.views.list import as_chosen
from apps.mail.views.message import message_context
from portal.http import PortalRequest, is_fragment

OPEN_ALL = "all"  # in the address, in place of names
FOLD_FROM = 4  # closed messages in a row of which only the first and the last are drawn at once


@require_safe
@vary_on_headers("HX-Request")
@with_store
def conversation(request: PortalRequest, store: MailStore, mailbox: str, uid: int) -> HttpResponse:
    uidvalidity = uidvalidity_of(request.GET)
    fragment = is_fragment(request)
    mailboxes = store.mailboxes(status=not fragment)
    found = conversing.gather(store, mailbox, uid, uidvalidity=uidvalidity, mailboxes=mailboxes)
    known = {item.name: item for item in found.items}
    if fragment and (one := request.GET.get("part")):
        if one not in known:
            raise NoSuchMessage
        return _one(request, store, found, known[one])
    told = _open_names(request)
    everything = told is not None and OPEN_ALL in told
    wanted = found.all_at_once() if everything else found.at_first() if told is None else told
    opened = [name for name in wanted if name in known]
    if (told is None or everything) and not fragment:
        return HttpResponseRedirect(_address(request, opened))
    if _marks_read(request):
        found = _read(store, conversing.as_read(found, opened))
    context: dict[str, Any] = column(request, store, mailbox, mailboxes=mailboxes) if not fragment else {}
    role = folders.role_of(mailboxes, mailbox)
    context |= {"mailbox": mailbox, "role": role, "mailbox_label": folders.label_of(mailbox, mailboxes)}
    context |= _context(request, store, found, opened, mailbox, uid, uidvalidity, role)
    response = render(request, "mail/_conversation.html" if fragment else "mail/conversation.html", context)
    if fragment:
        response["HX-Replace-Url" if _is_shown(request) else "HX-Push-Url"] = _address(request, opened)
        if found.read:
            with_events(response, COUNTS, LIST_CHANGED)
    return response


def _one(request: PortalRequest, store: MailStore, found: Conversation, item: Item) -> HttpResponse:
    """A message of a page that is there, opened or closed."""
    opens = "shut" not in request.GET
    others = [name for name in _open_names(request) or () if name != item.name]
    names = [*others, item.name] if opens else others
    if opens and _marks_read(request):
        found = _read(store, conversing.as_read(found, [item.name]))
        item = next(each for each in found.items if each.name == item.name)
    context = {"item": _drawn(request, store, item, names, found), "view": View.parse(request.GET)}
    response = render(request, "mail/_conversation_item.html", context)
    response["HX-Replace-Url"] = _address(request, names)
    return with_events(response, COUNTS, LIST_CHANGED) if found.read else response


def _is_shown(request: PortalRequest) -> bool:
    """Whether the page that asks has this conversation in its address."""
    return urlsplit(request.headers.get("HX-Current-URL", "")).path == request.path


def _open_names(request: PortalRequest) -> list[str] | None:
    """Which messages are to be open: as the address says, or that of the page that asks; None where neither does."""
    query = request.GET
    if is_fragment(request) and _is_shown(request) and ("part" in query or "open" not in query):
        query = QueryDict(urlsplit(request.headers["HX-Current-URL"]).query)
    return query.getlist("open")[: conversing.MOST] if "open" in query else None


def _address(request: PortalRequest, names: Iterable[str]) -> str:
    """Of this page, with these messages open. What asks for a part of it names less than the page that is shown."""
    query = request.GET.copy()
    if is_fragment(request) and "part" in query and _is_shown(request):
        query = QueryDict(urlsplit(request.headers["HX-Current-URL"]).query, mutable=True)
    for name in ("part", "shut", "images"):
        query.pop(name, None)
    query.setlist("open", list(names) or [""])
    return f"{request.path}?{query.urlencode()}"


def _marks_read(request: PortalRequest) -> bool:
    return request.method == "GET" and request.prefs[MARK_READ] == "open" and not is_prefetch(request)


def _read(store: MailStore, found: Conversation) -> Conversation:
    """Before the answer goes out: the list beside it is drawn anew right after."""
    groups: dict[tuple[str, int], list[int]] = {}
    for item in found.items:
        if item.name in found.read:
            groups.setdefault((item.mailbox, item.uidvalidity), []).append(item.uid)
    for (mailbox, uidvalidity), uids in groups.items():
        try:
            store.set_flags(mailbox, uids, uidvalidity=uidvalidity, add=["\\Seen"])
        except MailError:
            continue  # a folder that one may only read
    return found


def _context(
    request: PortalRequest,
    store: MailStore,
    found: Conversation,
    opened: Sequence[str],
    mailbox: str,
    uid: int,
    uidvalidity: int,
    role: str,
) -> dict[str, Any]:
    view = as_chosen(request, mailbox, View.parse(request.GET))
    base = reverse("mail:mailbox", args=(mailbox,))
    items = {item.name: item for item in found.items}
    by_folder = sorted(opened, key=lambda name: (items[name].here, items[name].mailbox))  # the folder of the list last
    drawn = {name: _drawn(request, store, items[name], opened, found) for name in by_folder}
    lines = [drawn.get(item.name) or _drawn(request, store, item, opened, found) for item in found.items]
    count = len(found.here)
    return {
        "found": found,
        "runs": _runs(lines),
        "uid": uid,
        "uidvalidity": uidvalidity,
        "uids": noted.ranges(found.uids),
        "count": count,
        "labels": {do: said.whole(do, count) for do in ("archive", "delete", "expunge", "junk", "notjunk", "unread")}
        | {do: said.whole(do, count) for do in ("read", "flag", "unflag", "move", "copy")},
        "here_count": said.messages(count),
        "names": " ".join(opened),
        "view": view,
        "list_url": base + view.encoded(**({"role": role} if role else {})),
        "this_url": _address(request, opened),
        "answered": (last := next((item for item in reversed(found.items) if not item.is_draft), None)),
        "answer_url": f"{reverse('mail:mailbox', args=(last.mailbox,))}{last.uid}/" if last else "",
        "answer_v": last.uidvalidity if last else 0,
        **_all_at_once(request, found, opened),
        **around(request, store, mailbox, uid, uidvalidity=uidvalidity, role=role),
    }


def _all_at_once(request: PortalRequest, found: Conversation, opened: Sequence[str]) -> dict[str, Any]:
    """Links that open and close all messages, where that changes something."""
    every, shut = found.all_at_once(), len([item for item in found.items if not item.is_draft])
    newest = _("Open the newest %(count)d messages") % {"count": len(every)}
    return {
        "open_all": _address(request, [OPEN_ALL]) if set(every) - set(opened) else "",
        "open_all_label": newest if len(every) < shut else _("Open all messages"),
        "close_all": _address(request, []) if opened and shut > 1 else "",
        "print_url": f"{request.path}print/?{urlencode({'v': request.GET['v']})}",
    }


def _drawn(
    request: PortalRequest, store: MailStore, item: Item, opened: Sequence[str], found: Conversation
) -> dict[str, Any]:
    """What the template of one message needs; its text, when it is open."""
    is_open = item.name in opened
    others = [name for name in opened if name != item.name]
    base = f"{reverse('mail:mailbox', args=(item.mailbox,))}{item.uid}/"
    now, received = timezone.localtime(), item.summary.envelope.date or item.summary.received
    context = {
        "item": item,
        "is_open": is_open,
        "when": times.short_time(received, now),
        "moment": received,
        "full": times.full_time(received),
        "toggle_url": _address(request, others if is_open else [*opened, item.name]),
        "part_url": f"{request.path}?{urlencode(_part(request, item, shut=is_open))}",
        "alone_url": f"{base}?{urlencode({'v': item.uidvalidity, **({'role': item.role} if item.role else {})})}",
        "message_url": base,
        "names": " ".join(opened),
        "anchor": next((each.uid for each in reversed(found.here) if each.name != item.name), 0),
    }
    if is_open and not item.is_draft:
        context["text"] = _text(request, store, item, context)
    return context


def _part(request: PortalRequest, item: Item, *, shut: bool) -> dict[str, str]:
    view = View.parse(request.GET).params()
    return {**view, "v": request.GET["v"], "part": item.name, **({"shut": "1"} if shut else {})}


def _text(request: PortalRequest, store: MailStore, item: Item, context: dict[str, Any]) -> str:
    try:
        opened = reading.open_message(
            store, item.mailbox, item.uid, uidvalidity=item.uidvalidity, prefer=form_wanted(request)
        )
    except (NoSuchMessage, Http404):
        return ""
    told = message_context(request, opened, item.mailbox, item.uid, item.uidvalidity, role=item.role)
    told["content_query"] += "&fold=1"
    told |= {"mailbox": item.mailbox, "role": item.role, "files_last": True}
    told |= {name: context[name] for name in ("item", "alone_url")}
    return render_to_string("mail/_conversation_text.html", told, request=request)


def _runs(lines: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Closed messages between others are folded, where they are many: ``lines`` to draw at once, or ``folded``."""
    runs: list[dict[str, Any]] = []
    start = 0
    while start < len(lines):
        end = start
        while end < len(lines) and not lines[end]["is_open"] and not lines[end]["item"].is_draft:
            end += 1
        closed = lines[start:end]
        if len(closed) >= FOLD_FROM:
            runs += [{"lines": closed[:1]}, {"folded": closed[1:-1]}, {"lines": closed[-1:]}]
        elif closed:
            runs.append({"lines": closed})
        if end < len(lines):
            runs.append({"lines": [lines[end]]})
        start = end + 1
    return runs
