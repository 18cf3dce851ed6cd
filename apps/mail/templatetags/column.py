"""Folders of the column, each kind of them drawn once by ``mail/_folder.html`` and then filled (``portal.stencil``)."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple
from urllib.parse import quote

from django import template
from django.template.context import Context
from django.template.loader import get_template
from django.urls import reverse
from django.utils.safestring import SafeString
from django.utils.translation import get_language, ngettext

from apps.mail.services.folders import Node
from portal.stencil import Stencil, hole

register = template.Library()

_WORDS = ("url", "name", "label", "count", "count_text", "name_query", "here_query")


class Kind(NamedTuple):
    """All that decides about the markup of a folder."""

    listed: bool  # by the server: a level that it does not list itself has no actions
    selectable: bool
    current: bool
    unread: bool
    counted: bool
    icon: str
    key: str


@register.simple_tag(takes_context=True)
def draw_folder(context: Context, node: Node) -> SafeString:
    kind = Kind(
        listed=node.mailbox is not None,
        selectable=node.selectable,
        current=node.current,
        unread=node.unread,
        counted=bool(node.count),
        icon=node.icon,
        key=node.key,
    )
    page = get_template("mail/_folder.html").template  # type: ignore[attr-defined]
    return _stencil(page, get_language(), kind).fill(
        {
            "url": reverse("mail:mailbox", args=(node.name,)) if kind.selectable else "",
            "name": node.name,
            "label": node.label,
            "count": node.count,
            "count_text": _count_text(node) if kind.counted else "",
            "name_query": quote(node.name, safe=""),
            "here_query": quote(str(context.get("mailbox") or ""), safe=""),
        }
    )


def _count_text(node: Node) -> str:
    if node.role == "drafts":
        return ngettext(", %(n)s message", ", %(n)s messages", node.count) % {"n": node.count}
    return ngettext(", %(n)s unread", ", %(n)s unread", node.count) % {"n": node.count}


@lru_cache(maxsize=500)
def _stencil(page: template.Template, language: str | None, kind: Kind) -> Stencil:
    return Stencil(page.render(Context({"folder": kind._asdict() | {name: hole(name) for name in _WORDS}})))
