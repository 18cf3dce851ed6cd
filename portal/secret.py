"""What opens a mailbox: a password, or the tokens that a provider of sign-ins has given. Standard library only.

``Secret`` is what is kept, sealed: the password itself, or where the tokens lie and the key to them. They lie in one
place for a session and for all that goes on without it, because a refresh token is good once. ``Shown`` is what a
server gets to see: the password, or an access token (RFC 6750).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Tokens:
    """Those of one sign-in, in a row that ``key`` opens."""

    row: str
    key: str = field(repr=False)  # 32 octets, base64

    @property
    def of(self) -> str:
        """Names the sign-in to those who know its key; it stays when the tokens are renewed."""
        return f"{self.row} {hashlib.sha256(self.key.encode()).hexdigest()}"


@dataclass(frozen=True, slots=True)
class Bearer:
    token: str = field(repr=False)  # "" where nobody has to be shown it
    of: str = field(repr=False)  # ``Tokens.of``


Secret: TypeAlias = str | Tokens
Shown: TypeAlias = str | Bearer


def packed(secret: Secret) -> str | list[str]:
    """For JSON. A password is a text, so that no password can be taken for tokens."""
    return secret if isinstance(secret, str) else [secret.row, secret.key]


def unpacked(value: str | list[str]) -> Secret:
    return value if isinstance(value, str) else Tokens(*value)


def named(shown: Shown) -> bytes:
    """The same for what is the same sign-in, and for nothing else: no password is one that brought tokens."""
    text = f"password {shown}" if isinstance(shown, str) else f"sign-in {shown.of}"
    return text.encode("utf-8", "surrogatepass")
