"""What the folder column and the search box need on every page of mail."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import template
from django.urls import reverse

from apps.mail.models import SavedSearch
from apps.mail.services import folders, saved
from apps.mail.services.view import View
from portal.contracts import Text

register = template.Library()


@register.simple_tag(takes_context=True)
def saved_searches(context: dict[str, Any]) -> Sequence[SavedSearch]:
    """Those of the person who is signed in, in their order."""
    return saved.of(context["request"].user.pk)


@register.filter
def search_url(search: SavedSearch) -> str:
    view = View(q=search.query, where="all" if search.everywhere else "")
    return reverse("mail:mailbox", args=(search.mailbox,)) + view.encoded()


@register.filter
def folder_name(search: SavedSearch) -> Text:
    return folders.label_of(search.mailbox)
