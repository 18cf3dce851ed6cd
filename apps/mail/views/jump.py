"""Ways to a part of a list: its filters, and the page on which a day begins."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.dateparse import parse_date
from django.views.decorators.http import require_safe

from apps.mail.mailbox.store import FLAT, NEWEST_FIRST, MailStore, Page
from apps.mail.prefs import PAGE_SIZE
from apps.mail.services import filters, folders, list_orders, standing
from apps.mail.services.view import View
from apps.mail.views.common import mail_required, with_store
from portal.http import PortalRequest, is_fragment


@require_safe
@mail_required
def narrow(request: PortalRequest, mailbox: str) -> HttpResponse:
    """What the list can be narrowed to: the menu in its head, or a page without scripts."""
    role = folders.known_role(request.GET.get("role"))
    links = filters.links(View.parse(request.GET), reverse("mail:mailbox", args=(mailbox,)))
    context = {"mailbox": mailbox, "role": role, "filters": links, "mailbox_label": folders.label_of(mailbox)}
    return render(request, "mail/_narrow.html" if is_fragment(request) else "mail/narrow.html", context)


@require_safe
@with_store
def to_day(request: PortalRequest, store: MailStore, mailbox: str) -> HttpResponse:
    """The newest messages of ``day`` come first on the page, or, where it has none, those before it. The list is in
    the order of arrival then."""
    try:
        day = parse_date(request.GET.get("day", ""))
    except ValueError:
        day = None
    if day is None or not 1970 <= day.year < 9000:
        return redirect(reverse("mail:mailbox", args=(mailbox,)))
    following = day + timedelta(days=1)
    moment = datetime(following.year, following.month, following.day, tzinfo=timezone.get_current_timezone())
    start = store.newer_than(mailbox, moment)
    status = store.opened(mailbox)
    empty = Page(mailbox=mailbox, status=status, rows=(), offset=0, total=0)
    beside = standing.of(store, empty, role=folders.known_role(request.GET.get("role")))
    if beside is not None:  # what is not listed is not counted
        uids = sorted(beside.away | {row.uid for row in beside.top})
        rows = store.summaries(mailbox, uids, uidvalidity=status.uidvalidity)
        start -= sum(row.received >= moment for row in rows)
    size = int(request.prefs[PAGE_SIZE])
    if start >= status.messages:  # before the first one: the last page
        start = max(status.messages - size, 0)
    usual = list_orders.remembered(request.user.pk, mailbox)[0].is_usual
    view = View(
        start=start, sort="" if usual else str(NEWEST_FIRST), mode=FLAT
    )  # a day has messages, and begins with one
    return redirect(reverse("mail:mailbox", args=(mailbox,)) + view.encoded())
