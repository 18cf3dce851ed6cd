from __future__ import annotations

import re

from django import template
from django.template.context import Context
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from apps.directory.lookup import words
from apps.directory.lookup.person import Person
from portal import addressing
from portal.contracts import Address

register = template.Library()


@register.simple_tag
def hits(text: str, query: str) -> SafeString:
    """The text, with what the words of the query have found in it marked, however it is accented."""
    wanted = words.of(query)
    if not wanted or not text:
        return format_html("{}", text)
    pieces = words.marked(text, wanted)
    shown = (format_html("<mark>{}</mark>", piece) if inside else piece for piece, inside in pieces)
    return format_html_join("", "{}", ((piece,) for piece in shown))


@register.simple_tag(takes_context=True)
def compose_to(context: Context, person: Person, mail: str) -> str:
    return addressing.compose_url(user=context["request"].user, to=[Address(mail, person.name)])


@register.filter
def safe_web(address: str) -> bool:
    """Whether it may be a link."""
    return re.fullmatch(r"https?://[^\s\x00-\x1f]+", address, re.IGNORECASE) is not None
