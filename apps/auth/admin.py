from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.contrib.auth.forms import BaseUserCreationForm
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from apps.auth import leaving
from apps.auth.audit.admin import AuditEventAdmin as AuditEventAdmin
from apps.auth.certificates.admin import IssuedCertificateAdmin as IssuedCertificateAdmin
from apps.auth.factors import admin as factors
from apps.auth.ldap.admin import DirectoryGroupAdmin as DirectoryGroupAdmin
from apps.auth.models import User
from apps.auth.oauth.admin import IdentityAdmin as IdentityAdmin
from portal import sessions


class NewUserForm(BaseUserCreationForm):  # type: ignore[type-arg]
    class Meta:
        model = User
        fields = ("login", "email", "display_name")

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        login = cleaned.get("login")
        if login:
            try:
                taken = User.objects.local(login) is not None
            except ValueError:
                taken = False  # the model says what is wrong with it
            if taken:
                self.add_error("login", _("There is a local account with this login already."))
        return cleaned


@admin.register(User)
class UserAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Accounts of a mail server appear at their first sign-in; only local ones can be added here."""

    list_display = ("login", "source", "server", "display_name", "email", "is_staff", "is_active", "last_login")
    list_filter = ("is_staff", "is_active", "source", "groups")
    search_fields = ("login", "email", "display_name")
    actions = ("sign_out", factors.hand_out_codes, factors.take_away_proofs)
    readonly_fields = ("source", "server", "login", "last_login", "date_joined", "gone_since")
    filter_horizontal = ("groups", "user_permissions")
    fieldsets = (
        (None, {"fields": ("login", "source", "server", "display_name", "email")}),
        (
            _("What this person may do"),
            {"fields": ("is_active", "is_staff", "is_superuser", "groups", "user_permissions")},
        ),
        (_("Dates"), {"fields": ("last_login", "date_joined", "gone_since")}),
    )
    add_fieldsets = ((None, {"fields": ("login", "email", "display_name", "password1", "password2")}),)

    @admin.action(description=_("Sign out everywhere"), permissions=["change"])
    def sign_out(self, request: HttpRequest, chosen: QuerySet[User]) -> None:
        """Of whoever does it, the session in which they do it stays."""
        here = request.session.session_key
        count = sum(sessions.end_all(user_id=user.pk, but=here, request=request) for user in chosen)
        text = ngettext("%(count)d session has been ended.", "%(count)d sessions have been ended.", count)
        messages.success(request, text % {"count": count})

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        if change and not obj.is_active:
            leaving.shut_out(obj, request=request)

    def get_form(self, request: HttpRequest, obj: User | None = None, change: bool = False, **kwargs: Any) -> Any:
        if obj is None:
            kwargs["form"] = NewUserForm
        return super().get_form(request, obj, change, **kwargs)

    def get_fieldsets(self, request: HttpRequest, obj: User | None = None) -> Any:
        return self.add_fieldsets if obj is None else self.fieldsets

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> tuple[str, ...]:
        return () if obj is None else self.readonly_fields
