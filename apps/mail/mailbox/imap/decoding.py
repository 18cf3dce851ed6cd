"""Where the IMAP side asks the MIME side: header parameters, which part shows the text, what counts as attachment."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from apps.mail.mime import headers, select
from apps.mail.mime.parts import Part

_SEPARATORS = re.compile(rb'[;="\s]')


def join_parameters(pairs: Iterable[tuple[bytes, bytes]]) -> Mapping[str, str]:
    """Parameters as BODYSTRUCTURE has them, by name in lower case, values decoded."""
    quoted = (
        name + b'="' + value.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'
        for name, value in pairs
        if not _SEPARATORS.search(name)
    )
    return headers.parameters(b"; ".join((b"x", *quoted)))[1]


def has_attachment(structure: Part) -> bool:
    return bool(select.attachments(structure))


def text_part(structure: Part) -> Part | None:
    """The part whose first words make the snippet: plain text where there is any."""
    return next((part for part in select.bodies(structure, "plain") if part.type.startswith("text/")), None)
