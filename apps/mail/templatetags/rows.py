"""Rows of a message list, each kind of them drawn once by ``mail/_row.html`` and then filled (``portal.stencil``)."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Any, NamedTuple

from django import template
from django.template.context import Context
from django.template.loader import get_template
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language

from apps.mail.services.folders import known_role
from apps.mail.services.listing import Row
from portal.stencil import Stencil, hole

register = template.Library()

#: What differs from row to row in words only.
_WORDS = ("key", "uid", "uidvalidity", "value", "pick", "hue", "initials", "url", "label", "who", "when", "subject")
#: What may be absent too; its absence makes another kind of row.
_OPTIONAL = ("mailbox", "time", "folder", "snippet")


class Kind(NamedTuple):
    """All that decides about the markup of a row."""

    role: str
    oob: bool
    open: bool
    chosen: bool  # as all are: it is no choice of its own
    seen: bool
    flagged: bool
    answered: bool
    forwarded: bool
    has_attachment: bool
    there: tuple[bool, ...]  # by _OPTIONAL


@register.simple_tag(takes_context=True)
def draw_rows(context: Context, rows: Iterable[Row], oob: bool = False) -> SafeString:
    """``oob``: each takes the place of the row that the page has already."""
    uid, mailbox = context.get("uid"), context.get("mailbox")
    role = known_role(context.get("role"))  # any other makes the same rows
    page, language = get_template("mail/_row.html").template, get_language()  # type: ignore[attr-defined]
    chosen = bool(context.get("chosen"))
    drawn = []
    for row in rows:
        words = _words(row)
        open_here = row.uid == uid and (row.ref is None or row.ref.mailbox == mailbox)
        kind = _kind(row, words, role, oob, open_here, chosen)
        drawn.append(_stencil(page, language, kind).fill(words))
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


def _kind(row: Row, words: dict[str, object], role: str, oob: bool, open_here: bool, chosen: bool) -> Kind:
    summary = row.summary
    return Kind(
        role=role,
        oob=oob,
        open=open_here,
        chosen=chosen,
        seen=summary.seen,
        flagged=summary.flagged,
        answered=summary.answered,
        forwarded=summary.forwarded,
        has_attachment=summary.has_attachment,
        there=tuple(bool(words[name]) for name in _OPTIONAL),
    )


@lru_cache(maxsize=500)
def _stencil(page: template.Template, language: str | None, kind: Kind) -> Stencil:
    """One for each language; a template that was changed is another one."""
    holes: dict[str, Any] = {name: hole(name) for name in _WORDS}
    holes |= {name: hole(name) if there else "" for name, there in zip(_OPTIONAL, kind.there, strict=True)}
    return Stencil(page.render(Context({"row": kind._asdict() | holes})))
