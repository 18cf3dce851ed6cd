"""What goes along with a message being written: fresh uploads, and parts of messages that are on the server already.

In the form each is a token: ``u:<id>`` an upload, ``s:<number>`` a part of the message answered or forwarded,
``d:<number>`` a part of the draft as it was last saved. So a draft is resumed without sending its files again.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.conf import settings

from apps.mail.mailbox.store import MailStore
from apps.mail.mime import decode, filenames
from apps.mail.mime.outgoing import Attachment
from apps.mail.mime.parts import Part
from apps.mail.services import kinds
from apps.mail.services.refs import MessageRef
from apps.mail.services.uploads import Upload, UploadError, Uploads
from portal import credentials
from portal.http import PortalRequest

_TOKEN = re.compile(r"u:[A-Za-z0-9_-]{22}|[sd]:[0-9]+(?:\.[0-9]+)*")
MOST = 200  # files of one message


class Missing(Exception):
    """A file that was attached is not there any more. ``names``: what is known of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One line of the attachments in the compose form."""

    token: str
    filename: str
    size: int  # octets of content, for parts of messages about
    icon: str
    hue: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """Where the parts behind tokens come from."""

    store: MailStore
    uploads: Uploads
    source: MessageRef | None = None
    draft: MessageRef | None = None


def uploads_of(request: PortalRequest) -> Uploads:
    """Raises ``portal.credentials.Locked``."""
    return Uploads(root=settings.DATA_DIR / "uploads", user=str(request.user.pk), key=credentials.data_key(request))


def item_of_upload(upload: Upload) -> Item:
    return _item(f"u:{upload.id}", upload.filename, upload.type, upload.size)


def items_of_parts(parts: Iterable[Part], origin: str) -> list[Item]:
    """``origin``: "s" or "d"."""
    return [_item(f"{origin}:{part.number}", part.filename, part.type, _content_size(part)) for part in parts]


def items(tokens: Sequence[str], sources: Sources) -> list[Item]:
    """The lines for tokens that came back with the form; what is gone is left out."""
    found = []
    structures = _structures(tokens, sources)
    for token in valid(tokens):
        origin, _, name = token.partition(":")
        if origin == "u":
            try:
                found.append(item_of_upload(sources.uploads.get(name)))
            except UploadError:
                continue
        elif origin in structures and (part := structures[origin].find(name)) is not None:
            found += items_of_parts([part], origin)
    return found


def load(tokens: Sequence[str], sources: Sources) -> tuple[Attachment, ...]:
    """The files themselves, in the order of the form. Raises ``Missing``, ``MailError``."""
    structures = _structures(tokens, sources)
    octets = {
        origin: _octets(sources, origin, [t[2:] for t in valid(tokens) if t[0] == origin]) for origin in structures
    }
    loaded = []
    for token in valid(tokens):
        origin, _, name = token.partition(":")
        if origin == "u":
            try:
                upload, content = sources.uploads.get(name), sources.uploads.read(name)
            except UploadError as error:
                raise Missing from error
            loaded.append(Attachment(content=content, filename=upload.filename, type=upload.type))
            continue
        part = structures[origin].find(name) if origin in structures else None
        if part is None:
            raise Missing
        loaded.append(_attachment(part, octets[origin].get(name, b"")))
    return tuple(loaded)


def valid(tokens: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(token for token in tokens if _TOKEN.fullmatch(token)))[:MOST]


def _structures(tokens: Sequence[str], sources: Sources) -> dict[str, Part]:
    origins = {token[0] for token in valid(tokens)}
    refs = {"s": sources.source, "d": sources.draft}
    return {
        origin: sources.store.message(ref.mailbox, ref.uid, uidvalidity=ref.uidvalidity).structure
        for origin, ref in refs.items()
        if ref is not None and origin in origins
    }


def _octets(sources: Sources, origin: str, numbers: Sequence[str]) -> dict[str, bytes]:
    ref = sources.source if origin == "s" else sources.draft
    assert ref is not None
    return dict(sources.store.parts(ref.mailbox, ref.uid, numbers, uidvalidity=ref.uidvalidity))


def _attachment(part: Part, octets: bytes) -> Attachment:
    params = {key: value for key, value in part.params.items() if key != "name"}
    return Attachment(
        content=decode.payload(part, octets),
        filename=part.filename or filenames.safe("", part.type),
        type=part.type,
        params=params,
        description=part.description,
    )


def _content_size(part: Part) -> int:
    return part.size * 3 // 4 if part.encoding == "base64" else part.size


def _item(token: str, filename: str, type: str, size: int) -> Item:
    name = filenames.safe(filename, type)
    kind = kinds.of(type, name)
    return Item(token=token, filename=name, size=size, icon=kind.icon, hue=f"h{kind.hue}")
