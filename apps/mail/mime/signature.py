"""The signature below what somebody writes: as text and as HTML, put in and exchanged with nothing else touched."""

from __future__ import annotations

import re
from dataclasses import dataclass

from apps.mail.mime import to_text
from apps.mail.mime.reply import text_as_html

#: Where the original begins: a quoted line with the line that says who wrote it, or the heading of what is passed on.
ORIGINAL = re.compile(r"^(?:[^>\n][^\n]*\n)?>|^-{10} ", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Signature:
    """``html`` is cleaned. Each form is made of the other where that is empty."""

    text: str = ""
    html: str = ""

    @classmethod
    def of(cls, text: str, html: str = "") -> Signature:
        text = text.replace("\r\n", "\n").strip("\n")
        return cls(text or to_text.text(html), html)

    @property
    def block(self) -> str:
        return f"-- \n{self.text}\n" if self.text else ""

    @property
    def html_block(self) -> str:
        """One element, so that it can be found again."""
        if self.html:
            return f'<div><div dir="auto">-- <br></div>{self.html}</div>'
        return f'<div dir="auto">-- <br>{text_as_html(self.text)}</div>' if self.text else ""


def exchange(text: str, old: Signature, new: Signature, *, above: bool) -> str:
    """``text`` with the new signature where the old one stands as it was put in; one that was changed stays.

    ``above``: it stands above the original. The same is done in ``identities.js`` while the page stands.
    """
    if old == new:
        return text
    if not old.text:
        return _put_in(text, new, above=above)
    found = _find(text, old)
    if found is None:
        return text
    before, after = text[: found.start()], text[found.end() :]
    if new.text:
        return f"{before}-- \n{new.text}{after}"
    return before + after.removeprefix("\n\n") if after.strip("\n") else before.removesuffix("\n")


def _find(text: str, signature: Signature) -> re.Match[str] | None:
    return re.search(rf"^-- \n{re.escape(signature.text)}(?=\n\n|\n?\Z)", text, re.MULTILINE)


def _put_in(text: str, signature: Signature, *, above: bool) -> str:
    original = ORIGINAL.search(text) if above else None
    if original is None:
        return f"{text}\n{signature.block}" if text.endswith("\n") else f"{text}\n\n{signature.block}"
    before, after = text[: original.start()].rstrip("\n"), text[original.start() :]
    return f"{before}\n\n{signature.block}\n{after}"


def written(text: str, signature: Signature, *, above: bool) -> str:
    """What the writer has written: without the signature, whatever stands in it, and without the original."""
    found = _find(text, signature) if signature.text else None
    if found is None:
        found = re.search(r"^-- ?\n(?:[^>\n][^\n]*(?:\n|\Z))*", text, re.MULTILINE)
    if found is not None:
        text = text[: found.start()] + text[found.end() :]
    passed_on = re.search(r"^-{10} ", text, re.MULTILINE) if above else None
    lines = text[: passed_on.start()] if passed_on else text
    return "\n".join(line for line in lines.split("\n") if not line.startswith(">"))
