"""Redirecting: one small form, and what its button does."""

from __future__ import annotations

from dataclasses import replace

from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from apps.mail.forms import RedirectForm
from apps.mail.mailbox.names import account_of
from apps.mail.mailbox.store import MailStore
from apps.mail.mime.outgoing import Refused
from apps.mail.prefs import UNDO_SEND
from apps.mail.services import identities, outbox, prefill, redirecting
from apps.mail.services.refs import MessageRef
from apps.mail.views import everybody
from apps.mail.views.common import frame, uidvalidity_of, with_store
from apps.mail.views.outbox import sent_text
from portal.http import PortalRequest


@require_http_methods(["GET", "HEAD", "POST"])
@with_store
def redirect(request: PortalRequest, store: MailStore, mailbox: str, uid: int) -> HttpResponse:
    ref = MessageRef(mailbox, uidvalidity_of(request.GET), uid)
    if request.method == "POST":
        form = RedirectForm(request.POST.copy())
        if form.is_valid() and _send(request, store, ref, form):
            return HttpResponseRedirect(reverse("mail:mailbox", args=(mailbox,)))
        return _page(request, store, ref, form, status=422)
    return _page(request, store, ref, RedirectForm(initial={"id": prefill.new_id()}))


def _send(request: PortalRequest, store: MailStore, ref: MessageRef, form: RedirectForm) -> bool:
    """False when the form has to say something."""
    data = form.cleaned_data
    content = redirecting.content(data["identity"], data["to"], data["to"].groups)
    before = outbox.known(request, data["id"])
    if before is not None and before.content == content:
        messages.success(request, sent_text(request, before))
        return True
    if before is not None:
        form.ask_anew(prefill.new_id())
        return False
    if (people := everybody.of(request.user, form)) is None:
        return False
    known = identities.of(request)
    identity = identities.find(known, data["identity"]) or known[0]
    try:
        writing = redirecting.writing(store, ref, id=data["id"], identity=identity, to=people["to"])
        writing = replace(writing, content=content)
        sent = outbox.send(request, store, writing, delay=request.prefs[UNDO_SEND], again=data["again"] == "yes")
    except Refused as error:
        form.add_error(None, _("“%(value)s” cannot be used in a message.") % {"value": error.value[:100]})
    except outbox.OutcomeUnknown:
        form.ask_again()
    except outbox.NotSent as error:
        for address, text in error.refused.items():
            form.add_error("to", f"{address}: {text}")
        if error.text:
            form.add_error(None, error.text)
    else:
        (messages.warning if sent.problem else messages.success)(request, sent.problem or sent_text(request, sent))
        return True
    return False


def _page(
    request: PortalRequest, store: MailStore, ref: MessageRef, form: RedirectForm, *, status: int = 200
) -> HttpResponse:
    detail = store.message(ref.mailbox, ref.uid, uidvalidity=ref.uidvalidity)
    known = identities.of(request)
    own = identities.choose(known, detail.header, account=account_of(ref.mailbox)).identity
    chosen = identities.find(known, form["identity"].value()) or own
    context = {
        "form": form,
        "senders": known,
        "identity": chosen,
        "envelope": detail.summary.envelope,
        "back_url": f"{reverse('mail:message', args=(ref.mailbox, ref.uid))}?v={ref.uidvalidity}",
    }
    return render(request, "mail/redirect.html", context | frame(list(store.mailboxes()), ref.mailbox), status=status)
