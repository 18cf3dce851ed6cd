"""What every mail view needs: a store for its time, errors as pages, the frame with its folders."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from typing import Any, Concatenate, ParamSpec, cast
from urllib.parse import urlsplit

import structlog
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.urls import reverse

from apps.mail.mailbox.errors import AccountLocked, MailError, SignInRefused
from apps.mail.mailbox.names import account_of, prefix_of, qualified
from apps.mail.mailbox.store import Mailbox, MailStore
from apps.mail.prefs import BODY, CHECK, FOLLOWED_FOLDERS
from apps.mail.services import folders, fullness, labels, layouts, news, trouble
from apps.mail.services.stores import open_store
from portal.credentials import Locked
from portal.http import PortalRequest, is_fragment

P = ParamSpec("P")
MailView = Callable[Concatenate[PortalRequest, MailStore, P], HttpResponseBase]
View = Callable[Concatenate[HttpRequest, P], HttpResponseBase]
log = structlog.get_logger(__name__)


def mail_required(view: Callable[Concatenate[PortalRequest, P], HttpResponseBase]) -> View[P]:
    """Signed in, with what the mail layers raise turned into what the person sees. For views that lease by themselves.

    A refused password becomes ``Locked``, and the portal asks for the new one in place. An account of the portal's own
    has no mail behind it.
    """

    @wraps(view)
    def guarded(request: PortalRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        if request.user.is_local:
            return render(request, "mail/no_mailbox.html", status=404)
        try:
            with labels.read_by(request.user.pk):
                return view(request, *args, **kwargs)
        except SignInRefused as error:
            raise Locked(refused=True) from error
        except MailError as error:
            return trouble_response(request, error)

    # Requests are Django's, completed by portal.middleware; the types of URLconfs know only Django's.
    return cast("View[P]", login_required(cast("Any", guarded)))


def with_store(view: MailView[P]) -> View[P]:
    """``mail_required``, with the user's store leased for the time of the view and handed to it."""

    @wraps(view)
    def stored(request: PortalRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        with open_store(request, at=at_hand(request, kwargs)) as store:
            return view(request, store, *args, **kwargs)

    return mail_required(cast("Callable[Concatenate[PortalRequest, P], HttpResponseBase]", stored))


_NAMING = ("folder", "now", "mailbox", "parent", "here")  # fields of forms and addresses that name a mailbox


def at_hand(request: HttpRequest, named: Mapping[str, object]) -> str:
    """The mailbox whose account a view is about: that of its address, or else the first that a field names."""
    fields = (source.get(name, "") for name in _NAMING for source in (request.POST, request.GET))
    return str(named.get("mailbox") or next(filter(None, fields), ""))


def account_named(request: HttpRequest) -> str:
    """A mailbox of the account that the form or address is about; "" for the main one."""
    return prefix_of(at_hand(request, {})) and qualified(account_of(at_hand(request, {})), "INBOX")


def trouble_response(request: PortalRequest, error: MailError) -> HttpResponse:
    """The error as a page of the frame, or in the pane that htmx asked for. The folder column stays as it is: it asks
    again by itself."""
    found = trouble.describe(error)
    log.warning("mail_trouble", error=error.__class__.__name__, detail=str(error))
    context = {"trouble": found, "retry_url": request.get_full_path() if request.method == "GET" else ""}
    if error.account:
        context |= _of_account(request, error)
    context["words"] = error.server_text.strip() if found.quotes else ""
    if not is_fragment(request):
        return render(request, "mail/trouble.html", context, status=found.status)
    target = request.headers.get("HX-Target", "").rpartition("#")[2]
    if target == "folders":
        return HttpResponse(status=found.status, headers={"HX-Reswap": "none"})
    context |= {"pane": target if target in {"list", "reading"} else "", "in_rows": target == "more"}
    return render(request, "mail/_trouble.html", context, status=found.status)


def _of_account(request: PortalRequest, error: MailError) -> dict[str, Any]:
    """With which of the person's other accounts it is; where that wants its password, the form for it."""
    from apps.mail.services import other_accounts  # models: without mail among the apps this module loads too

    row = other_accounts.find(request.user.pk, error.account)
    if row is None:
        raise Http404("no such account")
    here = request.get_full_path() if request.method == "GET" else reverse("mail:index")
    if is_fragment(request):  # the page on which it is asked for
        here = urlsplit(request.headers.get("HX-Current-URL", "")).path or reverse("mail:index")
    return {"of_account": row, "account_locked": isinstance(error, AccountLocked), "next": here}


def column(
    request: PortalRequest, store: MailStore, mailbox: str, *, mailboxes: Sequence[Mailbox] | None = None
) -> dict[str, Any]:
    """``frame`` as this person wants it, with how full their mailbox is; ``mailboxes`` where they are known already."""
    listed = store.mailboxes(polled=True) if mailboxes is None else mailboxes
    shown = folders.followed(listed, mailbox) if request.prefs[FOLLOWED_FOLDERS] else listed
    drawn = folders.drawn(shown, mailbox)
    context = frame(listed, mailbox, shown=drawn) | {"not_drawn": len(shown) - len(drawn)}
    return context | {
        "quota": fullness.fullest(store.quotas()),
        "layout": layouts.of(request.prefs),
        "folders_state": news.of_folders(listed),
        "column_every": max(_SELDOM, every) if (every := int(request.prefs[CHECK])) else 0,
    }


_SELDOM = 60  # seconds after which the column is drawn anew by itself: not every server tells all counts at once


def frame(mailboxes: Sequence[Mailbox], mailbox: str, *, shown: Sequence[Mailbox] | None = None) -> dict[str, Any]:
    """The context of the folder column. ``account``: the number of the one that it is about, 0 for the main one."""
    return {
        "account": account_of(mailboxes[0].name) if mailboxes else 0,
        "tree": folders.tree(mailboxes if shown is None else shown, current=mailbox),
        "mailbox": mailbox,
        "mailbox_label": folders.label_of(mailbox, mailboxes),
        "role": folders.role_of(mailboxes, mailbox),
    }


def uidvalidity_of(data: Mapping[str, str]) -> int:
    """The UIDVALIDITY a link or form carries. Raises ``Http404``: a UID never travels without it."""
    value = data.get("v", "")
    if value.isascii() and value.isdigit() and 0 < len(value) < 11:
        return int(value)
    raise Http404("no UIDVALIDITY")


def is_prefetch(request: HttpRequest) -> bool:
    """The browser guesses that the page may be wanted: nobody has read anything yet."""
    purpose = (request.headers.get(name, "") for name in ("Sec-Purpose", "Purpose", "X-Moz"))
    return any("prefetch" in value or "prerender" in value for value in purpose)


def as_text(request: PortalRequest) -> bool:
    """Whether plain text is asked for here and now, also of what has HTML alone. The preference is about both forms."""
    return request.GET.get("form") == "plain"


def form_wanted(request: PortalRequest) -> str:
    """The form of a message's text that is asked for, or else preferred: html or plain."""
    asked = request.GET.get("form", "")
    return asked if asked in {"html", "plain"} else request.prefs[BODY]
