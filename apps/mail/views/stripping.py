"""Attachments taken out of a message: what is asked before, what is done, and its undo."""

from __future__ import annotations

from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST

from apps.mail.mailbox.store import MailStore
from apps.mail.services import noted, steps, stripping
from apps.mail.services.refs import MessageRef
from apps.mail.views.answers import say
from apps.mail.views.common import frame, uidvalidity_of, with_store
from portal.http import PortalRequest


@require_http_methods(["GET", "HEAD", "POST"])
@with_store
def strip(request: PortalRequest, store: MailStore, mailbox: str, uid: int) -> HttpResponse:
    ref = MessageRef(mailbox, uidvalidity_of(request.GET), uid)
    if request.method != "POST":
        return _page(request, store, ref)
    chosen = request.POST.getlist("part")
    try:
        done = stripping.strip(store, ref, chosen)
    except stripping.NotStripped as error:
        return _page(request, store, ref, error=str(error))
    text = ngettext(
        "%(count)d attachment removed. The message as it was is in the trash.",
        "%(count)d attachments removed. The message as it was is in the trash.",
        done.count,
    ) % {"count": done.count}
    fields = {"ways": noted.shortened(steps.dump(done.ways), user_id=request.user.pk)} if done.ways else {}
    say(request, text, undo="mail:unstrip", fields=fields)
    return HttpResponseRedirect(_url(done.now))


def _page(request: PortalRequest, store: MailStore, ref: MessageRef, *, error: str = "") -> HttpResponse:
    detail = store.message(ref.mailbox, ref.uid, uidvalidity=ref.uidvalidity)
    files = stripping.removable(detail.structure)
    if not files:
        raise Http404("nothing to remove")
    context = frame(list(store.mailboxes()), ref.mailbox) | {
        "files": files,
        "signed": stripping.is_signed(detail.structure),
        "subject": detail.summary.envelope.subject,
        "back_url": _url(ref),
        "error": error,
    }
    return render(request, "mail/strip.html", context, status=422 if error else 200)


@require_POST
@with_store
def undo(request: PortalRequest, store: MailStore) -> HttpResponse:
    """The message as it was."""
    ways = steps.load(noted.lengthened(request.POST.get("ways", ""), user_id=request.user.pk))
    if len(ways) != 2:
        raise Http404("no such way back")
    there = stripping.undo(store, ways)
    messages.success(request, _("The message has its attachments again."))
    return HttpResponseRedirect(_url(there) if there else reverse("mail:mailbox", args=(ways[0].target,)))


def _url(ref: MessageRef) -> str:
    return f"{reverse('mail:message', args=(ref.mailbox, ref.uid))}?v={ref.uidvalidity}"
