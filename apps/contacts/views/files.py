"""Files attached to a contact: put there, taken away, saved."""

from __future__ import annotations

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect
from django.utils.http import content_disposition_header
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from apps.contacts.models import Contact
from apps.contacts.services import files
from apps.contacts.services.keeping import NotKept
from apps.contacts.views.common import contacts_required, doing, own_contact, was_too_large
from portal.http import PortalRequest


def _contact(request: PortalRequest, pk: int) -> Contact:
    """Raises ``Http404``."""
    found = own_contact(request, pk)
    if not files.may_see(request.user.pk, found):
        raise Http404("no files")
    return found


@contacts_required
@require_POST
def change(request: PortalRequest, pk: int) -> HttpResponse:
    """``do``: attach what is in ``file``, or remove the ``id``."""
    found, do = _contact(request, pk), request.POST.get("do", "")
    here = redirect("contacts:contact", pk)
    if do == "remove":
        id = request.POST.get("id", "")
        if not (id.isascii() and id.isdecimal() and len(id) < 16) or not files.remove(found, int(id)):
            raise Http404("no such file")
        messages.success(request, _("The file is removed."))
        return here
    if do != "attach" or found.deleted or not files.is_offered():
        raise Http404("no such action")
    upload = request.FILES.get("file")
    try:
        if upload is None:
            raise NotKept(files.too_large() if was_too_large(request) else _("Choose a file."))
        files.attach(found, upload, name=upload.name or "", size=upload.size or 0, doing=doing(request))  # type: ignore[arg-type]
    except NotKept as error:
        messages.error(request, str(error))
    else:
        messages.success(request, _("The file is attached."))
    return here


@contacts_required
@require_safe
def file(request: PortalRequest, pk: int, file_id: int) -> HttpResponse:
    """To save, never to show: what is in it is a stranger's."""
    found = files.one(_contact(request, pk), file_id)
    if found is None:
        raise Http404("no such file")
    answer = HttpResponse(bytes(found.content), content_type="application/octet-stream")
    answer["Content-Disposition"] = content_disposition_header(True, found.name) or "attachment"
    answer["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return answer
