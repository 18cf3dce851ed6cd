"""What the folder column and the search box need on every page of mail."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from django import template
from django.http import QueryDict
from django.urls import reverse
from django.utils.html import format_html_join
from django.utils.safestring import SafeString

from apps.mail.models import SavedSearch
from apps.mail.prefs import WRITE_IN
from apps.mail.services import folders, saved
from apps.mail.services.view import View
from portal.contracts import Text

register = template.Library()


@register.simple_tag(takes_context=True)
def saved_searches(context: dict[str, Any]) -> list[tuple[SavedSearch, bool]]:
    """Those of the person who is signed in, in their order, and whether it is the one whose results are shown."""
    request = context["request"]
    shown_at = request.headers.get("HX-Current-URL")  # of a column that is drawn anew
    view = View.parse(QueryDict(urlsplit(shown_at).query) if shown_at else request.GET)
    mailbox = context.get("mailbox", "")
    return [(search, saved.is_shown(search, mailbox, view)) for search in saved.of(request.user.pk)]


@register.simple_tag(takes_context=True)
def order_fields(context: dict[str, Any], **given: Any) -> SafeString:
    """What every form that acts on messages carries: under which UIDVALIDITY they were seen, and in which list. From
    the context, where it is not given."""
    seen = {name: given[name] if name in given else context.get(name, "") for name in ("uidvalidity", "role", "view")}
    values = {"v": seen["uidvalidity"], "role": seen["role"]}
    listed = seen["view"].params() if seen["view"] else {}
    fields = [*values.items(), *((name, value) for name, value in listed.items() if name != "v")]
    return format_html_join("", '<input type="hidden" name="{}" value="{}">', fields)


@register.simple_tag(takes_context=True)
def windows_url(context: dict[str, Any]) -> str:
    """Where windows for writing come from; "" for whoever writes on whole pages."""
    return reverse("mail:windows") if context["request"].prefs[WRITE_IN] == "window" else ""


@register.filter
def search_url(search: SavedSearch) -> str:
    view = View(q=search.query, where="all" if search.everywhere else "")
    return reverse("mail:mailbox", args=(search.mailbox,)) + view.encoded()


@register.filter
def folder_name(search: SavedSearch) -> Text:
    return folders.label_of(search.mailbox)
