"""Rows of a message list, each kind of them drawn once by ``mail/_row.html`` and then filled (``portal.stencil``)."""

from __future__ import annotations

from collections.abc import Iterable

from django import template
from django.template.context import Context
from django.utils.safestring import SafeString, mark_safe

from apps.mail.mailbox.store import Summary
from apps.mail.services.folders import known_role
from apps.mail.services.listing import Row
from portal.stencil import stencils

register = template.Library()

#: What may be absent; its absence makes another kind of row.
_OPTIONAL = ("mailbox", "time", "folder", "snippet")


@register.simple_tag(takes_context=True)
def draw_rows(context: Context, rows: Iterable[Row], oob: bool = False) -> SafeString:
    """``oob``: each takes the place of the row that the page has already."""
    uid, mailbox = context.get("uid"), context.get("mailbox")
    page = (
        ("role", known_role(context.get("role"))),  # any other makes the same rows
        ("oob", oob),
        ("chosen", bool(context.get("chosen"))),  # as all are: it is no choice of its own
    )
    stencil, drawn = stencils("mail/_row.html", inside="row"), []
    for row in rows:
        words = _words(row)
        absent = tuple((name, "") for name in _OPTIONAL if not words[name])
        open_here = row.uid == uid and (row.ref is None or row.ref.mailbox == mailbox)
        kind = (*page, ("open", open_here), *_marks(row.summary), *absent)
        holes = tuple(name for name in words if (name, "") not in absent)
        drawn.append(stencil(kind, holes).fill(words))
    return mark_safe("\n".join(drawn))  # noqa: S308 - each is safe


def _words(row: Row) -> dict[str, object]:
    return {
        "key": row.key,
        "uid": row.uid,
        "uidvalidity": row.uidvalidity,
        "value": row.value,
        "pick": row.pick,
        "hue": row.hue,
        "initials": row.initials,
        "url": row.url,
        "label": row.label,
        "who": row.who,
        "when": row.when,
        "subject": row.subject,
        "mailbox": row.ref.mailbox if row.ref else "",
        "time": row.time,
        "folder": row.folder,
        "snippet": row.snippet,
    }


def _marks(summary: Summary) -> tuple[tuple[str, bool], ...]:
    return (
        ("seen", summary.seen),
        ("flagged", summary.flagged),
        ("answered", summary.answered),
        ("forwarded", summary.forwarded),
        ("has_attachment", summary.has_attachment),
    )
