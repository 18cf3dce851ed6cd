from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from apps.contacts.models import Book, Rules, Share
from apps.contacts.services.sharing import fields_text

if TYPE_CHECKING:
    BookModelAdmin = admin.ModelAdmin[Book]
    ShareModelAdmin = admin.ModelAdmin[Share]
    RulesModelAdmin = admin.ModelAdmin[Rules]
else:
    BookModelAdmin = ShareModelAdmin = RulesModelAdmin = admin.ModelAdmin


@admin.register(Book)
class BookAdmin(BookModelAdmin):
    """Whose books there are, how much is in them and may be. Who is in them is their owners' business."""

    list_display = ["name", "owner", "contacts", "most", "created"]
    search_fields = ["name", "owner__login", "owner__email"]
    list_select_related = ["owner"]
    autocomplete_fields = ["owner"]
    fields = ["owner", "name", "is_default", "most", "created"]

    def get_readonly_fields(self, request: HttpRequest, obj: Book | None = None) -> list[str]:
        """A book stays its owner's: with it would go all that is private in it."""
        return ["created"] if obj is None else ["owner", "created"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Book]:
        return Book.objects.counted()

    @admin.display(description=_("contacts"))
    def contacts(self, book: Book) -> int:
        return int(book.n)  # type: ignore[attr-defined]


@admin.register(Share)
class ShareAdmin(ShareModelAdmin):
    """Who shares what with whom, and since when. A share can be taken away here; giving is its owner's business. Single
    contacts and groups are not named."""

    list_display = ["owner", "what", "with_whom", "level", "part", "by", "at"]
    list_filter = ["level", "group", "at"]
    search_fields = ["owner__login", "owner__email", "user__login", "user__email", "group__name", "book__name"]
    list_select_related = ["owner", "user", "group", "book", "by"]
    date_hierarchy = "at"
    fields = ["owner", "what", "with_whom", "level", "part", "by", "at"]
    readonly_fields = ["owner", "what", "with_whom", "level", "part", "by", "at"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Share | None = None) -> bool:
        return False

    @admin.display(description=_("what"))
    def what(self, share: Share) -> str:
        if share.book is not None:
            return share.book.name
        return str(_("a group of contacts") if share.circle_id else _("a contact"))

    @admin.display(description=_("with whom"))
    def with_whom(self, share: Share) -> str:
        return share.with_whom

    @admin.display(description=_("fields"))
    def part(self, share: Share) -> str:
        return fields_text(share.fields) or str(_("all"))


@admin.register(Rules)
class RulesAdmin(RulesModelAdmin):
    """One row, made when it is first asked for."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Rules | None = None) -> bool:
        return False

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        Rules.objects.get_or_create(pk=1)
        return HttpResponseRedirect(reverse("admin:contacts_rules_change", args=[1]))
