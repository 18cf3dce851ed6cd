"""Templates and text snippets: somebody's own, and those that administrators share. Placeholders in them are filled in
when they are put into a message; what cannot be filled stays, and is asked about before it is sent."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from typing import Any

from django.contrib.auth.models import AbstractBaseUser
from django.db.models import Q
from django.http import QueryDict
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from selectolax.lexbor import LexborHTMLParser, LexborNode

from apps.mail.mime import addresses, render_html, to_text
from apps.mail.mime.signature import ORIGINAL, Signature, written
from apps.mail.models import Identity, SharedTemplate, Template, Written
from apps.mail.services import attaching
from portal import addressing
from portal.contracts import Address, Text

MOST = 200  # of one person
MOST_TEXT, MOST_HTML = 100_000, 300_000
#: What a template may leave open, and what it becomes.
PLACEHOLDERS: tuple[tuple[str, Text], ...] = (
    ("{name}", gettext_lazy("the names of the recipients")),
    ("{first_name}", gettext_lazy("the first name of the recipient")),
    ("{date}", gettext_lazy("today’s date")),
    ("{subject}", gettext_lazy("the subject of the message")),
    ("{my_name}", gettext_lazy("your name")),
    ("{my_address}", gettext_lazy("your mail address")),
)
_ATTRIBUTION = re.compile(r"^[^>\n][^\n]*:\n(?=>)", re.MULTILINE)  # the line above a quote
_HOLE = re.compile(r"\{(name|first_name|date|subject|my_name|my_address)\}")


class CannotKeep(Exception):
    """``text``: why, for people."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text


@dataclass(frozen=True, slots=True)
class Named:
    """A template as menus show it."""

    key: str  # "12", or "s12" for a shared one
    name: str
    shared: bool


def of(user: AbstractBaseUser) -> list[Named]:
    """Those that somebody may use: their own first."""
    own = Template.objects.filter(user=user.pk).values_list("pk", "name")
    found = [Named(str(pk), name, shared=False) for pk, name in own]
    return found + [Named(f"s{pk}", name, shared=True) for pk, name in _shared(user).values_list("pk", "name")]


def _shared(user: AbstractBaseUser) -> Any:
    groups = user.groups.values("pk")  # type: ignore[attr-defined]
    return SharedTemplate.objects.filter(Q(groups=None) | Q(groups__in=groups)).distinct().order_by("name", "pk")


def find(user: AbstractBaseUser, key: str) -> Written | None:
    number = key.removeprefix("s")
    if not (number.isascii() and number.isdigit() and len(number) < 19):
        return None
    if key.startswith("s"):
        found: SharedTemplate | None = _shared(user).filter(pk=int(number)).first()
        return found
    return Template.objects.filter(user=user.pk, pk=int(number)).first()


# --- into a message ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Filled:
    text: str
    html: str
    subject: str
    to: str


def filled(template: Written, *, user: AbstractBaseUser, identity: Identity, to: str, subject: str) -> Filled:
    """``to`` and ``subject``: as they stand in the form. What stands there wins over what the template brings."""
    people = addresses.split(to) or addresses.split(template.to)
    values = _values(user, identity, people)
    line = _fill(template.subject, values)
    values["subject"] = subject or line
    plain = _fill(template.text.replace("\r\n", "\n"), values)
    html = template.html or "".join(
        f'<div dir="auto">{escape(line) or "<br>"}</div>' for line in template.text.replace("\r\n", "\n").split("\n")
    )
    return Filled(
        text=plain or to_text.text(_fill(html, _escaped(values))),
        html=_fill(html, _escaped(values)),
        subject=line,
        to=template.to,
    )


def _values(user: AbstractBaseUser, identity: Identity, people: tuple[Address, ...]) -> dict[str, str]:
    unnamed = [each.email for each in people if not each.name]
    known = addressing.resolve(user=user, emails=unnamed) if unnamed else {}
    names = [
        each.name or (known[each.email.lower()].address.name if each.email.lower() in known else "") for each in people
    ]
    all_named = bool(names) and all(names)
    return {
        "name": ", ".join(names) if all_named else "",
        "first_name": ", ".join(map(_first, names)) if all_named else "",
        "date": date_format(timezone.localdate(), "DATE_FORMAT"),
        "my_name": identity.address.label,
        "my_address": identity.address.email,
    }


def _first(name: str) -> str:
    """Of “Adams, Anna” as of “Anna Adams”."""
    _last, comma, first = name.partition(",")
    words = (first if comma and first.strip() else name).split()
    return words[0] if words else name


def _escaped(values: Mapping[str, str]) -> dict[str, str]:
    return {key: escape(value) for key, value in values.items()}


def _fill(text: str, values: Mapping[str, str]) -> str:
    return _HOLE.sub(lambda hole: values.get(hole[1]) or hole[0], text)


def put_in(post: QueryDict, template: Written, *, user: AbstractBaseUser, identity: Identity, below: bool) -> None:
    """Into a form without scripts, which knows no cursor: where one begins to write."""
    found = filled(template, user=user, identity=identity, to=post.get("to", ""), subject=post.get("subject", ""))
    text = post.get("text", "").replace("\r\n", "\n")
    if below:
        signature = re.search(r"^-- \n", text, re.MULTILINE)
        place = signature.start() if signature else len(text)
        post["text"] = f"{text[:place].rstrip(chr(10))}\n\n{found.text}\n{text[place:]}"
    else:
        block = re.search(rf"^-- \n|{ORIGINAL.pattern}", text, re.MULTILINE)
        place = block.start() if block else len(text)
        before = text[:place].strip("\n")
        post["text"] = f"{before}{chr(10) if before else ''}{found.text.rstrip(chr(10))}\n\n{text[place:]}"
    post["subject"] = post.get("subject") or found.subject
    post["to"] = post.get("to") or found.to


def unfilled(data: Mapping[str, Any]) -> tuple[str, ...]:
    """Placeholders that still stand in what is about to be sent, quotes left out."""
    if data.get("format") == "html" and (data.get("html") or "").strip():
        tree = LexborHTMLParser(data["html"])
        for quote in tree.css("blockquote"):
            quote.decompose()
        body = tree.text()
    else:
        lines = (data.get("text") or "").split("\n")
        body = "\n".join(line for line in lines if not line.startswith(">"))
    return tuple(sorted({hole[0] for hole in _HOLE.finditer(f"{data.get('subject') or ''}\n{body}")}))


def unfilled_text(names: tuple[str, ...]) -> str:
    return _("A placeholder is not filled in: %(names)s") % {"names": ", ".join(names)}


# --- kept -------------------------------------------------------------------------------------------------------------


def keep(user: AbstractBaseUser, data: Mapping[str, Any], signature: Signature, *, name: str, above: bool) -> Named:
    """What is written in the form, without signature and quotes. Raises ``CannotKeep``."""
    if Template.objects.filter(user=user.pk).count() >= MOST:
        raise CannotKeep(_("You have as many templates as there can be. Remove some of them first."))
    subject = " ".join((data.get("subject") or "").split())
    html = data.get("html") or ""
    rich = data.get("format") == "html" and bool(html.strip())
    if rich:
        html = cleaned(_without_rest(html, signature))
        text = to_text.text(html)
    else:
        whole = _ATTRIBUTION.sub("", (data.get("text") or "").replace("\r\n", "\n"))
        text, html = written(whole, signature, above=above).strip("\n"), ""
    if not text.strip() and not subject:
        raise CannotKeep(_("There is nothing yet that a template could be made of."))
    if len(text) > MOST_TEXT or len(html) > MOST_HTML:
        raise CannotKeep(_("This text is too long for a template."))
    first_line = next((line.strip() for line in text.split("\n") if line.strip()), "")
    row = Template.objects.create(
        user_id=user.pk,
        name=(" ".join(name.split()) or subject or first_line)[:100],
        subject=subject[:500],
        to=addresses.format(data.get("to") or [])[:2000],
        text=text,
        html=html,
    )
    return Named(str(row.pk), row.name, shared=False)


def cleaned(html: str) -> str:
    """As it is sent. Pictures of a message are left out: a template brings no files."""
    tree = LexborHTMLParser(render_html.clean_outgoing(attaching.as_sent(html)[0]))
    for picture in tree.css("img"):
        picture.decompose()
    body = tree.body
    return (body.inner_html or "").strip() if body is not None else ""


def _without_rest(html: str, signature: Signature) -> str:
    """Without quotes, the line above them, and the signature as it was put in."""
    tree = LexborHTMLParser(html)
    wanted = " ".join(to_text.text(signature.html_block).split()) if signature.html_block else None
    for node in list(tree.css("body > *")):
        text = " ".join((node.text() or "").split())
        if text.startswith("---------- "):  # from here on it is what is passed on
            rest: LexborNode | None = node
            while rest is not None:
                following = rest.next
                rest.decompose()
                rest = following
            break
        quote = node.tag == "blockquote"
        if quote or (wanted is not None and " ".join(to_text.text(node.html or "").split()) == wanted):
            if quote and (line := node.prev) is not None and (line.text() or "").rstrip().endswith(":"):
                line.decompose()
            node.decompose()
    body = tree.body
    return (body.inner_html or "") if body is not None else ""
