"""The preferences' page of certificates: the authority for one's devices, and one's own certificates."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any

from cryptography.hazmat.primitives.serialization import Encoding
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.text import slugify
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from apps.auth.certificates import handover, services, store
from apps.auth.certificates.authority import fingerprint
from apps.auth.certificates.models import IssuedCertificate
from apps.auth.certificates.pages import CERTIFICATES
from apps.auth.certificates.store import AuthorityError
from apps.auth.factors import gate, ways
from apps.auth.views.proving import fresh_proof
from portal import preferences
from portal.http import PortalRequest
from portal.security_events import tell

View = Callable[..., HttpResponse]


def _with_authority(view: View) -> View:
    """For people who are signed in, on sites that have an authority."""

    @login_required
    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not store.exists():
            raise Http404
        return view(request, *args, **kwargs)

    return guarded


@_with_authority
@require_safe
def index(request: PortalRequest) -> HttpResponse:
    rows = IssuedCertificate.objects.filter(user=request.user, kind=IssuedCertificate.Kind.CLIENT)
    context = {"certificates": rows, "fingerprint": fingerprint(store.root())}
    return _page(request, "auth/certificates.html", context)


@_with_authority
@require_safe
def authority(request: PortalRequest) -> HttpResponse:
    """As PEM with the ending and type that make browsers and phones offer to install it: all of them read it."""
    root = store.root()
    name = slugify(root.subject.rfc4514_string().removeprefix("CN=")) or "authority"
    return HttpResponse(
        root.public_bytes(Encoding.PEM),
        content_type="application/x-x509-ca-cert",
        headers={"Content-Disposition": f'attachment; filename="{name}.crt"'},
    )


@_with_authority
@require_POST
@fresh_proof
def make(request: PortalRequest) -> HttpResponse:
    """The answer shows the password, this once; the file is fetched by a form on it."""
    most = IssuedCertificate._meta.get_field("device").max_length
    device = " ".join(request.POST.get("device", "").split())[:most]
    try:
        packed = services.make_own(user=request.user, device=device)
    except AuthorityError as error:
        messages.error(request, str(error))
        return _back()
    handover.hold(request, packed)
    gate.enrolled(request, request.user)
    tell(request, kind="factor_added", user=request.user, way=ways.CERTIFICATE, name=device)
    return _page(request, "auth/certificate_made.html", {"password": packed.password, "row": packed.row})


@_with_authority
@require_POST
def file(request: PortalRequest) -> HttpResponse:
    found = handover.deliver(request)
    if found is None:
        messages.error(request, _("The file is not here any more. Make a new certificate."))
        return _back()
    return found


@_with_authority
@require_POST
def revoke(request: PortalRequest, pk: int) -> HttpResponse:
    row = get_object_or_404(IssuedCertificate, pk=pk, user=request.user)
    try:
        services.revoke(row, but=request.session.session_key, request=request)
    except AuthorityError as error:  # the portal itself refuses it already
        messages.warning(request, str(error))
    messages.success(request, _("Revoked."))
    return _back()


def _page(request: PortalRequest, template: str, context: Mapping[str, object]) -> HttpResponse:
    return render(request, template, {"sections": preferences.sections(), "page": CERTIFICATES, **context})


def _back() -> HttpResponse:
    return HttpResponseRedirect(reverse("auth:certificates"))
