"""What one folder is like, who may do what in it, and how much room there is."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.template.defaultfilters import filesizeformat
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from apps.mail.mailbox.store import Mailbox, MailStore
from apps.mail.mailbox.wishes import Wish
from apps.mail.services import access, folder_settings, folders, roots
from apps.mail.services.folder_names import FolderRefused, find
from apps.mail.services.stores import mail_login
from apps.mail.views.common import column, mail_required, with_store
from apps.mail.views.manage_folders import refusals
from portal.http import PortalRequest


@require_http_methods(["GET", "HEAD", "POST"])
@with_store
@refusals
def properties(request: PortalRequest, store: MailStore) -> HttpResponse:
    """``size=yes`` adds up how large it is, which may take a server a while."""
    mailboxes = store.mailboxes()
    mailbox = find((request.POST or request.GET).get("folder", ""), mailboxes)
    if request.method == "POST":
        text = _save(request, store, mailbox)
        messages.success(request, text)
        return HttpResponseRedirect(_address(mailbox))
    sized = request.GET.get("size") == "yes" and mailbox.selectable
    login = mail_login(request.user)
    wish = folder_settings.of(request.user.pk, mailbox.name)
    context: dict[str, Any] = {
        "folder": mailbox,
        "label": folders.label(mailbox),
        "size": filesizeformat(store.total_size(mailbox.name)) if sized else "",
        "wish": wish,
        "colours": [(name, folders.COLOUR_NAMES[name]) for name in folders.COLOURS],
        "roles": [(role, folders.ROLE_LABELS[role]) for role in folders.ROLE_NAMES],
        "can_have_role": mailbox.selectable and mailbox.role != "inbox" and not mailbox.kind,
        "access": access.of(store, mailbox, login=login),
        "access_roles": [(role, label) for role, (_letters, label) in access.ROLES.items()],
        "letters": [(letter, access.WORDS[letter]) for letter in access.WORDS],
    }
    return render(request, "mail/properties.html", column(request, store, "", mailboxes=mailboxes) | context)


def _save(request: PortalRequest, store: MailStore, mailbox: Mailbox) -> str:
    data = request.POST
    before = folder_settings.of(request.user.pk, mailbox.name)
    role = data.get("role", "")
    if role not in (*folders.ROLE_NAMES, "none") or mailbox.role == "inbox" or mailbox.kind:
        role = ""
    wish = Wish(role=role, colour=data.get("colour", ""), polled=data.get("polled") == "yes")
    folder_settings.change(request.user.pk, mailbox.name, wish)
    if wish.colour != before.colour:
        store.set_colour(mailbox.name, wish.colour)
    if wish.role != before.role:
        store.special_use(mailbox.name, wish.role)
    return _("Saved.")


@require_POST
@with_store
@refusals
def share(request: PortalRequest, store: MailStore) -> HttpResponse:
    """Somebody gets rights, other ones, or none."""
    data = request.POST
    mailbox = find(data.get("folder", ""), store.mailboxes(status=False))
    rights = "" if data.get("do") == "remove" else access.rights_in(data.getlist("right"), data.get("role", ""))
    identifier = data.get("identifier", "")
    if data.get("kind") in (access.ANYONE, access.AUTHENTICATED):
        identifier = data["kind"]
    try:
        messages.success(request, access.give(store, mailbox, identifier=identifier, rights=rights))
    except FolderRefused as refused:
        if refused.vanished:
            raise
        messages.error(request, refused.text)
    return HttpResponseRedirect(f"{_address(mailbox)}#access")


@require_safe
@mail_required
def people(request: PortalRequest) -> HttpResponse:
    """Options for whoever is being typed: people whom one knows here, by their logins at the mail server."""
    prefix = request.GET.get("identifier", "").strip()[:100].removeprefix("-")
    return render(request, "mail/_share_people.html", {"people": access.people(request.user, prefix) if prefix else []})


@require_safe
@with_store
def quota(request: PortalRequest, store: MailStore) -> HttpResponse:
    mailboxes = store.mailboxes()
    filled, unasked = roots.biggest(store, mailboxes)
    context = {"roots": roots.of(store, mailboxes), "filled": filled, "unasked": unasked}
    return render(request, "mail/quota.html", column(request, store, "", mailboxes=mailboxes) | context)


def _address(mailbox: Mailbox) -> str:
    return f"{reverse('mail:folder_properties')}?{urlencode({'folder': mailbox.name})}"
