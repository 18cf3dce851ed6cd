"""The form of the quick reply, asked for when somebody begins to write below a message."""

from __future__ import annotations

from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from apps.mail.mailbox.store import MailStore
from apps.mail.mime import addresses
from apps.mail.mime.reply import reply_recipients
from apps.mail.services import identities, prefill, quick
from apps.mail.services.prefill import Writer
from apps.mail.services.refs import MessageRef
from apps.mail.views.common import uidvalidity_of, with_store
from portal.http import PortalRequest, is_fragment

MOST_SHOWN = 6  # people named above the field; the others are counted


@require_safe
@with_store
def form(request: PortalRequest, store: MailStore, mailbox: str, uid: int) -> HttpResponse:
    """``all``: to everybody. As a page of its own it is the writing page."""
    ref = MessageRef(mailbox, uidvalidity_of(request.GET), uid)
    everybody = "all" in request.GET
    if not is_fragment(request):
        page = reverse("mail:reply_all" if everybody else "mail:reply", args=(mailbox, uid))
        return HttpResponseRedirect(f"{page}?v={ref.uidvalidity}")
    mark = quick.place()
    filled = prefill.reply(store, ref, Writer.of(request), everybody=everybody, written=mark)
    known = identities.of(request)
    header = store.message(mailbox, uid, uidvalidity=ref.uidvalidity).header
    everyone = reply_recipients(header, own=[each.address.email for each in known], to_all=True)
    identity = identities.find(known, filled.initial["identity"]) or known[0]
    people = addresses.split(", ".join(filter(None, (str(filled.initial[name]) for name in ("to", "cc")))))
    context = {
        "fields": quick.hidden({**filled.initial, "identity": identity.key}),
        "items": filled.items,
        "place": mark,
        "people": people[:MOST_SHOWN],
        "further": len(people) - MOST_SHOWN,
        "count": len(people),
        "everybody": everybody,
        "all_count": len(everyone.to) + len(everyone.cc),
        "sender": identity.address if len(known) > 1 else None,
        "form_url": f"{reverse('mail:quick', args=(mailbox, uid))}?v={ref.uidvalidity}",
    }
    return render(request, "mail/_quick_form.html", context)
