"""What contacts do when other apps say something happened."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from portal.contracts import Address
from portal.correspondence import written_to


def connect() -> None:
    from apps.contacts.services import unshared

    unshared.connect()
    written_to.connect(note_correspondents, dispatch_uid="contacts.note_correspondents")


def note_correspondents(*, user_id: int, addresses: Sequence[Address], subject: str = "", **kwargs: Any) -> None:
    from apps.contacts.services import correspondents

    correspondents.note(user_id, addresses, subject=subject)
