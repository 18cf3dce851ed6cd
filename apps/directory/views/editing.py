"""One's own entry."""

from __future__ import annotations

from typing import cast

from django.contrib import messages
from django.core.files.uploadedfile import UploadedFile
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from apps.directory.forms import OwnEntry
from apps.directory.services import directories, editing, me, people, shown
from apps.directory.services.places import View
from apps.directory.views.common import directory_required
from apps.directory.views.people import side
from portal.http import PortalRequest
from portal.ldap.connection import Unavailable


@directory_required
@require_safe
def mine(request: PortalRequest) -> HttpResponse:
    """The page of whoever asks."""
    own = me.own(request)
    if own is None:
        raise Http404("no entry of one's own")
    return HttpResponseRedirect(reverse("directory:person", args=[own.key]))


@directory_required
@require_http_methods(["GET", "HEAD", "POST"])
def edit(request: PortalRequest) -> HttpResponse:
    own = me.own(request)
    if own is None:
        raise Http404("no entry of one's own")
    client = directories.client_of(own.key)
    who = directories.own_password(request) if shown.may_edit(client, request) else None
    if not editing.fields(client) or who is None:
        raise Http404("nothing to change")
    try:
        person = people.get(own.key, who=who)
    except (LookupError, Unavailable):
        messages.error(request, _("The directory does not answer just now. Try again in a while."))
        return HttpResponseRedirect(reverse("directory:index"))
    form = OwnEntry(
        request.POST or None,
        request.FILES or None,
        fields=editing.fields(client),
        initial=editing.present(client, person),
    )
    if form.is_valid():
        given = cast("UploadedFile[bytes] | None", form.cleaned_data.pop("photo", None))
        octets = None
        if given is not None:
            given.seek(0)
            octets = given.read()
        try:
            changed = editing.change(client, person, who, form.cleaned_data, octets)
        except editing.NotAllowed as error:
            form.add_error(None, str(error))
        except Unavailable as error:
            form.add_error(None, people.note(client, error))
        else:
            if changed:
                messages.success(request, _("Changed: %(fields)s.") % {"fields": ", ".join(changed)})
            return HttpResponseRedirect(reverse("directory:person", args=[person.key]))
    return render(
        request,
        "directory/edit.html",
        side(request, View()) | {"form": form, "person": person, "host": client.server.host, "key": person.key},
    )
