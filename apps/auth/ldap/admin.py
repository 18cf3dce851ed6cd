from __future__ import annotations

from django.contrib import admin
from django.db.models import Count, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from apps.auth.ldap.models import DirectoryGroup


@admin.register(DirectoryGroup)
class DirectoryGroupAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Most come by themselves (LDAP_GROUP_FILTER). By hand one is tied to a group that was there before."""

    list_display = ("dn", "group", "members")
    search_fields = ("dn", "group__name")
    autocomplete_fields = ("group",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[DirectoryGroup]:
        links: QuerySet[DirectoryGroup] = super().get_queryset(request)
        return links.select_related("group").annotate(n=Count("group__user"))

    @admin.display(description=_("people here"), ordering="n")
    def members(self, link: DirectoryGroup) -> int:
        return link.n  # type: ignore[attr-defined,no-any-return]
