from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from apps.contacts.models import Book

if TYPE_CHECKING:
    BookModelAdmin = admin.ModelAdmin[Book]
else:
    BookModelAdmin = admin.ModelAdmin


@admin.register(Book)
class BookAdmin(BookModelAdmin):
    """Whose books there are and how much is in them. Who is in them is their owners' business."""

    list_display = ["name", "owner", "contacts", "created"]
    search_fields = ["name", "owner__login", "owner__email"]
    list_select_related = ["owner"]
    autocomplete_fields = ["owner"]
    readonly_fields = ["created"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Book]:
        return Book.objects.counted()

    @admin.display(description=_("contacts"))
    def contacts(self, book: Book) -> int:
        return int(book.n)  # type: ignore[attr-defined]
