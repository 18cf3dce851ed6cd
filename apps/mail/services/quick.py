"""The quick reply: a field below the message for what is answered.

All else of the answer travels along in the form as the writing page would have it, with a mark at the place of what is
written. Once that is filled in, it is the form of the writing page.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any

from django.http import QueryDict

from apps.mail.mime.reply import text_as_html


def place() -> str:
    """A mark that no original can have in it."""
    return f"[[{secrets.token_urlsafe(18)}]]"


def hidden(initial: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The fields of the writing page as they are sent when nobody has touched them."""
    return [(name, "on" if value is True else str(value)) for name, value in initial.items() if value]


def fill_in(post: QueryDict) -> None:
    """Put what was written into its place. Without a place it stands at the beginning: no word is lost."""
    if "written" not in post:
        return
    written = str(post.pop("written")[-1]).replace("\r\n", "\n").rstrip("\n")
    mark = str(post.pop("place", [""])[-1])
    for name, words, end in (("text", written, "\n\n"), ("html", text_as_html(written) or "<br>", "<br>")):
        before = post.get(name, "")
        if mark and mark in before:
            post[name] = before.replace(mark, words, 1)
        elif name == "text" or before:
            post[name] = f"{words}{end}{before}"
