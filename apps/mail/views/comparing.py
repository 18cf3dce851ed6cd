"""What is new in a message: into its place in the conversation, or as a page of its own."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe
from django.views.decorators.vary import vary_on_headers

from apps.mail.mailbox.store import MailStore
from apps.mail.services import comparing, times
from apps.mail.services.refs import MessageRef
from apps.mail.views.common import frame, uidvalidity_of, with_store
from portal.http import PortalRequest, is_fragment


@require_safe
@vary_on_headers("HX-Request")
@with_store
def whats_new(request: PortalRequest, store: MailStore, mailbox: str, uid: int) -> HttpResponse:
    ref = MessageRef(mailbox, uidvalidity_of(request.GET), uid)
    fragment = is_fragment(request)
    mailboxes = store.mailboxes(status=not fragment)
    found = comparing.with_original(store, ref, mailboxes)
    here = f"{reverse('mail:message', args=(mailbox, uid))}?v={ref.uidvalidity}"
    context: dict[str, Any] = {"compared": found, "back_url": here}
    if original := found.original:
        moment = original.summary.envelope.date or original.summary.received
        context |= {
            "sender": original.summary.envelope.from_[0].label if original.summary.envelope.from_ else "",
            "when": times.short_time(moment, timezone.localtime()),
            "full": times.full_time(moment),
            "original_url": reverse("mail:message", args=(original.mailbox, original.uid))
            + f"?v={original.uidvalidity}",
        }
    if fragment:
        return render(request, "mail/_whats_new.html", context)
    detail = store.message(mailbox, uid, uidvalidity=ref.uidvalidity)
    context |= frame(list(mailboxes), mailbox) | {"subject": detail.summary.envelope.subject}
    return render(request, "mail/whats_new.html", context)
