"""The Outbox: its page, what its buttons do, and the question of a page whether something has become of it."""

from __future__ import annotations

from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from apps.mail.mailbox.errors import MailError
from apps.mail.mailbox.names import qualified
from apps.mail.mailbox.store import MailStore
from apps.mail.models import OutboxMessage
from apps.mail.prefs import UNDO_SEND
from apps.mail.services import later, outbox, outbox_page, planned, sweeping, trouble
from apps.mail.services.outbox import TooLate
from apps.mail.services.stores import open_store, secret_of
from apps.mail.views import windows
from apps.mail.views.answers import COUNTS, toast, with_events
from apps.mail.views.common import frame, mail_required, with_store
from portal.http import PortalRequest, may_be_framed
from portal.secret import Secret

State = OutboxMessage.State
SECONDS_LATER = 15  # for which undoing is offered where there are days for it


@require_safe
@with_store
def index(request: PortalRequest, store: MailStore) -> HttpResponse:
    sweeping.catch_up(request.user.pk)
    context = frame(list(store.mailboxes()), "") | {
        "entries": list(outbox_page.entries(request.user.pk)),
        "presets": list(later.presets()),
    }
    return render(request, "mail/outbox.html", context)


@may_be_framed
@require_POST
@mail_required
def act(request: PortalRequest, pk: int) -> HttpResponse:
    """``do``: edit (which is also the undo of sending), again, arrived, discard, later; a time as ``later`` is that."""
    wanted = "later" if "later" in request.POST else request.POST.get("do", "")
    do = {"edit": _edit, "again": _again, "arrived": _arrived, "discard": _discard, "later": _later}.get(wanted)
    if do is None:
        raise Http404("no such action")
    row = outbox.find(request.user.pk, pk=pk)
    if row is None:
        messages.info(request, _("It is not in the Outbox any more."))
        return _back()
    try:
        return do(request, row)
    except TooLate:
        messages.warning(request, _("Too late: it is being sent, or has been."))
    return _back()


def _back() -> HttpResponse:
    return HttpResponseRedirect(reverse("mail:outbox"))


def _edit(request: PortalRequest, row: OutboxMessage) -> HttpResponse:
    try:
        with open_store(request, at=qualified(row.other_account, "")) as store:
            ref = outbox.take_back(store, row)
    except MailError as error:
        text = _("It is stopped and stays here, because it could not be put back into Drafts.")
        messages.warning(request, f"{text} {trouble.describe(error).title}.")
        return _back()
    if ref is None:
        messages.success(request, _("Discarded."))
        return _back()
    url = f"{reverse('mail:edit', args=(ref.mailbox, ref.uid))}?v={ref.uidvalidity}"
    return HttpResponseRedirect(windows.within(request, url))


def _again(request: PortalRequest, row: OutboxMessage) -> HttpResponse:
    outbox.try_again(row, password=_secret(request, row))
    return _say(request, row)


def _arrived(request: PortalRequest, row: OutboxMessage) -> HttpResponse:
    outbox.was_sent(row, password=_secret(request, row))
    return _say(request, row)


def _secret(request: PortalRequest, row: OutboxMessage) -> Secret:
    return secret_of(request, qualified(row.other_account, ""))


def _discard(request: PortalRequest, row: OutboxMessage) -> HttpResponse:
    outbox.discard(row)
    messages.success(request, _("Discarded."))
    return _back()


def _later(request: PortalRequest, row: OutboxMessage) -> HttpResponse:
    try:
        when = later.chosen(request.POST.get("later") or request.POST.get("later_at", ""))
    except later.BadTime as error:
        messages.error(request, error.text)
        return _back()
    if not planned.change(row, when, password=_secret(request, row)):
        raise TooLate
    messages.success(request, _("The message goes out on %(time)s.") % {"time": later.said(when)})
    return _back()


def _say(request: PortalRequest, row: OutboxMessage) -> HttpResponse:
    row.refresh_from_db()
    if row.state in OutboxMessage.ENDS:
        OutboxMessage.objects.filter(pk=row.pk).update(told=True)
    if row.state == State.DONE:
        messages.success(request, _("Message sent."))
    return _back()


@require_safe
@mail_required
def watch(request: PortalRequest) -> HttpResponse:
    """Asked by a page that shows a count (``shown``): sends what no worker has sent, and tells what has become of the
    rest. The answer asks again in its time; the folder column is drawn anew only when something has changed."""
    sweeping.catch_up(request.user.pk)
    states = outbox_page.news(request.user.pk)
    standing = outbox_page.standing(request.user.pk)
    response = render(request, "mail/_outbox_watch.html", {"standing": standing})
    if not states and request.GET.get("shown") == str(standing.count):
        return response
    events = [COUNTS]
    if text := _news(states):
        good = all(state == State.DONE for state in states)
        events.append(toast(text, level="ok" if good else "warning"))
    return with_events(response, *events)


def sent_text(request: PortalRequest, sent: outbox.Sent) -> str:
    """What is said after sending; while it can be undone, with the way to do that."""
    if sent.waits is not None:
        context = {"row": sent.waits, "seconds": request.prefs[UNDO_SEND]}
        if sent.waits.keeps_its_time:
            context |= {"when": later.said(sent.waits.due), "seconds": SECONDS_LATER}
        return render_to_string("mail/_waits.html", context, request=request)
    if sent.again:
        return _("Sent already.")
    return _("Message sent.")


def _news(states: list[str]) -> str:
    if State.UNKNOWN in states or State.FAILED in states:
        return _("A message could not be sent. It is in the Outbox.")
    return _("Message sent.") if states else ""
