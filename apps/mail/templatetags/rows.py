"""Rows of a message list, each kind of them drawn once by ``mail/_row.html``, or ``mail/_row_columns.html``, and then
filled (``portal.stencil``)."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import urlencode

from django import template
from django.template.context import Context
from django.utils.html import format_html_join
from django.utils.safestring import SafeString, mark_safe

from apps.mail.services import said
from apps.mail.services.folders import known_role
from apps.mail.services.listing import Row
from portal.stencil import Pairs, stencils

register = template.Library()

MOST_PLACES = 4  # in which a row keeps its markup
#: What may be absent; its absence makes another kind of row.
_OPTIONAL = ("mailbox", "time", "size", "folder", "folder_hue", "snippet", "labels", "count", "depth")
#: What the row's own buttons say of a conversation.
_ACTS = ("archive", "delete", "read", "unread", "flag", "unflag")


@register.simple_tag(takes_context=True)
def draw_rows(context: Context, rows: Iterable[Row], oob: bool = False) -> SafeString:
    """``oob``: each takes the place of the row that the page has already."""
    uid, mailbox = context.get("uid"), context.get("mailbox")
    role, chosen = known_role(context.get("role")), bool(context.get("chosen"))  # any other role makes the same rows
    cards, columns = (stencils(name, inside="row") for name in ("mail/_row.html", "mail/_row_columns.html"))
    drawn = []
    for row in rows:
        stencil = columns if row.shape else cards
        place: Pairs = (
            ("role", role),
            ("oob", oob),
            ("open", row.uid == uid and (row.ref is None or row.ref.mailbox == mailbox)),
            ("chosen", chosen),  # as all are: it is no choice of its own
        )
        page, markup = row.drawn.get(place, (None, ""))
        if page is not stencil.page:  # a template that was changed is another one
            words = _words(row)
            markup = stencil((*place, *_kind(row, words)), _holes(words)).fill(words)
            if len(row.drawn) >= MOST_PLACES:
                row.drawn.clear()
            row.drawn[place] = (stencil.page, markup)
        drawn.append(markup)
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
        "size": row.size,
        "folder": row.folder,
        "folder_hue": row.folder_hue,
        "snippet": row.snippet,
        "labels": _labels(row),
        "count": row.count if row.count > 1 else "",
        "depth": row.depth or "",
    } | ({f"{do}_all": said.whole(do, row.count) for do in _ACTS} if row.count > 1 else {})


def _labels(row: Row) -> SafeString | str:
    """Each leads to all that has it."""
    if not row.labels:
        return ""
    here = (
        row.url.partition("?")[0].rstrip("/").rsplit("/", 2 if row.url.partition("?")[0].endswith("/edit/") else 1)[0]
    )
    return format_html_join(
        "",
        '<a class="tag h{}" href="{}/?{}" tabindex="-1" dir="auto">{}</a>',
        ((label.colour, here, urlencode({"q": label.term}), label.name) for label in row.labels),
    )


def _kind(row: Row, words: dict[str, object]) -> Pairs:
    """All that decides about the markup of a row, beside its place."""
    summary = row.summary
    return (
        ("seen", row.seen),
        ("flagged", row.flagged),
        ("answered", summary.answered),
        ("forwarded", summary.forwarded),
        ("has_attachment", row.has_attachment),
        *((keyword[1:], True) for keyword in row.marks),  # pinned, muted
        *((f"with_{column}", True) for column in row.shape[1:]),
        *((name, "") for name in _OPTIONAL if not words[name]),
    )


def _holes(words: dict[str, object]) -> tuple[str, ...]:
    return tuple(name for name, word in words.items() if word or name not in _OPTIONAL)
