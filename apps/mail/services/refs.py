"""A message named in a form: mailbox, UIDVALIDITY and UID in one value."""

from __future__ import annotations

from dataclasses import dataclass

from apps.mail.mailbox.names import decode_segment, encode_segment


@dataclass(frozen=True, slots=True)
class MessageRef:
    mailbox: str
    uidvalidity: int
    uid: int

    def __str__(self) -> str:
        return f"{encode_segment(self.mailbox)}:{self.uidvalidity}:{self.uid}"

    @classmethod
    def parse(cls, text: str) -> MessageRef | None:
        """The reading of ``str``; None for what is none."""
        segment, _, rest = text.rpartition(":")[0].rpartition(":") if text.count(":") >= 2 else ("", "", "")
        uid = text.rpartition(":")[2]
        if not segment or not all(n.isascii() and n.isdigit() and 0 < len(n) < 11 for n in (rest, uid)):
            return None
        try:
            return cls(decode_segment(segment), int(rest), int(uid))
        except ValueError:
            return None
