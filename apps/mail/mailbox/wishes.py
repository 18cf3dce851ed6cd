"""How somebody wants a folder, whatever the server says of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Wish:
    role: str = ""  # one of ``store.ROLES``; "none" for no role; "" as the server says
    colour: str = ""  # the name of one, "" for none
    polled: bool = True  # looked into for new messages


#: Wishes for mailboxes, by their names; few have any.
Asked = Callable[[Sequence[str]], dict[str, Wish]]


def none(names: Sequence[str]) -> dict[str, Wish]:
    return {}
