"""Whose mail, and where."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from portal import net
from portal.secret import Shown


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Whose mail, where, and how the connection is made."""

    server: net.ServerUrl
    login: str
    password: Shown = field(repr=False)  # or a token
    ca_file: str | None = None
    allow_plain: bool = False  # plain text beyond loopback: the site has said so explicitly
    client_address: str = ""  # told to the server by ID (RFC 2971) where the site says that the server trusts us
    connect_timeout: float = net.CONNECT_TIMEOUT
    read_timeout: float = net.READ_TIMEOUT
    owner: int = 0  # whose index and folders these are, where some lie here (POP3): somebody's number in our database
    ignore_capabilities: frozenset[str] = frozenset()  # what the server offers and does badly
    number: int = 0  # of somebody's other account: see ``names.qualified``
    and_system: bool = False  # the system's authorities count beside those of ``ca_file``
    #: Says where the server may be reached, for one that somebody has named; raises ``OSError``.
    reached: Callable[[net.ServerUrl], Sequence[str]] | None = field(default=None, compare=False, repr=False)

    @property
    def id(self) -> tuple[str, str]:
        """Names the account in caches, without its secret."""
        return (str(self.server), self.login)
