from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import models
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST

from portal import sessions
from portal.http import PortalRequest
from portal.models import Notice, Session
from portal.views.account import sign_out

if TYPE_CHECKING:
    NoticeModelAdmin = admin.ModelAdmin[Notice]
    SessionModelAdmin = admin.ModelAdmin[Session]
else:
    NoticeModelAdmin = SessionModelAdmin = admin.ModelAdmin


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
        """Without the alerts, which are their owners'."""
        return super().get_queryset(request).filter(user=None).annotate(put_away=models.Count("dismissals"))

    @admin.display(description=_("dismissed by"), ordering="put_away")
    def dismissed_by(self, notice: Notice) -> int:
        count: int = getattr(notice, "put_away")  # noqa: B009 - annotated above, which mypy cannot know
        return count

    def save_model(self, request: HttpRequest, obj: Notice, form: object, change: bool) -> None:
        if not change:
            obj.author_id = request.user.pk
        super().save_model(request, obj, form, change)


@admin.register(Session)
class SessionAdmin(SessionModelAdmin):
    """Who is signed in where, and a button that ends it. There is no page of a session, nor a box to tick: its address
    and value would be the session's key."""

    list_display = ["user", "browser_label", "address", "trusted", "started", "seen", "button"]
    list_display_links = None
    list_select_related = ["user"]
    search_fields = ["user__login", "address", "reference"]
    ordering = ["-seen"]
    actions = None

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[Session]:
        return super().get_queryset(request).filter(user__isnull=False, expire_date__gt=timezone.now())

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        return super().changelist_view(request, {"title": _("Sessions")} | (extra_context or {}))

    @admin.display(description=_("browser"))
    def browser_label(self, row: Session) -> str:
        return row.browser_label

    @admin.display(description="")
    def button(self, row: Session) -> SafeString:
        return format_html(
            '<button class="button" name="reference" value="{}" formaction="{}" aria-label="{}">{}</button>',
            row.reference,
            reverse("admin:portal_session_end"),
            gettext("Sign out %(name)s") % {"name": row.user},
            gettext("Sign out"),
        )

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Session | None = None) -> bool:
        return False

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path("", view(self.changelist_view), name="portal_session_changelist"),
            path("end/", view(require_POST(self.end)), name="portal_session_end"),
        ]

    def end(self, request: HttpRequest) -> HttpResponse:
        if not self.has_delete_permission(request):
            raise PermissionDenied
        row = self.get_queryset(request).filter(reference=request.POST.get("reference") or None).first()
        if row is not None and row.session_key == request.session.session_key:
            return sign_out(cast("PortalRequest", request))
        if row is not None and row.user_id is not None:
            sessions.end(user_id=row.user_id, reference=row.reference, request=request)
            messages.success(request, gettext("Signed out."))
        return HttpResponseRedirect(reverse("admin:portal_session_changelist"))
