"""A message on its way out, as a value: what the compose form fills in and ``build`` turns into octets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from portal.contracts import Address


class Refused(ValueError):
    """A value that must not go into a message. ``field`` is the header's name ("To", "Subject") or "attachment"."""

    def __init__(self, field: str, value: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}: {value[:100]!r}")
        self.field = field
        self.value = value
        self.reason = reason  # "control character", "address", "message id", "header name", "type"


@dataclass(frozen=True, slots=True)
class Group:
    """A group (RFC 5322 section 3.4) of which only the name stands in the message: its people are put in its place when
    it is sent. ``ref``: what ``portal.addressing.expand`` takes; "" where only the name is known."""

    name: str
    ref: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """A file that goes along. With a ``content_id`` and ``inline`` it is an image that the HTML shows as ``cid:``."""

    content: bytes = field(repr=False)
    filename: str = ""
    type: str = "application/octet-stream"
    params: Mapping[str, str] = field(default_factory=dict)  # of Content-Type, e.g. {"charset": "utf-8"}
    content_id: str = ""  # without the angle brackets
    inline: bool = False
    description: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class OutgoingMessage:
    """``text`` and ``html`` have LF line ends. A paragraph of ``text`` is one line; quotes begin with "> ".

    With ``html`` and no ``text``, the text alternative is made from the HTML. The HTML is sent as it is: it comes from
    ``render_html.clean_outgoing``.
    """

    from_: Address
    sender: Address | None = None
    to: tuple[Address, ...] = ()
    cc: tuple[Address, ...] = ()
    bcc: tuple[Address, ...] = ()  # serialised in drafts only
    groups: Mapping[str, tuple[Group, ...]] = field(default_factory=dict)  # by field, "To"; in drafts only
    reply_to: tuple[Address, ...] = ()
    subject: str = ""
    text: str = ""
    html: str = ""  # "" for a message in plain text
    attachments: tuple[Attachment, ...] = ()  # inline images among them
    calendar: Attachment | None = None  # the same as the text in another dress: the answer to an invitation (RFC 6047)
    message_id: str = ""  # with angle brackets, from ``build.new_message_id``
    date: datetime | None = None  # aware, in the writer's time zone; now (UTC) when absent
    in_reply_to: str = ""  # with angle brackets
    references: tuple[str, ...] = ()  # each with angle brackets, oldest first
    headers: tuple[tuple[str, str], ...] = ()  # further ones: ("Organization", "IMS"), ("Importance", "high")
    draft_state: Mapping[str, str] = field(default_factory=dict)  # the compose view's notes to itself; in drafts only

    @property
    def recipients(self) -> tuple[str, ...]:
        """Everybody's address for the envelope, each once, in order."""
        return tuple(dict.fromkeys(address.email for address in (*self.to, *self.cc, *self.bcc)))
