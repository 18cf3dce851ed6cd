"""What else can be asked of a message being written: priority, a receipt, and a reminder of the forgotten file."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import pgettext
from selectolax.lexbor import LexborHTMLParser

from apps.mail.mime import to_text, wire
from apps.mail.mime.signature import Signature, written
from apps.mail.services import later
from portal.contracts import Address

Headers = tuple[tuple[str, str], ...]
RECEIPT = "Disposition-Notification-To"  # RFC 8098 section 2.1
#: RFC 2156 has a field of three values; the older X-Priority is what more programs show.
PRIORITIES: dict[str, Headers] = {
    "high": (("Importance", "high"), ("X-Priority", "1")),
    "low": (("Importance", "low"), ("X-Priority", "5")),
}
_PRIORITY_FIELDS = ("Importance", "X-Priority")


def chosen(headers: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """The form's options as header fields of a draft say them."""
    fields = {name.lower(): value.strip().lower() for name, value in headers}
    word, number = fields.get("importance", ""), fields.get("x-priority", "")[:1]
    by_number = "high" if number in {"1", "2"} else "low" if number in {"4", "5"} else ""
    return {"priority": word if word in PRIORITIES else by_number, "receipt": bool(fields.get(RECEIPT.lower()))}


def of_state(state: Mapping[str, str]) -> dict[str, Any]:
    """The form's options that stand in no header, from the notes of a draft. A time that is over is offered no more."""
    try:
        when = later.chosen(state["later"]) if "later" in state else None
    except later.BadTime:
        when = None
    reminder = later.as_chosen(state.get("remind", ""))
    return {"reports": state.get("reports") == "yes", "later_at": later.typed(when), **reminder}


def headers(data: Mapping[str, Any], kept: Headers, *, sender: Address) -> Headers:
    """``kept``: the fields of the draft. They stay as they are where they say what the form says."""
    before, found = chosen(kept), [pair for pair in kept if pair[0] not in (*_PRIORITY_FIELDS, RECEIPT)]
    if (data.get("priority") or "") == before["priority"]:
        found += [pair for pair in kept if pair[0] in _PRIORITY_FIELDS]
    else:
        found += PRIORITIES.get(data.get("priority") or "", ())
    if data.get("receipt"):
        as_kept = [pair for pair in kept if pair[0] == RECEIPT]
        found += as_kept or [(RECEIPT, wire.addr_spec("From", sender.email))]
    return tuple(found)


def forgotten(data: Mapping[str, Any], signature: Signature, *, files: int, above: bool) -> str:
    """The word with which the text speaks of a file that is not there; "" where nothing seems to be missing."""
    if files:
        return ""
    return _word(f"{data.get('subject') or ''}\n{written(text_of(data), signature, above=above)}")


def text_of(data: Mapping[str, Any]) -> str:
    """The text as it is written, with the marks of its quotes; of rich text the marks alone."""
    html = data.get("html") or ""
    rich = data.get("format") == "html" and html.strip()
    return _without_quotes(html) if rich else (data.get("text") or "").replace("\r\n", "\n")


def _without_quotes(html: str) -> str:
    tree = LexborHTMLParser(html)
    for quote in tree.css("blockquote"):
        quote.replace_with(">")  # what stands above says whose it is
    return to_text.text(tree.html or "")


def _word(text: str) -> str:
    """The first of the language's words that begins a word of the text."""
    text = text.casefold()
    for word in _words():
        found = re.search(rf"(?<!\w){re.escape(word)}\w*", text)
        if found is not None:
            return found[0]
    return ""


def _words() -> list[str]:
    listed = pgettext("beginnings of words that tell of an attached file, with commas between them", "attach, enclos")
    return [word.strip().casefold() for word in listed.split(",") if word.strip()]


def reminder(word: str) -> str:
    return _("You mention “%(word)s”, but no file is attached.") % {"word": word}
