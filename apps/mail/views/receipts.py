"""The answer to who asks for a read receipt, and the way from a report to the message it is about."""

from __future__ import annotations

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from apps.mail.mailbox.store import MailStore
from apps.mail.mime import wire
from apps.mail.mime.outgoing import Refused
from apps.mail.services import identities, outbox, receipts
from apps.mail.services.refs import MessageRef
from apps.mail.views.common import uidvalidity_of, with_store
from portal.http import PortalRequest, is_fragment


@require_POST
@with_store
def receipt(request: PortalRequest, store: MailStore, mailbox: str, uid: int) -> HttpResponse:
    """``do``: send or refuse."""
    ref = MessageRef(mailbox, uidvalidity_of(request.GET), uid)
    do = request.POST.get("do")
    if do == "refuse":
        receipts.refuse(request, store, ref)
        return _said(request, ref, _("No receipt is sent, and you will not be asked again."))
    if do != "send":
        raise Http404("no such action")
    try:
        sent = receipts.send(request, store, ref)
    except LookupError:
        return _said(request, ref, _("This was answered already."))
    except Refused:
        return _said(request, ref, _("A receipt cannot be made for this message."), failed=True)
    except outbox.OutcomeUnknown:
        text = _("Nobody knows whether the receipt was sent: the connection ended too early. It lies in the Outbox.")
        return _said(request, ref, text, failed=True)
    except outbox.NotSent as error:
        return _said(request, ref, error.text or " ".join(error.refused.values()), failed=True)
    if sent.problem:
        return _said(request, ref, _("The receipt was sent, but no copy of it could be stored in Sent."))
    return _said(request, ref, _("Sent already.") if sent.again else _("The receipt was sent."))


def _said(request: PortalRequest, ref: MessageRef, text: str, *, failed: bool = False) -> HttpResponse:
    if is_fragment(request):
        return render(request, "mail/_message_receipt_said.html", {"text": text, "failed": failed})
    (messages.warning if failed else messages.success)(request, text)
    return redirect(f"{reverse('mail:message', args=(ref.mailbox, ref.uid))}?v={ref.uidvalidity}")


@require_safe
@with_store
def reported(request: PortalRequest, store: MailStore) -> HttpResponse:
    """To the message with the Message-ID ``id`` in Sent, or in a folder where an identity keeps what it sends."""
    message_id = request.GET.get("id", "")
    if not wire.is_message_id(message_id):
        raise Http404("no message id")
    listed = store.mailboxes(status=False)
    kept = {identity.sent_mailbox for identity in identities.all_of(request) if identity.sent_mailbox}
    sent = [each.name for each in listed if each.selectable and (each.role == "sent" or each.name in kept)]
    for mailbox in sent:
        if found := store.find_message_id(mailbox, message_id):
            uidvalidity = store.status(mailbox).uidvalidity
            return redirect(f"{reverse('mail:message', args=(mailbox, found[-1]))}?v={uidvalidity}")
    messages.info(request, _("The message is not in Sent any more."))
    return redirect(reverse("mail:mailbox", args=(sent[0] if sent else "INBOX",)))
