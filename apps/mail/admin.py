from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import admin

from apps.mail.models import SenderAddress

if TYPE_CHECKING:
    SenderAddressModelAdmin = admin.ModelAdmin[SenderAddress]
else:
    SenderAddressModelAdmin = admin.ModelAdmin


@admin.register(SenderAddress)
class SenderAddressAdmin(SenderAddressModelAdmin):
    """Which addresses people may write from besides their own."""

    list_display = ["email", "user"]
    search_fields = ["email", "user__login"]
    list_select_related = ["user"]
    autocomplete_fields = ["user"]
