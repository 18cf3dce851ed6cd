from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import admin
from django.db import models
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from portal.models import Notice

if TYPE_CHECKING:
    NoticeModelAdmin = admin.ModelAdmin[Notice]
else:
    NoticeModelAdmin = admin.ModelAdmin


@admin.register(Notice)
class NoticeAdmin(NoticeModelAdmin):
    list_display = ["title", "level", "starts", "ends", "audience", "dismissed_by", "author"]
    list_filter = ["level", "audience"]
    search_fields = ["title", "text"]
    list_select_related = ["audience", "author"]
    fieldsets = [
        (None, {"fields": ["title", "text", "url", "level"]}),
        (_("When and for whom"), {"fields": ["starts", "ends", "audience", "dismissible"]}),
    ]

    formfield_overrides = {models.URLField: {"assume_scheme": "https"}}

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[Notice]:
        return super().get_queryset(request).annotate(put_away=models.Count("dismissals"))

    @admin.display(description=_("dismissed by"), ordering="put_away")
    def dismissed_by(self, notice: Notice) -> int:
        count: int = getattr(notice, "put_away")  # noqa: B009 - annotated above, which mypy cannot know
        return count

    def save_model(self, request: HttpRequest, obj: Notice, form: object, change: bool) -> None:
        if not change:
            obj.author_id = request.user.pk
        super().save_model(request, obj, form, change)
