"""What templates draw everywhere: icons of the sprite and people's initials."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from urllib.parse import quote

from django import template
from django.contrib.staticfiles import finders
from django.template.context import Context
from django.templatetags.static import static
from django.utils.functional import Promise
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from portal.stencil import stencils

register = template.Library()

SPRITE = Path(__file__).resolve().parent.parent / "static/portal/sprite.svg"
HUES = 8  # the classes h1 to h8 of yurt.css


@register.simple_tag
def icon(name: str, classes: str = "") -> SafeString:
    """The symbol ``name`` of a sprite, hidden from screen readers: the words beside it or its button carry the name.

    ``classes``: size (``sm``, ``lg``, ``huge``), ``flip`` for icons with a direction, ``fill``, colours (``c-ok`` ...).
    """
    return _icon(static("portal/sprite.svg" if name in _first() else "portal/sprite-more.svg"), name, classes)


@cache
def _first() -> frozenset[str]:
    """The icons of the first sprite: those of the frame and of a list of mail. The others come with the first page that
    shows one of them."""
    return frozenset(re.findall(r'<symbol id="([\w-]+)"', SPRITE.read_text("utf-8")))


@register.simple_tag
def person_url(*emails: object) -> str:
    """The page of the person with these addresses; "" where none of them is an address."""
    from portal import people

    good = people.addresses(str(email or "") for email in emails)
    return people.url(good) if good else ""


@register.simple_tag
@cache
def mark_address() -> str:
    """The site's mark within an address: as a file it would be one more request of everybody's first visit."""
    found = finders.find("portal/mark.svg")
    assert isinstance(found, str)
    return "data:image/svg+xml," + quote(Path(found).read_text("utf-8").strip(), safe=" =:/(),.-")


@register.simple_tag(takes_context=True)
def fixed(context: Context, name: str, **given: object) -> SafeString:
    """An include that sees nothing but what it is given, and is drawn once for each language and each set of values:
    for what is the same on every page.

    What a filter ``varies`` is put on may differ each time: the template may print it and ask whether it is there, no
    more. The CSRF token and the page's own address (``here``) are such values by themselves.
    """
    values = {key: value.value for key, value in given.items() if isinstance(value, Varying)}
    holes = tuple(key for key, value in values.items() if value)
    kind = tuple((key, "" if key in values else _kept(value)) for key, value in given.items() if key not in holes)
    drawn = stencils(name)(kind, (*holes, "csrf_token", "here"))
    if "csrf_token" in drawn.holes:
        values["csrf_token"] = str(context.get("csrf_token", ""))
    if "here" in drawn.holes:
        values["here"] = context["request"].get_full_path()
    return drawn.fill(values)


@dataclass(frozen=True, slots=True)
class Varying:
    value: object


@register.filter
def varies(value: object) -> Varying:
    return Varying(value)


def _kept(value: object) -> object:
    return str(value) if isinstance(value, Promise) else value


@lru_cache(maxsize=1000)
def _icon(sprite: str, name: str, classes: str) -> SafeString:
    return format_html(
        '<svg class="i{}" aria-hidden="true"><use href="{}#{}"/></svg>', f" {classes}" if classes else "", sprite, name
    )


@register.simple_tag
def avatar(who: object, classes: str = "") -> SafeString:
    """Initials on one of eight hues; the hue follows from the address, so a person keeps it everywhere.

    ``who``: anything with ``name`` and ``email``, or a text. ``classes``: size (``sm``, ``md``, ``xl``).
    """
    return format_html(
        '<span class="av h{}{}" aria-hidden="true" dir="auto">{}</span>',
        hue_of(who),
        f" {classes}" if classes else "",
        initials_of(who),
    )


def hue_of(who: object) -> int:
    name, email = _named(who)
    return hue(email or name)


def initials_of(who: object) -> str:
    name, email = _named(who)
    return initials(name or email.partition("@")[0])


def _named(who: object) -> tuple[str, str]:
    email = str(getattr(who, "email", "") or "")
    return str(getattr(who, "name", "") or "") if email else str(who or ""), email


@register.filter
def marked(text: object, query: str) -> SafeString:
    """``text`` with what the words of ``query`` have found in it marked: beginnings of words, in any case."""
    wanted = "|".join(re.escape(word) for word in sorted(query.split(), key=len, reverse=True))
    if not wanted:
        return format_html("{}", text)
    pieces = re.split(rf"(?<!\w)({wanted})", str(text), flags=re.IGNORECASE)  # every second one is a find
    shown = (format_html("<mark>{}</mark>", piece) if at % 2 else piece for at, piece in enumerate(pieces))
    return format_html_join("", "{}", ((piece,) for piece in shown))


@lru_cache(maxsize=5000)
def hue(key: str) -> int:
    digest = hashlib.blake2b(key.strip().lower().encode("utf-8", "surrogatepass"), digest_size=1).digest()
    return digest[0] % HUES + 1


@lru_cache(maxsize=5000)
def initials(label: str) -> str:
    """One or two letters: the first of the first and of the last word; one only where a sign is a word (Han, kana)."""
    words = [
        word for word in ("".join(c if c.isalnum() else " " for c in part) for part in label.split()) if word.strip()
    ]
    letters = [word.strip()[0] for word in words]
    if not letters:
        return "?"
    first = letters[0]
    if len(letters) == 1 or _is_ideographic(first):
        return first.upper()
    return (first + letters[-1]).upper()


def _is_ideographic(letter: str) -> bool:
    return unicodedata.name(letter, "").startswith(("CJK", "HIRAGANA", "KATAKANA", "HANGUL"))
