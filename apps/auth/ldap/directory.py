"""What the portal asks a directory: who is this, is the password right, who is still there.

Every value that goes into a filter is escaped here (RFC 4515 section 3).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from typing import Any

import ldap3  # noqa: TID251 - spoken here
from ldap3.core import results  # noqa: TID251 - spoken here
from ldap3.core.exceptions import LDAPException  # noqa: TID251 - spoken here
from pyasn1.error import PyAsn1Error

from apps.auth.ldap import connection
from apps.auth.ldap.connection import Unavailable
from portal import net
from portal.accounts import canonical_login

#: How a directory refuses a password. What else goes wrong at a bind says nothing about it (RFC 4511 appendix A).
REFUSALS = {
    results.RESULT_CONSTRAINT_VIOLATION,
    results.RESULT_INAPPROPRIATE_AUTHENTICATION,
    results.RESULT_INVALID_CREDENTIALS,
    results.RESULT_NO_SUCH_OBJECT,
    results.RESULT_INSUFFICIENT_ACCESS_RIGHTS,
    results.RESULT_UNWILLING_TO_PERFORM,
}
NOBODY = "nobody-of-this-name"
#: What the library raises: of its own, and at words that are none of the protocol whatever its decoder stumbles over.
NO_LDAP = (LDAPException, PyAsn1Error, AttributeError, LookupError, TypeError, ValueError)
AT_ONCE = 50  # logins in one question
PAGED_RESULTS = "1.2.840.113556.1.4.319"
PAGE = 200  # entries; servers refuse more than 500 or 1000


@dataclass(frozen=True, slots=True)
class Entry:
    dn: str
    login: str  # as accounts have it
    email: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Directory:
    """Where it is and how to ask it. ``{login}`` in the filter of people is whom it is asked for."""

    server: net.ServerUrl
    base: str
    bind_dn: str = ""  # "": asked without signing in
    bind_password: str = field(default="", repr=False)
    user_filter: str = "(uid={login})"
    disabled_filter: str = ""
    login_attribute: str = "uid"
    mail_attribute: str = "mail"
    name_attribute: str = "cn"
    ca_file: str | None = None
    allow_plain: bool = False
    connect_timeout: float = net.CONNECT_TIMEOUT
    read_timeout: float = net.READ_TIMEOUT
    patience: float = net.READ_TIMEOUT  # seconds for all that is asked in one session

    @contextmanager
    def open(self) -> Iterator[Session]:
        """Connected, and signed in as the portal. Raises ``Unavailable``, also for what goes wrong in the block."""
        with connection.session(
            self.server,
            ca_file=self.ca_file,
            allow_plain=self.allow_plain,
            connect_timeout=self.connect_timeout,
            read_timeout=self.read_timeout,
            patience=self.patience,
        ) as connected:
            found = Session(self, connected)
            found.bind_as_portal()
            yield found


def escaped(text: str) -> str:
    """The text as a value in a filter; more than has to be is escaped, so that no parser's habits count."""
    return "".join(
        char if char.isascii() and char.isalnum() else "".join(f"\\{octet:02x}" for octet in char.encode())
        for char in text
    )


@dataclass(frozen=True, slots=True)
class Session:
    directory: Directory
    connected: ldap3.Connection

    def find(self, login: str) -> Entry | None:
        """The person of this login, disabled or not. More than one is nobody: whose password would count?"""
        found = list(islice(self._search(self._of([login])), 2))
        return found[0] if len(found) == 1 else None

    def check(self, entry: Entry | None, password: str) -> bool:
        """Whether this is the password of somebody who is not disabled; for nobody it takes the same steps."""
        disabled = any(self._disabled(self._of([entry.login if entry else NOBODY])))
        right = self.bind(entry.dn if entry else f"cn={NOBODY},{self.directory.base}", password)
        return right and entry is not None and not disabled

    def present(self, logins: Iterable[str]) -> dict[str, Entry]:
        """Those of the logins that it knows, and that are not disabled."""
        found: dict[str, Entry] = {}
        rest = iter(logins)
        while some := list(islice(rest, AT_ONCE)):
            which = self._of(some)
            found |= {entry.login: entry for entry in self._search(which)}
            for entry in self._disabled(which):
                found.pop(entry.login, None)
        return found

    def everybody(self) -> list[Entry]:
        """All who are not disabled."""
        disabled = {entry.login for entry in self._disabled(self._of(None))}
        return [entry for entry in self._search(self._of(None)) if entry.login not in disabled]

    def anybody(self) -> bool:
        return any(self._search(self._of(None)))

    def _disabled(self, which: str) -> Iterator[Entry]:
        """Asked for apart: of an entry without the attribute in question ``(!(...))`` may be neither true nor false."""
        rule = self.directory.disabled_filter
        return self._search(f"(&{which}{rule})") if rule else iter(())

    def bind_as_portal(self) -> None:
        """Where the portal has no name there, it goes on as whoever it was. Raises ``Unavailable``."""
        where = self.directory
        if where.bind_dn and not self.bind(where.bind_dn, where.bind_password):
            raise Unavailable(f"{where.server.host}: it refuses the portal's own sign-in")

    def bind(self, dn: str, password: str) -> bool:
        """A bind with a name and no password succeeds and proves nothing (RFC 4513 section 5.1.2): it is not sent."""
        if not dn or not password:
            return False
        # As octets: the library would otherwise change the password, by SASLprep.
        rebind = partial(self.connected.rebind, dn, password.encode(), ldap3.SIMPLE, read_server_info=False)
        return bool(self._result(rebind, REFUSALS | {results.RESULT_SUCCESS})["result"] == results.RESULT_SUCCESS)

    def _of(self, logins: Iterable[str] | None) -> str:
        """The filter of these people, or of all."""
        values = ["*"] if logins is None else map(escaped, logins)
        return "(|" + "".join(self.directory.user_filter.replace("{login}", value) for value in values) + ")"

    def _search(self, which: str) -> Iterator[Entry]:
        where = self.directory
        attributes = [where.login_attribute, where.mail_attribute, where.name_attribute]
        for answer in self.answers(where.base, which, attributes):
            if (entry := self._entry(answer)) is not None:
                yield entry

    def answers(self, base: str, which: str, attributes: list[str]) -> Iterator[dict[str, Any]]:
        """Entries below ``base`` as the library has them, page by page (RFC 2696). A base that is not there is a
        mistake, and not nobody. Raises ``Unavailable``."""
        cookie: bytes | None = None
        while cookie != b"":
            page = {"attributes": attributes, "paged_size": PAGE, "paged_cookie": cookie}
            search = partial(self.connected.search, base, which, ldap3.SUBTREE, **page)
            told = self._result(search, {results.RESULT_SUCCESS}).get("controls", {}).get(PAGED_RESULTS, {})
            cookie = told.get("value", {}).get("cookie") or b""
            yield from [answer for answer in self.connected.response if answer["type"] == "searchResEntry"]

    def _entry(self, answer: dict[str, Any]) -> Entry | None:
        """None for what has no login that an account could have. Of several it is always the same one."""
        where = self.directory
        told = {name.lower(): octets for name, octets in answer["raw_attributes"].items()}
        logins, emails, names = (
            [value.decode("utf-8", "replace") for value in told.get(wanted.lower(), ())]
            for wanted in (where.login_attribute, where.mail_attribute, where.name_attribute)
        )
        try:
            login = canonical_login(min(logins, default=""))
        except ValueError:
            return None
        return Entry(answer["dn"], login, next(iter(emails), ""), next(iter(names), ""))

    def _result(self, ask: Callable[[], object], expected: set[int]) -> dict[str, Any]:
        server = self.directory.server.host
        try:
            ask()
        except NO_LDAP as error:
            raise Unavailable(f"{server}: {error.__class__.__name__}") from error
        result: dict[str, Any] = self.connected.result
        if result["result"] not in expected:
            raise Unavailable(f"{server}: {result['description']}")
        return result
