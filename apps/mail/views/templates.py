"""Somebody's templates: the preferences' page of them, and one as it is put into a message."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from apps.mail import prefs
from apps.mail.models import Template
from apps.mail.services import identities, templates
from apps.mail.template_forms import TemplateForm
from apps.mail.views.common import mail_required
from portal import preferences
from portal.http import PortalRequest


@require_safe
@mail_required
def index(request: PortalRequest) -> HttpResponse:
    own = list(Template.objects.filter(user=request.user.pk))
    shared = [each for each in templates.of(request.user) if each.shared]
    return _page(request, "mail/templates.html", {"own": own, "shared": shared, "room": len(own) < templates.MOST})


@require_http_methods(["GET", "HEAD", "POST"])
@mail_required
def new(request: PortalRequest) -> HttpResponse:
    if Template.objects.filter(user=request.user.pk).count() >= templates.MOST:
        return HttpResponseRedirect(reverse("mail:templates"))
    return _edit(request, Template(user=request.user), title=_("New template"))


@require_http_methods(["GET", "HEAD", "POST"])
@mail_required
def edit(request: PortalRequest, pk: int) -> HttpResponse:
    template = get_object_or_404(Template, user=request.user.pk, pk=pk)
    if request.method == "POST" and request.POST.get("action") == "delete":
        template.delete()
        messages.success(request, _("The template was deleted."))
        return HttpResponseRedirect(reverse("mail:templates"))
    return _edit(request, template, title=template.name)


def _edit(request: PortalRequest, template: Template, *, title: str) -> HttpResponse:
    form = TemplateForm(template, request.POST or None)
    if form.is_bound and form.is_valid():
        form.apply().save()
        messages.success(request, _("Saved."))
        return HttpResponseRedirect(reverse("mail:templates"))
    for name in form.errors:
        if name in form.fields:
            form.fields[name].widget.attrs["aria-invalid"] = "true"
    context = {"form": form, "template": template, "heading": title, "placeholders": templates.PLACEHOLDERS}
    return _page(request, "mail/template.html", context, status=400 if form.is_bound else 200)


def _page(request: PortalRequest, name: str, context: dict[str, Any], *, status: int = 200) -> HttpResponse:
    frame = {"sections": preferences.sections(), "page": prefs.TEMPLATES}
    return render(request, name, frame | context, status=status)


@require_POST
@mail_required
def filled(request: PortalRequest, key: str) -> HttpResponse:
    """For the writing page: ``{"text", "html", "subject", "to"}``, as filled in for what stands there."""
    found = templates.find(request.user, key)
    if found is None:
        raise Http404("no such template")
    known = identities.of(request)
    writer = identities.find(known, request.POST.get("identity")) or known[0]
    to, subject = request.POST.get("to", "")[:60_000], request.POST.get("subject", "")[:2000]
    made = templates.filled(found, user=request.user, identity=writer, to=to, subject=subject)
    return JsonResponse({"text": made.text, "html": made.html, "subject": made.subject, "to": made.to})
