"""Invitations: their answers, and what has changed in them."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from apps.mail.forms import is_id
from apps.mail.mailbox.names import account_of
from apps.mail.mailbox.store import MailStore, MessageDetail
from apps.mail.mime import calendars
from apps.mail.mime.outgoing import Refused
from apps.mail.mime.parts import Part
from apps.mail.services import answering, identities, invitations, outbox, prefill
from apps.mail.services.answering import ANSWERS, MOST_COMMENT, NoAnswer
from apps.mail.services.reading import Opened
from apps.mail.services.refs import MessageRef
from apps.mail.views.common import frame, uidvalidity_of, with_store
from portal.http import PortalRequest, is_fragment


def offered(request: PortalRequest, opened: Opened, mailbox: str) -> dict[str, Any]:
    """What the form of answers needs; empty where there is none."""
    if opened.inside or not any(each.may_answer for each in opened.invitations):
        return {}
    known = identities.of(request)
    event = next(each.event for each in opened.invitations if each.may_answer)
    if event is None or answering.is_ours(known, event):
        return {}
    who = answering.answerer(known, event, opened.detail.header, account=account_of(mailbox))
    return {"id": prefill.new_id(), "who": who, "several": len(known) > 1, "here": request.get_full_path()}


@require_POST
@with_store
def answer(request: PortalRequest, store: MailStore, mailbox: str, uid: int, number: str) -> HttpResponse:
    """Send the answer to the organiser, at once: whoever thinks better of it answers again."""
    ref = MessageRef(mailbox, uidvalidity_of(request.GET), uid)
    chosen, comment = request.POST.get("answer", ""), request.POST.get("comment", "").replace("\r\n", "\n").strip()
    if chosen not in ANSWERS:
        raise Http404("no such answer")
    detail = store.message(mailbox, uid, uidvalidity=ref.uidvalidity)
    part = calendar_in(detail, number)
    raw = store.part(mailbox, uid, number, uidvalidity=ref.uidvalidity)
    try:
        event = answering.event_of(part, raw)
        who = answering.answerer(identities.of(request), event, detail.header, account=account_of(mailbox))
        if len(comment) > MOST_COMMENT:
            raise outbox.NotSent(_("The comment is too long: at most %(most)d characters.") % {"most": MOST_COMMENT})
        id = request.POST.get("id", "")
        if not is_id(id):
            raise Http404("no id")
        written = answering.writing(detail, ref, part, raw, id=id, answer=chosen, comment=comment, who=who)
        before = outbox.known(request, id)
        if before is not None and before.content != written.content:  # the page of before, answered differently
            id = prefill.new_id()
            written = answering.writing(detail, ref, part, raw, id=id, answer=chosen, comment=comment, who=who)
        sent = outbox.send(request, store, written, delay=0, again=request.POST.get("again") == "yes")
    except NoAnswer as error:
        raise Http404("nothing to answer") from error
    except Refused:
        return _refused(request, store, ref, number, _("The organiser has no address that can be written to."))
    except outbox.OutcomeUnknown:
        text = _("Nobody knows whether the answer was sent: the connection ended too early. Look in Sent, then answer.")
        return _refused(request, store, ref, number, text, again=True)
    except outbox.NotSent as error:
        reasons = [error.text, *(f"{address}: {text}" for address, text in error.refused.items())]
        return _refused(request, store, ref, number, " ".join(reason for reason in reasons if reason))
    said = str(invitations.GIVEN[chosen]) + " " + _("The organiser has been told.")
    (messages.warning if sent.problem else messages.success)(request, sent.problem or said)
    return HttpResponseRedirect(_back(request, ref))


def calendar_in(detail: MessageDetail, number: str) -> Part:
    """Raises ``Http404``."""
    part = detail.structure.find(number)
    if part is None or not invitations.is_calendar(part):
        raise Http404("no calendar")
    return part


def _back(request: PortalRequest, ref: MessageRef) -> str:
    here = request.POST.get("here", "")
    if url_has_allowed_host_and_scheme(here, allowed_hosts=None) and here.startswith("/"):
        return here
    return f"{reverse('mail:message', args=(ref.mailbox, ref.uid))}?v={ref.uidvalidity}"


def _refused(
    request: PortalRequest, store: MailStore, ref: MessageRef, number: str, text: str, *, again: bool = False
) -> HttpResponse:
    """The form once more, with what was written."""
    detail = store.message(ref.mailbox, ref.uid, uidvalidity=ref.uidvalidity)
    context = frame(list(store.mailboxes()), ref.mailbox) | {
        "error": text,
        "again": again,
        "subject": detail.summary.envelope.subject,
        "back_url": _back(request, ref),
        "action": f"{reverse('mail:answer', args=(ref.mailbox, ref.uid, number))}?v={ref.uidvalidity}",
        "answering": {"id": request.POST.get("id", ""), "here": _back(request, ref)},
        "comment": request.POST.get("comment", ""),
        "chosen": request.POST.get("answer", ""),
    }
    return render(request, "mail/answer.html", context, status=422)


@require_safe
@with_store
def changes(request: PortalRequest, store: MailStore, mailbox: str, uid: int, number: str) -> HttpResponse:
    """What this invitation says otherwise than the one before: into its card, or on a page of its own."""
    ref = MessageRef(mailbox, uidvalidity_of(request.GET), uid)
    detail = store.message(mailbox, uid, uidvalidity=ref.uidvalidity)
    part = calendar_in(detail, number)
    raw = store.part(mailbox, uid, number, uidvalidity=ref.uidvalidity)
    try:
        found = invitations.changes(store, ref, part, raw)
    except calendars.NotReadable as error:
        raise Http404("no calendar") from error
    context: dict[str, Any] = {"changes": found, "known": found is not None}
    if is_fragment(request):
        return render(request, "mail/_changes.html", context)
    context |= frame(list(store.mailboxes()), mailbox) | {
        "subject": detail.summary.envelope.subject,
        "back_url": f"{reverse('mail:message', args=(mailbox, uid))}?v={ref.uidvalidity}",
    }
    return render(request, "mail/changes.html", context)
