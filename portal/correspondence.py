"""Somebody has written to people: told by whoever has sent the message, heard by whoever keeps people.

Only what was sent is told. Who writes to us chooses their own name, and would choose that of somebody else.
"""

from __future__ import annotations

from collections.abc import Sequence

from django.dispatch import Signal

from portal.contracts import Address

#: Arguments: ``user_id``, ``addresses`` (a sequence of ``Address``), ``subject``.
written_to = Signal()


def tell(*, user_id: int, addresses: Sequence[Address], subject: str = "") -> None:
    """Once for each message, after the server has taken it. A listener that fails is logged and fails nobody else."""
    written_to.send_robust(sender=None, user_id=user_id, addresses=addresses, subject=subject)
