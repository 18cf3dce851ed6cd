"""The folders of one account for its section of the column: asked for by itself, so that nothing else waits for it."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from apps.mail.mailbox.errors import AccountLocked, MailError
from apps.mail.mailbox.names import qualified
from apps.mail.prefs import FOLLOWED_FOLDERS
from apps.mail.services import folders, other_accounts, trouble
from apps.mail.services.stores import open_store
from apps.mail.views.common import log, mail_required
from portal.http import PortalRequest


@require_safe
@mail_required
def tree(request: PortalRequest, account_id: int) -> HttpResponse:
    """``account_id`` 0 is the main account, in pages of another one. Where a server does not answer, a line says so;
    until somebody asks for it (``now``) it is not waited for again at once."""
    number = account_id
    again = reverse("mail:mailbox", args=(qualified(number, "INBOX"),))
    if other_accounts.is_away(number) and "now" not in request.GET:
        return _said(request, _("The server does not answer."), again, _("Try now"))
    try:
        with open_store(request, at=qualified(number, "")) as store:
            listed = store.mailboxes(polled=True)
    except AccountLocked:
        page = f"{reverse('mail:account_password', args=(number,))}?{urlencode({'next': again})}"
        return _said(request, _("The password is needed once more."), page, _("Enter it"))
    except MailError as error:
        log.warning("account_not_shown", error=error.__class__.__name__)
        if not number:
            raise
        other_accounts.note_away(number)
        return _said(request, f"{trouble.describe(error).title}.", again, _("Try now"))
    other_accounts.note_there(number)
    shown = folders.followed(listed) if request.prefs[FOLLOWED_FOLDERS] else listed
    drawn = folders.drawn(shown)
    context = {"tree": folders.tree(drawn), "mailbox": request.GET.get("mailbox", "")}
    return render(request, "mail/_account_tree.html", context | {"not_drawn": len(shown) - len(drawn)})


def _said(request: PortalRequest, text: str, url: str, words: str) -> HttpResponse:
    context: dict[str, Any] = {"said": text, "ask_url": url, "ask_text": words}
    return render(request, "mail/_account_tree.html", context)
