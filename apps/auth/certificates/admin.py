"""Certificates in the administration: listed, issued to people, revoked; never changed or deleted, because a number
that is gone could not be revoked any more."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.translation import gettext_lazy as _

from apps.auth.certificates import handover, services, store
from apps.auth.certificates.models import IssuedCertificate
from apps.auth.certificates.store import AuthorityError
from apps.auth.factors import ways
from portal.security_events import tell

if TYPE_CHECKING:
    CertificateModelAdmin = admin.ModelAdmin[IssuedCertificate]
    CertificateForm = forms.ModelForm[IssuedCertificate]
else:
    CertificateModelAdmin, CertificateForm = admin.ModelAdmin, forms.ModelForm


class IssueForm(CertificateForm):
    class Meta:
        model = IssuedCertificate
        fields = ["user", "device"]

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        self.fields["user"].required = True


@admin.register(IssuedCertificate)
class IssuedCertificateAdmin(CertificateModelAdmin):
    list_display = ["subject", "kind", "user", "device", "issued", "expires", "revoked"]
    list_filter = ["kind", ("revoked", admin.EmptyFieldListFilter)]
    list_select_related = ["user"]
    search_fields = ["subject", "serial", "device"]
    date_hierarchy = "expires"
    actions = ["revoke"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return store.exists() and super().has_add_permission(request)

    def has_change_permission(self, request: HttpRequest, obj: IssuedCertificate | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: IssuedCertificate | None = None) -> bool:
        return False

    def has_revoke_permission(self, request: HttpRequest) -> bool:
        return super().has_change_permission(request)

    @admin.action(description=_("Revoke the chosen certificates"), permissions=["revoke"])
    def revoke(self, request: HttpRequest, queryset: QuerySet[IssuedCertificate]) -> None:
        rows = list(queryset.filter(revoked=None))
        for row in rows:
            self.log_change(request, row, "revoked")
        try:
            services.revoke(*rows, request=request)
        except AuthorityError as error:
            self.message_user(request, str(error), messages.WARNING)
        self.message_user(request, _("Revoked. Let the web server read the list of revoked certificates again."))

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, object] | None = None
    ) -> HttpResponse:
        """Whose it is; then, this once, the password, and a form that fetches the file."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        form = IssueForm(request.POST or None)
        context = self.admin_site.each_context(request) | {"opts": self.opts, "title": _("Issue a certificate")}
        if request.method == "POST" and form.is_valid():
            try:
                packed = services.issue_client(**form.cleaned_data)
            except AuthorityError as error:
                form.add_error(None, str(error))
            else:
                self.log_addition(request, packed.row, "issued")
                handover.hold(request, packed)
                tell(
                    request,
                    kind="factor_added",
                    user=packed.row.user,
                    way=ways.CERTIFICATE,
                    name=packed.row.device,
                    by=request.user.get_username(),
                )
                context |= {"password": packed.password, "row": packed.row}
        return TemplateResponse(request, "auth/issue_certificate.html", context | {"form": form})
