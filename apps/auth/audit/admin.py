"""The audit log for administrators: to filter, to search, to take away as a table. Nobody changes it."""

from __future__ import annotations

import contextlib
import csv
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe

from apps.auth.audit.kinds import label
from apps.auth.audit.models import AuditEvent
from apps.auth.audit.record import digest_of
from portal.accounts import canonical_login

if TYPE_CHECKING:
    AuditModelAdmin = admin.ModelAdmin[AuditEvent]
else:
    AuditModelAdmin = admin.ModelAdmin

COLUMNS = ("time", "kind", "outcome", "user_id", "login", "address", "country", "browser", "way", "session", "count")
PAGE = 500  # rows read at a time


class KindFilter(admin.SimpleListFilter):
    title = _("what")
    parameter_name = "kind"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin[Any]) -> list[tuple[str, str]]:
        kinds = AuditEvent.objects.order_by("kind").values_list("kind", flat=True).distinct()
        return [(kind, label(kind)) for kind in kinds]

    def queryset(self, request: HttpRequest, queryset: QuerySet[AuditEvent]) -> QuerySet[AuditEvent]:
        return queryset.filter(kind=self.value()) if self.value() else queryset


@admin.register(AuditEvent)
class AuditEventAdmin(AuditModelAdmin):
    list_display = ["time", "what", "outcome", "person", "address", "country", "browser_label", "way", "count"]
    list_filter = [KindFilter, "outcome", "time"]
    list_select_related = ["user"]
    search_fields = ["login", "user__login", "address", "session"]
    search_help_text = _("Login, address or session. A login that nobody has is found if it is written out.")
    date_hierarchy = "time"
    show_full_result_count = False
    change_list_template = "auth/audit_change_list.html"
    fields = [
        "time",
        "what",
        "outcome",
        "person",
        "address",
        "country",
        "browser_label",
        "way",
        "session",
        "facts",
        "count",
    ]
    actions = None

    @admin.display(description=_("what"), ordering="kind")
    def what(self, row: AuditEvent) -> str:
        return row.label

    @admin.display(description=_("person"), ordering="login")
    def person(self, row: AuditEvent) -> str:
        return str(row.user) if row.user is not None else row.login

    @admin.display(description=_("browser"))
    def browser_label(self, row: AuditEvent) -> str:
        return row.browser_label

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        return super().changelist_view(request, {"title": _("Audit log")} | (extra_context or {}))

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: AuditEvent | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: AuditEvent | None = None) -> bool:
        return False

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[AuditEvent], search_term: str
    ) -> tuple[QuerySet[AuditEvent], bool]:
        found, duplicates = super().get_search_results(request, queryset, search_term)
        names = {search_term}
        with contextlib.suppress(ValueError):
            names.add(canonical_login(search_term))
        unknown = Q(login__in=[digest_of(name) for name in names if name])
        return (found | queryset.filter(unknown), duplicates) if search_term else (found, duplicates)

    def get_urls(self) -> list[URLPattern]:
        export = path("export/", self.admin_site.admin_view(require_safe(self.export)), name="portal_auth_audit_export")
        return [export, *super().get_urls()]

    def export(self, request: HttpRequest) -> StreamingHttpResponse:
        """What the list shows with the same filters, all of it, as CSV (RFC 4180)."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        rows = self.get_changelist_instance(request).get_queryset(request)
        answer = StreamingHttpResponse(_lines(rows), content_type="text/csv; charset=utf-8")
        answer["Content-Disposition"] = f'attachment; filename="audit-{timezone.now():%Y-%m-%d}.csv"'
        return answer


class _Line:
    """A file for ``csv.writer`` that gives back what is written."""

    def write(self, text: str) -> str:
        return text


def _lines(rows: QuerySet[AuditEvent]) -> Iterator[str]:
    """Page by page along the primary key: database drivers would hold a whole result in memory."""
    writer = csv.writer(_Line())
    yield writer.writerow([*COLUMNS, "facts"])
    rows = rows.order_by("-pk")
    page = list(rows[:PAGE])
    while page:
        for row in page:
            facts = " ".join(f"{name}={value}" for name, value in row.facts.items())
            cells = [row.time.isoformat(timespec="seconds"), *(getattr(row, name) for name in COLUMNS[1:]), facts]
            yield writer.writerow([harmless(cell) for cell in cells])
        page = list(rows.filter(pk__lt=page[-1].pk)[:PAGE])


def harmless(cell: object) -> str:
    """What spreadsheets would take for a formula gets an apostrophe before it (OWASP, CSV injection)."""
    text = "" if cell is None else str(cell)
    return f"'{text}" if text.lstrip(" ").startswith(("=", "+", "-", "@", "\t", "\r", "\n")) else text
