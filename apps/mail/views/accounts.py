"""The preferences' page of mail accounts: those there are, another one step by step, and a password asked for again."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from apps.mail import prefs
from apps.mail.account_forms import AccountForm, servers_of
from apps.mail.account_models import OtherAccount
from apps.mail.mailbox.errors import AccountLocked
from apps.mail.mailbox.names import qualified
from apps.mail.models import Identity
from apps.mail.services import account_keys, adding_accounts, other_accounts
from apps.mail.services.adding_accounts import Known, Tried
from apps.mail.templatetags.accounts import hue_of
from apps.mail.views.common import mail_required
from portal import preferences
from portal.http import PortalRequest


def _permitted() -> None:
    if not settings.OTHER_ACCOUNTS:
        raise Http404("the site permits no other accounts")


@require_http_methods(["GET", "HEAD", "POST"])
@mail_required
def index(request: PortalRequest) -> HttpResponse:
    """Those there are. POST signs in at the servers of the one that the button names, and says how that went."""
    _permitted()
    rows = other_accounts.of(request.user.pk)
    tried: Tried | None = None
    if request.method == "POST":
        wanted = request.POST.get("check", "")
        row = next((each for each in rows if str(each.pk) == wanted), None)
        if row is None:
            raise Http404("no such account")
        try:
            tried = adding_accounts.sign_in(Tried(row), account_keys.password_of(request, row))
        except AccountLocked:
            return HttpResponseRedirect(reverse("mail:account_password", args=(row.pk,)))
        if tried.done:
            other_accounts.note_there(row.pk)
    context = {"rows": [_row(request, row) for row in rows], "tried": tried, "room": len(rows) < other_accounts.MOST}
    context |= {"kept": account_keys.are_kept(request)}
    return _page(request, "mail/accounts.html", context)


def _row(request: PortalRequest, row: OtherAccount) -> dict[str, Any]:
    try:
        locked = not account_keys.password_of(request, row)
    except AccountLocked:
        locked = True
    server = other_accounts.incoming_server(row.incoming)
    return {"account": row, "hue": hue_of(row), "locked": locked, "host": server.host, "scheme": server.scheme.upper()}


@sensitive_post_parameters("password")
@require_http_methods(["GET", "HEAD", "POST"])
@mail_required
def new(request: PortalRequest) -> HttpResponse:
    """Without servers in the form they are looked for. It is kept once both have let its owner in."""
    _permitted()
    if len(other_accounts.of(request.user.pk)) >= other_accounts.MOST:
        return HttpResponseRedirect(reverse("mail:accounts"))
    form = AccountForm(request.POST or None)
    tried: Tried | None = None
    if form.is_bound and form.is_valid():
        row, secret = form.apply(OtherAccount(user=request.user)), form.cleaned_data["password"]
        tried = adding_accounts.sign_in(Tried(row), secret) if form.names_servers else adding_accounts.find(row, secret)
        if tried.done and (answer := _saved(request, form, row, secret)):
            return answer
        if row.incoming and not form.names_servers:
            form = _with_servers(form, row)
    return _form(request, form, tried, title=_("New mail account"))


def _with_servers(form: AccountForm, row: OtherAccount) -> AccountForm:
    """The form with what was found, for its owner to look at and to change."""
    login = "" if row.login == row.email else row.login
    found = servers_of(row.incoming, row.outgoing) | {"login": login, "out_login": row.outgoing_login}
    return AccountForm(initial={name: form.data.get(name, "") for name in form.fields} | found)


def _saved(request: PortalRequest, form: AccountForm, row: OtherAccount, secret: str) -> HttpResponse | None:
    try:
        adding_accounts.save(request, row, secret)
    except Known:
        form.add_error("email", _("You have this account here already."))
        return None
    messages.success(request, _("“%(account)s” is ready.") % {"account": row.label})
    return HttpResponseRedirect(reverse("mail:accounts"))


@sensitive_post_parameters("password")
@require_http_methods(["GET", "HEAD", "POST"])
@mail_required
def edit(request: PortalRequest, account_id: int) -> HttpResponse:
    """Other servers need the password again: the one that is kept opens for these only."""
    row = _found(request, account_id)
    if request.method == "POST" and request.POST.get("action") == "remove":
        adding_accounts.remove(request, row)
        messages.success(
            request, _("“%(account)s” was removed from here. Its mail stays where it is.") % {"account": row}
        )
        return HttpResponseRedirect(reverse("mail:accounts"))
    form = AccountForm(request.POST or None, account=row)
    tried: Tried | None = None
    if form.is_bound and not form.names_servers:
        form.add_error("in_host", _("Name the server for reading."))
    if form.is_bound and form.is_valid():
        before = (row.incoming, row.login, row.outgoing, row.outgoing_login)
        form.apply(row)
        changed, secret = (row.incoming, row.login, row.outgoing, row.outgoing_login) != before, _typed(form)
        if changed and not secret:
            form.add_error("password", _("Enter the password as well: it is kept for the former servers only."))
        else:
            tried = adding_accounts.sign_in(Tried(row), secret) if secret else None
            if (tried is None or tried.done) and (answer := _saved(request, form, row, secret)):
                return answer
    identities = Identity.objects.filter(user=request.user, account=row)
    more: dict[str, Any] = {"account": row, "identities": list(identities), "inbox": qualified(row.pk, "INBOX")}
    more["kept_here"] = adding_accounts.kept_here(request, row)
    return _form(request, form, tried, title=str(row), **more)


def _typed(form: AccountForm) -> str:
    return str(form.cleaned_data["password"])


@sensitive_post_parameters("password")
@require_http_methods(["GET", "HEAD", "POST"])
@mail_required
def password(request: PortalRequest, account_id: int) -> HttpResponse:
    """The password of one account once more, and back to where it was missed."""
    row = _found(request, account_id)
    tried: Tried | None = None
    if request.method == "POST" and (secret := request.POST.get("password", "")[:1000]):
        tried = adding_accounts.sign_in(Tried(row), secret)
        if tried.done:
            adding_accounts.save(request, row, secret)
            messages.success(request, _("“%(account)s” is ready.") % {"account": row.label})
            return HttpResponseRedirect(_next(request))
    context: dict[str, Any] = {"account": row, "tried": tried, "next": _next(request), "heading": row.label}
    context |= {"kept": account_keys.are_kept(request)}
    return _page(request, "mail/account_password.html", context, status=422 if tried else 200)


def _next(request: PortalRequest) -> str:
    """Where to go on: an address of ours."""
    wanted = request.POST.get("next") or request.GET.get("next", "")
    safe = url_has_allowed_host_and_scheme(wanted, allowed_hosts=None) and wanted.startswith("/")
    return wanted if safe else reverse("mail:accounts")


def _found(request: PortalRequest, number: int) -> OtherAccount:
    _permitted()
    row = other_accounts.find(request.user.pk, number)
    if row is None:
        raise Http404("no such account")
    return row


def _form(request: PortalRequest, form: AccountForm, tried: Tried | None, *, title: str, **more: Any) -> HttpResponse:
    for name in form.errors:
        if name in form.fields:
            form.fields[name].widget.attrs["aria-invalid"] = "true"
    failed = bool(form.errors) or (tried is not None and not tried.done)
    servers = bool(form.errors.keys() & {"in_host", "out_host"}) or bool(form["in_host"].value()) or failed
    context = {
        "form": form,
        "tried": tried,
        "heading": title,
        "servers": servers,
        "kept": account_keys.are_kept(request),
    }
    return _page(request, "mail/account.html", context | more, status=422 if failed else 200)


def _page(request: PortalRequest, template: str, context: dict[str, Any], *, status: int = 200) -> HttpResponse:
    frame = {"sections": preferences.sections(), "page": prefs.ACCOUNTS}
    return render(request, template, frame | context, status=status)
