"""Folders of the column, each kind of them drawn once by ``mail/_folder.html`` and then filled (``portal.stencil``)."""

from __future__ import annotations

from urllib.parse import quote

from django import template
from django.template.context import Context
from django.urls import reverse
from django.utils.safestring import SafeString
from django.utils.translation import ngettext

from apps.mail.services.folders import Node
from portal.stencil import stencils

register = template.Library()

_WORDS = ("url", "name", "label", "count", "count_text", "name_query", "here_query")


@register.simple_tag(takes_context=True)
def draw_folder(context: Context, node: Node) -> SafeString:
    kind = (
        ("listed", node.mailbox is not None),  # by the server: a level that it does not list itself has no actions
        ("selectable", node.selectable),
        ("current", node.current),
        ("unread", node.unread),
        ("counted", bool(node.count)),
        ("icon", node.icon),
        ("hue", node.hue),
        ("key", node.key),
    )
    return stencils("mail/_folder.html", inside="folder")(kind, _WORDS).fill(
        {
            "url": reverse("mail:mailbox", args=(node.name,)) if node.selectable else "",
            "name": node.name,
            "label": node.label,
            "count": node.count,
            "count_text": _count_text(node) if node.count else "",
            "name_query": quote(node.name, safe=""),
            "here_query": quote(str(context.get("mailbox") or ""), safe=""),
        }
    )


def _count_text(node: Node) -> str:
    if node.role == "drafts":
        return ngettext(", %(n)s message", ", %(n)s messages", node.count) % {"n": node.count}
    return ngettext(", %(n)s unread", ", %(n)s unread", node.count) % {"n": node.count}
