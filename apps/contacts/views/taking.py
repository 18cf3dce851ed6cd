"""Copies of cards that are kept elsewhere: taken, and looked at again."""

from __future__ import annotations

from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from apps.contacts.services import keeping, taking
from apps.contacts.views.common import contacts_required, own_contact
from portal.http import PortalRequest


@contacts_required
@require_POST
def take(request: PortalRequest) -> HttpResponse:
    """``source`` and ``key``: see ``portal.contracts.CardSource``. Leads to the copy; back where there is none."""
    try:
        made = taking.take(request.user, request.POST.get("source", ""), request.POST.get("key", ""), request)
    except (LookupError, taking.NotThere):
        raise Http404("no such card") from None
    except OSError:
        messages.error(request, _("The directory does not answer. Try again in a while."))
        return HttpResponseRedirect(_back(request))
    except keeping.NotKept as error:
        messages.error(request, str(error))
        return HttpResponseRedirect(_back(request))
    messages.success(request, _("%(name)s is in your contacts, and is kept up to date.") % {"name": made.name})
    return HttpResponseRedirect(reverse("contacts:contact", args=[made.pk]))


def _back(request: PortalRequest) -> str:
    """The page that the button was on, by its address (``back``)."""
    back = request.POST.get("back", "")
    good = url_has_allowed_host_and_scheme(back, allowed_hosts=None) and back.startswith("/")
    return back if good else reverse("contacts:index")


@contacts_required
@require_POST
def refresh(request: PortalRequest, pk: int) -> HttpResponse:
    """Look at once whether something has changed where this contact was taken from."""
    found = own_contact(request, pk)
    origins = list(found.origins.select_related("contact"))
    if not origins:
        raise Http404("no copy")
    try:
        changed = taking.refresh(request.user, origins, request)
    except OSError:
        messages.error(request, _("The directory does not answer. Try again in a while."))
    else:
        messages.success(request, _("Brought up to date.") if changed else _("Nothing has changed there."))
    return HttpResponseRedirect(reverse("contacts:contact", args=[pk]))
