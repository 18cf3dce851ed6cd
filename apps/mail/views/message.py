"""An open message: its page, and the pane that htmx asks for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

import structlog
from django.http import HttpResponse, HttpResponseBase, HttpResponseRedirect, QueryDict
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe
from django.views.decorators.vary import vary_on_headers

from apps.mail.mailbox.account import Account
from apps.mail.mailbox.errors import CannotThread, MailError
from apps.mail.mailbox.store import FLAT, Conversation, Mailbox, MailStore
from apps.mail.prefs import DARK, MARK_READ, REMOTE_IMAGES
from apps.mail.services import folders, listing, reading, row_words, source, times
from apps.mail.services.actions import MUTED, PINNED
from apps.mail.services.reading import Opened
from apps.mail.services.remote import may_load, permit
from apps.mail.services.snoozing import SNOOZED
from apps.mail.services.stores import account_of, open_account
from apps.mail.services.view import View
from apps.mail.views import about
from apps.mail.views.answering import offered
from apps.mail.views.answers import COUNTS, LIST_CHANGED, with_events
from apps.mail.views.around import around
from apps.mail.views.common import as_text, column, form_wanted, is_prefetch, uidvalidity_of, with_store
from apps.mail.views.list import as_chosen, mode_of
from apps.mail.views.rows import look_for
from portal import addressing, content_host
from portal.http import PortalRequest, is_fragment

log = structlog.get_logger(__name__)


class FollowedResponse(HttpResponse):
    """A response with something left to do once it has been sent. What fails then changes nothing for the reader."""

    def __init__(self, content: str, *, then: Callable[[], None] | None) -> None:
        super().__init__(content)
        self._then = then

    def close(self) -> None:
        super().close()
        then, self._then = self._then, None
        if then is not None:
            then()


@require_safe
@vary_on_headers("HX-Request")
@with_store
def message(request: PortalRequest, store: MailStore, mailbox: str, uid: int) -> HttpResponseBase:
    """One message. An address typed without UIDVALIDITY is completed with the present one first."""
    if "v" not in request.GET:
        return _with_uidvalidity(request, store, mailbox, uid)
    uidvalidity = uidvalidity_of(request.GET)
    opened = reading.open_message(
        store,
        mailbox,
        uid,
        uidvalidity=uidvalidity,
        prefer=form_wanted(request),
        inside=request.GET.get("inside", ""),
        as_text=as_text(request),
    )
    fragment = is_fragment(request)
    marks_read = _marks_read(request, opened)
    role = folders.known_role(request.GET.get("role"))
    here = {} if opened.inside else around(request, store, mailbox, uid, uidvalidity=uidvalidity, role=role)
    context = _page(request, store, mailbox, role, fragment=fragment, reads=marks_read)
    context |= message_context(request, opened, mailbox, uid, uidvalidity, role=context["role"])
    context |= here | _marks(store, opened, mailbox)
    if opened.unreadable:
        context["source"] = source.text(store.stream(mailbox, uid, uidvalidity=uidvalidity))[0]
    row, events = None, [COUNTS] if fragment and marks_read else []
    if fragment and not opened.inside:
        row = _row(request, store, opened, mailbox, uidvalidity, role=context["role"], seen=marks_read)
        if row is None and marks_read:  # its row stands for others too: the list beside it is drawn anew
            store_seen(account_of(request, mailbox), mailbox, uid, uidvalidity=uidvalidity)
            marks_read, events = False, [COUNTS, LIST_CHANGED]
        context["changed"] = row
    template = "mail/_opened.html" if fragment else "mail/message.html"
    content = render_to_string(template, context, request=request)
    account = account_of(request, mailbox) if marks_read else None
    then = (lambda: store_seen(account, mailbox, uid, uidvalidity=uidvalidity)) if account else None
    response = FollowedResponse(content, then=then)
    return with_events(response, *events) if events else response


def _marks(store: MailStore, opened: Opened, mailbox: str) -> dict[str, Any]:
    keywords = opened.detail.summary.keywords
    marked = {"pinned": PINNED in keywords, "muted": MUTED in keywords, "snoozed": SNOOZED in keywords}
    return {"keeps_marks": store.opened(mailbox).takes(PINNED), "marked": marked}


def _page(
    request: PortalRequest, store: MailStore, mailbox: str, role: str, *, fragment: bool, reads: bool
) -> dict[str, Any]:
    """The frame around; a fragment needs no folders, and takes the mailbox's role from the link."""
    if not fragment:
        listed = [_one_read(each) if reads and each.name == mailbox else each for each in store.mailboxes()]
        return column(request, store, mailbox, mailboxes=listed)
    label = folders.ROLE_LABELS.get(role) or folders.label_of(mailbox)
    return {"mailbox": mailbox, "role": role, "mailbox_label": label}


def _one_read(mailbox: Mailbox) -> Mailbox:
    """With its count as it is once the message that is being opened counts as read."""
    status = mailbox.status
    if status is None or not status.unseen:
        return mailbox
    return replace(mailbox, status=replace(status, unseen=status.unseen - 1))


def _with_uidvalidity(request: PortalRequest, store: MailStore, mailbox: str, uid: int) -> HttpResponse:
    query = request.GET.copy()
    query["v"] = str(store.status(mailbox).uidvalidity)
    return HttpResponseRedirect(f"{reverse('mail:message', args=(mailbox, uid))}?{query.urlencode()}")


def _marks_read(request: PortalRequest, opened: Opened) -> bool:
    return (
        request.method == "GET"
        and not opened.inside
        and not opened.detail.summary.seen
        and request.prefs[MARK_READ] == "open"
        and not is_prefetch(request)
    )


def store_seen(account: Account, mailbox: str, uid: int, *, uidvalidity: int) -> None:
    """Runs after the answer has gone out: the reader has not waited for it, and cannot be told of a failure."""
    try:
        with open_account(account) as store:
            store.set_flags(mailbox, [uid], uidvalidity=uidvalidity, add=["\\Seen"])
    except MailError as error:
        log.warning("seen_not_stored", error=error.__class__.__name__, detail=str(error))


def _row(
    request: PortalRequest,
    store: MailStore,
    opened: Opened,
    mailbox: str,
    uidvalidity: int,
    *,
    role: str,
    seen: bool,
) -> list[listing.Row] | None:
    """The message's line in the list beside it, as it is once the message counts as read; None where it has none of its
    own there, or one that only the whole list can draw."""
    summary = reading.as_seen(opened.detail.summary) if seen else opened.detail.summary
    view = as_chosen(request, mailbox, View.parse(request.GET))
    look, mode = look_for(request, mailbox, role, view), mode_of(view, role)
    alone = None
    if mode != FLAT:
        try:
            together = store.thread(mailbox, summary.uid, uidvalidity=uidvalidity)
        except CannotThread:
            together = []
        if len(together) > 1:
            return None
        alone = [Conversation.of([summary.uid], [summary], [summary.flags])] if together else None
    return listing.rows_of([summary], uidvalidity=uidvalidity, view=view, look=look, conversations=alone)


def message_context(
    request: PortalRequest, opened: Opened, mailbox: str, uid: int, uidvalidity: int, *, role: str
) -> dict[str, Any]:
    view = View.parse(request.GET)
    asks = request.prefs[REMOTE_IMAGES] == "ask"
    loads = asks and may_load(request, mailbox, uid, uidvalidity)
    envelope = opened.envelope
    date = envelope.date or opened.detail.summary.received
    base = reverse("mail:mailbox", args=(mailbox,))
    return {
        "opened": opened,
        "answering": offered(request, opened, mailbox),
        "apart": content_host.is_used(),
        "paper": {"adapt": "adapt", "light": "light"}.get(request.prefs[DARK], ""),
        "summary": opened.detail.summary,
        "envelope": envelope,
        "people_lines": reading.people_lines(envelope),
        "recipients": row_words.names((*envelope.to, *envelope.cc)),
        "uid": uid,
        "uidvalidity": uidvalidity,
        "view": view,
        "list_url": base + view.encoded(**({"role": role} if role else {})),
        "shown_date": date,
        "when": times.full_time(date),
        "near": times.near_time(date, timezone.localtime()),
        "blocked": 0 if loads else opened.blocked,
        "show_images": _link(request, images=permit(request, mailbox, uid, uidvalidity)) if asks else "",
        "content_query": _content_query(request, uidvalidity, loads=loads),
        "message_url": f"{base}{uid}/",
        "from_html": form_wanted(request) == "html",
        "other_form": _other_form(request) if opened.has_alternative else "",
        **about.context(request, opened, role=role),
        "add_url": addressing.add_url(envelope.from_[0]) if envelope.from_ and role != "drafts" else "",
    }


def _other_form(request: PortalRequest) -> str:
    return _link(request, form="plain" if form_wanted(request) == "html" else "html")


def _content_query(request: PortalRequest, uidvalidity: int, *, loads: bool) -> str:
    """What the addresses of the message's own documents carry."""
    values = {"v": str(uidvalidity)}
    if loads:
        values["images"] = request.GET["images"]
    if request.GET.get("inside"):
        values["inside"] = request.GET["inside"]
    if request.GET.get("form"):
        values["form"] = form_wanted(request)
    return f"?{urlencode(values)}"


def _link(request: PortalRequest, **changes: str) -> str:
    """This page's address with some parameters changed."""
    query: QueryDict = request.GET.copy()
    for key, value in changes.items():
        query[key] = value
    return f"{request.path}?{query.urlencode()}"
