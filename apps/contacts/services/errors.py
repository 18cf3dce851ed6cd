from __future__ import annotations


class NotKept(Exception):
    """Something could not be done; the text is for people."""
