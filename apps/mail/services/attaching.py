"""What goes along with a message being written: fresh uploads, and parts of messages that are on the server already.

In the form each is a token: ``u:<id>`` an upload, ``s:<number>`` a part of the message answered or forwarded, ``s:0``
all of that message, ``d:<number>`` a part of the draft as it was last saved. So a draft is resumed without sending its
files again.

A picture that the HTML shows by its Content-ID is drawn in the editor from its address in the portal, which ends in
``#cid=<id>``; ``as_shown`` and ``as_sent`` translate. One that is pasted or dropped into the text is an upload that has
its Content-ID from the beginning.
"""

from __future__ import annotations

import contextlib
import re
import secrets
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from urllib.parse import quote, unquote

from django.conf import settings
from django.urls import reverse
from django.utils.html import escape
from django.utils.translation import gettext as _

from apps.mail.mailbox.errors import NoSuchMailbox, NoSuchMessage
from apps.mail.mailbox.store import MailStore, MessageDetail
from apps.mail.mime import decode, filenames
from apps.mail.mime.outgoing import Attachment
from apps.mail.mime.parts import Part
from apps.mail.services import images, kinds, limits
from apps.mail.services.refs import MessageRef
from apps.mail.services.uploads import Upload, UploadError, Uploads
from portal import credentials
from portal.http import PortalRequest

_TOKEN = re.compile(r"u:[A-Za-z0-9_-]{22}|[sd]:[0-9]+(?:\.[0-9]+)*")
MOST = 200  # files of one message
WHOLE = "0"  # as the number of a part: the message itself, which IMAP gives none
_PRINTABLE = re.compile("[^\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]*")
_PARAMETER = re.compile(r"[A-Za-z0-9-]{1,40}")
_CONTENT_ID = re.compile(r"[\x21-\x3b\x3d\x3f-\x7e]{1,200}")  # what can stand between angle brackets
_URL_SAFE = "!$&()*+,-./:;=?@_~"
_CID_IN_HTML = re.compile(r"""src=(["'])cid:([^"']+)\1""", re.IGNORECASE)
_SHOWN_IN_HTML = re.compile(r"""src=(["'])[^"']*\#cid=([^"']+)\1""", re.IGNORECASE)


class Missing(Exception):
    """A file that was attached is not there any more. ``names``: what is known of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One line of the attachments in the compose form."""

    token: str
    filename: str
    size: int | None  # octets of content, for parts of messages about; None when the server cannot be asked
    icon: str
    hue: str
    content_id: str = ""  # of a picture that can stand in the text
    shown_at: str = ""  # where the editor finds a picture just uploaded


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


def save(request: PortalRequest, *, name: str, type: str, chunks: Iterable[bytes], in_text: bool = False) -> Item:
    """Keep a file for the message being written; ``in_text``, to be shown in it if it is a picture that browsers draw.
    Raises ``uploads.TooLarge``, ``portal.credentials.Locked``."""
    type_ = _type(type)
    return item_of_upload(
        uploads_of(request).save(
            filename=filenames.safe(name, type_),
            type=type_,
            chunks=chunks,
            limit=limits.files(request.user),
            content_id=f"{secrets.token_hex(16)}@image.invalid" if in_text and type_ in images.TYPES else "",
        )
    )


def item_of_upload(upload: Upload) -> Item:
    item = _item(f"u:{upload.id}", upload.filename, upload.type, upload.size)
    if not upload.content_id:
        return item
    url = f"{reverse('mail:upload', args=(upload.id,))}#cid={quote(upload.content_id, safe='')}"
    return replace(item, content_id=upload.content_id, shown_at=url)


def items_of_parts(parts: Iterable[Part], origin: str) -> list[Item]:
    """``origin``: "s" or "d"."""
    return [
        replace(
            _item(f"{origin}:{part.number}", part.filename, part.type, _content_size(part)),
            content_id=part.content_id if _can_be_shown(part) else "",
        )
        for part in parts
    ]


def picture(upload_id: str, uploads: Uploads) -> tuple[Upload, bytes]:
    """A picture that stands in the text being written. Raises ``UploadError``."""
    found = uploads.get(upload_id)
    if not found.content_id or found.type not in images.TYPES:
        raise UploadError(upload_id)
    return found, uploads.read(upload_id)


def item_of_source(detail: MessageDetail) -> Item:
    """The line for the whole message that is passed on."""
    return items_of_parts([_whole(detail)], "s")[0]


def items(tokens: Sequence[str], sources: Sources) -> list[Item]:
    """The lines for tokens that came back with the form; what is gone is left out. Raises ``MailError``."""
    found = []
    details = _details(tokens, sources)
    for token in valid(tokens):
        origin, _colon, name = token.partition(":")
        if origin == "u":
            found += _upload_items(name, sources.uploads)
        elif origin in details and (part := _part(details[origin], name)) is not None:
            found += items_of_parts([part], origin)
    return found


def items_unseen(tokens: Sequence[str], uploads: Uploads) -> list[Item]:
    """The lines while the mail server cannot be asked: nothing is left out that may still be there."""
    found = []
    for token in valid(tokens):
        if token.startswith("u:"):
            found += _upload_items(token[2:], uploads)
        else:
            found.append(
                Item(token=token, filename=_("File on the mail server"), size=None, icon="paperclip", hue="h6")
            )
    return found


def _upload_items(name: str, uploads: Uploads) -> list[Item]:
    try:
        return [item_of_upload(uploads.get(name))]
    except UploadError:
        return []


def load(tokens: Sequence[str], sources: Sources, *, shown: Collection[str] = ()) -> tuple[Attachment, ...]:
    """The files themselves, in the order of the form. Pictures whose Content-ID is among ``shown`` stand in the text.
    Raises ``Missing``, ``MailError``."""
    details = _details(tokens, sources)
    octets = {origin: _octets(sources, origin, [t[2:] for t in valid(tokens) if t[0] == origin]) for origin in details}
    loaded = []
    for token in valid(tokens):
        origin, _colon, name = token.partition(":")
        if origin == "u":
            try:
                upload, content = sources.uploads.get(name), sources.uploads.read(name)
            except UploadError as error:
                raise Missing from error
            inline = upload.content_id in shown
            loaded.append(
                Attachment(
                    content=content,
                    filename=upload.filename,
                    type=upload.type,
                    content_id=upload.content_id if inline else "",
                    inline=inline,
                )
            )
            continue
        part = _part(details[origin], name) if origin in details else None
        if part is None or name not in octets[origin]:
            raise Missing
        loaded.append(_attachment(part, octets[origin][name], shown))
    return tuple(loaded)


def valid(tokens: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(token for token in tokens if _TOKEN.fullmatch(token)))


def _details(tokens: Sequence[str], sources: Sources) -> dict[str, MessageDetail]:
    """By origin; none of a message that is not there any more: moved elsewhere, or a draft saved on another page."""
    origins = {token[0] for token in valid(tokens)}
    found = {}
    for origin, ref in (("s", sources.source), ("d", sources.draft)):
        if ref is not None and origin in origins:
            with contextlib.suppress(NoSuchMessage, NoSuchMailbox):
                found[origin] = sources.store.message(ref.mailbox, ref.uid, uidvalidity=ref.uidvalidity)
    return found


def _octets(sources: Sources, origin: str, numbers: Sequence[str]) -> dict[str, bytes]:
    ref = sources.source if origin == "s" else sources.draft
    assert ref is not None
    wanted = [number for number in numbers if number != WHOLE]
    found = sources.store.parts(ref.mailbox, ref.uid, wanted, uidvalidity=ref.uidvalidity) if wanted else {}
    octets = dict(found)
    if WHOLE in numbers:
        octets[WHOLE] = b"".join(sources.store.stream(ref.mailbox, ref.uid, uidvalidity=ref.uidvalidity))
    return octets


def _part(detail: MessageDetail, number: str) -> Part | None:
    if number == WHOLE:
        return _whole(detail)
    part = detail.structure.find(number)
    return part if part is not None and not part.is_multipart else None


def _whole(detail: MessageDetail) -> Part:
    name = f"{detail.summary.envelope.subject or 'message'}.eml"
    return Part(number=WHOLE, type="message/rfc822", filename=name, size=detail.summary.size)


def _attachment(part: Part, octets: bytes, shown: Collection[str]) -> Attachment:
    """What the message said of the part goes along as far as it can stand in one of ours."""
    params = {
        key: value
        for key, value in part.params.items()
        if key not in {"name", "boundary"} and _PARAMETER.fullmatch(key) and _PRINTABLE.fullmatch(value)
    }
    type_ = _type(part.type)
    inline = _can_be_shown(part) and part.content_id in shown
    return Attachment(
        content=decode.payload(part, octets),
        filename=filenames.safe(part.filename, type_),
        type=type_,
        params=params,
        content_id=part.content_id if inline else "",
        inline=inline,
        description=part.description if _PRINTABLE.fullmatch(part.description) else "",
    )


def _type(type: str) -> str:
    """A type that a file can have: "multipart/..." would make the message around it another one."""
    type_ = filenames.content_type(type)
    return "application/octet-stream" if type_.startswith("multipart/") else type_


# --- pictures in the text ---------------------------------------------------------------------------------------------


def _can_be_shown(part: Part) -> bool:
    return part.type.startswith("image/") and _CONTENT_ID.fullmatch(part.content_id) is not None


def pictures(structure: Part, html: str) -> list[Part]:
    """The pictures of a message that this HTML shows, wherever in it they stand."""
    named = {unquote(found[1]) for found in _CID_IN_HTML.findall(html)}
    return [part for part in structure.walk() if _can_be_shown(part) and part.content_id in named][:MOST]


def as_shown(html: str, parts: Iterable[Part], ref: MessageRef) -> str:
    """The HTML with these pictures where the editor finds them, and without those that are nowhere."""
    urls = {
        part.content_id: reverse("mail:part", args=(ref.mailbox, ref.uid, part.number))
        + f"?v={ref.uidvalidity}#cid={quote(part.content_id, safe='')}"
        for part in parts
    }

    def address(found: re.Match[str]) -> str:
        url = urls.get(unquote(found[2]))
        return "" if url is None else f'src="{escape(url)}"'

    return _CID_IN_HTML.sub(address, html)


def as_sent(html: str) -> tuple[str, frozenset[str]]:
    """The HTML with its pictures named by Content-ID again, and the ids."""
    ids: set[str] = set()

    def name(found: re.Match[str]) -> str:
        content_id = unquote(found[2])
        if not _CONTENT_ID.fullmatch(content_id):
            return found[0]
        ids.add(content_id)
        return f'src="cid:{escape(quote(content_id, safe=_URL_SAFE))}"'

    return _SHOWN_IN_HTML.sub(name, html), frozenset(ids)


def _content_size(part: Part) -> int:
    return part.size * 3 // 4 if part.encoding == "base64" else part.size


def _item(token: str, filename: str, type: str, size: int | None) -> Item:
    name = filenames.safe(filename, type)
    kind = kinds.of(type, name)
    return Item(token=token, filename=name, size=size, icon=kind.icon, hue=f"h{kind.hue}")
