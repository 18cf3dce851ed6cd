"""Which person of the provider an account belongs to. With a row removed, whoever comes next with that login has it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from apps.auth.oauth.models import ProviderIdentity
from portal.security_events import tell

if TYPE_CHECKING:
    from django.contrib.admin import ModelAdmin

    Admin = ModelAdmin[ProviderIdentity]
else:
    Admin = admin.ModelAdmin


@admin.register(ProviderIdentity)
class IdentityAdmin(Admin):
    list_display = ("user", "since")
    search_fields = ("user__login",)
    fields = readonly_fields = ("user", "since")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: ProviderIdentity | None = None) -> bool:
        return False

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[ProviderIdentity]) -> None:
        for chosen in queryset:
            self.delete_model(request, chosen)

    def delete_model(self, request: HttpRequest, obj: ProviderIdentity) -> None:
        tell(request, kind="provider_identity_removed", user=obj.user_id)
        super().delete_model(request, obj)
