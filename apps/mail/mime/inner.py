"""Files within other files, as mailers of all times have packed them."""

from __future__ import annotations

from dataclasses import dataclass, field

MOST_FILES = 200
MOST_OCTETS = 64 * 1024 * 1024  # of all that is unpacked from one part


class Damaged(ValueError):
    """It is not what it says it is, or it ends too early."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Inner:
    """``name`` is decoded but not safe: it goes through ``filenames`` before use."""

    name: str
    type: str = "application/octet-stream"
    content: bytes = field(repr=False)
    trouble: str = ""  # "", "damaged", or "piece": one of several, ``place`` says which
    place: tuple[int, int] = (0, 0)
