"""The messages that others have collected, one by one."""

from __future__ import annotations

import mailbox

from tests.mail.mime.support import CORPORA

FOLDERS = (
    "mikel-mail",
    "stalwart-mail-parser",
    "mimekit",
    "mime4j",
    "nodemailer",
    "dkim-verifier-arh",
    "imaptest-mbox",
)


def messages(folder: str) -> dict[str, bytes]:
    """The messages of one collection, by a name to find them again."""
    found = {}
    for path in sorted((CORPORA / folder).rglob("*")):
        name = str(path.relative_to(CORPORA))
        if path.suffix in {".eml", ".msg", ".txt"}:
            found[name] = path.read_bytes()
        elif path.suffix == ".mbox":
            box = mailbox.mbox(path, create=False)
            found |= {f"{name}#{key}": box.get_bytes(key) for key in box.keys()}  # noqa: SIM118 - iterating gives values
            box.close()
    return found
