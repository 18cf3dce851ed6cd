"""Several messages in a new one, each as a file."""

from __future__ import annotations

from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from apps.mail.mailbox.store import MailStore, MessageDetail
from apps.mail.mime.reply import forward_subject
from apps.mail.services import attaching, limits
from apps.mail.services import forwarded as marks
from apps.mail.services.refs import MessageRef
from apps.mail.services.uploads import TooLarge
from apps.mail.views import windows
from apps.mail.views.answers import toast, with_events
from apps.mail.views.orders import Order
from portal.http import PortalRequest, is_fragment

MOST = 50


def several(request: PortalRequest, store: MailStore, order: Order) -> HttpResponse:
    """Put them aside as files, oldest first, and go to the writing page. Raises ``MailError``,
    ``portal.credentials.Locked``."""
    if order.count > MOST:
        words = ngettext(
            "At most %(count)d message can be forwarded at once.",
            "At most %(count)d messages can be forwarded at once.",
            MOST,
        )
        return _refused(request, order, words % {"count": MOST})
    refs = [MessageRef(some.mailbox, some.uidvalidity, uid) for some in order.chosen for uid in some.uids]
    details = [(ref, store.message(ref.mailbox, ref.uid, uidvalidity=ref.uidvalidity)) for ref in refs]
    too_large = _("The files are larger than %(limit)d MB together.") % {"limit": limits.megabytes(request.user)}
    if sum(detail.summary.size for _ref, detail in details) > limits.files(request.user):
        return _refused(request, order, too_large)
    details.sort(key=lambda each: each[1].summary.received)
    try:
        tokens = [_put_aside(request, store, ref, detail) for ref, detail in details]
    except TooLarge:
        return _refused(request, order, too_large)
    subject = forward_subject(details[0][1].summary.envelope.subject)
    query = [("subject", subject), ("also", marks.signed(request.user, refs)), *(("file", each) for each in tokens)]
    url = f"{reverse('mail:compose')}?{urlencode(query)}"
    if is_fragment(request) and windows.are_preferred(request):
        return with_events(HttpResponse(status=204), {"write": {"target": "body", "url": url}})
    if is_fragment(request):
        return HttpResponse(headers={"HX-Redirect": url})
    return HttpResponseRedirect(url)


def _put_aside(request: PortalRequest, store: MailStore, ref: MessageRef, detail: MessageDetail) -> str:
    name = f"{detail.summary.envelope.subject or 'message'}.eml"
    chunks = store.stream(ref.mailbox, ref.uid, uidvalidity=ref.uidvalidity)
    return attaching.save(request, name=name, type="message/rfc822", chunks=chunks).token


def _refused(request: PortalRequest, order: Order, text: str) -> HttpResponse:
    if is_fragment(request):
        return with_events(HttpResponse(status=204), toast(text, level="error"))
    messages.error(request, text)
    return HttpResponseRedirect(reverse("mail:mailbox", args=(order.mailbox,)) + order.view.encoded())
