"""What is asked over one connection: who signs in, what is found, what is changed. Raises ``Unavailable`` throughout,
but for what the caller has expected."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import ldap3  # noqa: TID251 - spoken here
from ldap3.core import results  # noqa: TID251 - spoken here
from ldap3.core.exceptions import LDAPException  # noqa: TID251 - spoken here
from pyasn1.error import PyAsn1Error

from portal import net
from portal.ldap import connection, filters
from portal.ldap.connection import Unavailable

#: How a directory refuses a password. What else goes wrong at a bind says nothing about it (RFC 4511 appendix A).
REFUSALS = {
    results.RESULT_CONSTRAINT_VIOLATION,
    results.RESULT_INAPPROPRIATE_AUTHENTICATION,
    results.RESULT_INVALID_CREDENTIALS,
    results.RESULT_NO_SUCH_OBJECT,
    results.RESULT_INSUFFICIENT_ACCESS_RIGHTS,
    results.RESULT_UNWILLING_TO_PERFORM,
}
SUCCESS = results.RESULT_SUCCESS
NO_SUCH_OBJECT = results.RESULT_NO_SUCH_OBJECT
#: The server gives what it has found by then, and stops.
CUT_SHORT = {results.RESULT_SIZE_LIMIT_EXCEEDED, results.RESULT_TIME_LIMIT_EXCEEDED}
#: What the library raises: of its own, and at words that are none of the protocol whatever its decoder stumbles over.
NO_LDAP = (LDAPException, PyAsn1Error, AttributeError, LookupError, TypeError, ValueError)
PAGED_RESULTS = "1.2.840.113556.1.4.319"
PAGE = 200  # entries; servers refuse more than 500 or 1000
NO_ATTRIBUTES = ("1.1",)  # RFC 4511 section 4.5.1.8
BELOW, CHILDREN, ITSELF = ldap3.SUBTREE, ldap3.LEVEL, ldap3.BASE


@dataclass(frozen=True, slots=True)
class Entry:
    dn: str
    values: Mapping[str, Sequence[bytes]]  # by the attribute's name in lower case, without options

    def texts(self, attribute: str) -> list[str]:
        """What no UTF-8 is shows as such, and breaks nothing."""
        return [value.decode("utf-8", "replace") for value in self.values.get(attribute.lower(), ())]

    def text(self, attribute: str) -> str:
        return next(iter(self.texts(attribute)), "")


class Refused(Exception):
    """The directory does not make this change. The text is its own, ``code`` that of RFC 4511 section 4.1.9."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """Where a directory is, and who asks."""

    server: net.ServerUrl
    bind_dn: str = ""  # "": asked without signing in
    bind_password: str = field(default="", repr=False)
    ca_file: str | None = None
    allow_plain: bool = False
    connect_timeout: float = net.CONNECT_TIMEOUT
    read_timeout: float = net.READ_TIMEOUT
    patience: float = net.READ_TIMEOUT  # seconds for all that is asked in one session

    @contextmanager
    def open(self) -> Iterator[Session]:
        """Connected, and signed in. Raises ``Unavailable``, also for what goes wrong in the block."""
        with connection.session(
            self.server,
            ca_file=self.ca_file,
            allow_plain=self.allow_plain,
            connect_timeout=self.connect_timeout,
            read_timeout=self.read_timeout,
            patience=self.patience,
        ) as connected:
            found = Session(self.server.host, connected)
            if self.bind_dn and not found.bind(self.bind_dn, self.bind_password):
                raise Unavailable(f"{self.server.host}: it refuses the portal's own sign-in", refused=True)
            yield found


@dataclass(frozen=True, slots=True)
class Session:
    host: str
    connected: ldap3.Connection

    def bind(self, dn: str, password: str) -> bool:
        """A bind with a name and no password succeeds and proves nothing (RFC 4513 section 5.1.2): it is not sent."""
        if not dn or not password:
            return False
        # As octets: the library would otherwise change the password, by SASLprep.
        rebind = partial(self.connected.rebind, dn, password.encode(), ldap3.SIMPLE, read_server_info=False)
        return bool(self._result(rebind, REFUSALS | {SUCCESS})["result"] == SUCCESS)

    def give(self, seconds: float) -> None:
        """What is asked from now on has this long."""
        self.connected.socket.give(seconds)

    def search(
        self,
        base: str,
        which: str = filters.EVERYTHING,
        attributes: Iterable[str] = NO_ATTRIBUTES,
        *,
        scope: str = BELOW,
        most: int | None = None,
        seconds: int = 0,
        types_only: bool = False,
    ) -> Iterator[Entry]:
        """Page by page (RFC 2696), ``most`` at the most. A base that is not there is a mistake, and not nobody.
        ``seconds``: what the server may take for each page (RFC 4511 section 4.5.1.5); what it has by then counts."""
        cookie: bytes | None = None
        given = 0
        while cookie != b"":
            rest = PAGE if most is None else min(PAGE, most - given)
            page = {"paged_size": rest, "paged_cookie": cookie}
            search = partial(
                self.connected.search,
                base,
                which,
                scope,
                ldap3.DEREF_NEVER,
                list(attributes),
                time_limit=seconds,
                types_only=types_only,
                **page,
            )
            told = self._result(search, {SUCCESS, *CUT_SHORT} if seconds or most is not None else {SUCCESS})
            cookie = told.get("controls", {}).get(PAGED_RESULTS, {}).get("value", {}).get("cookie") or b""
            for answer in self.connected.response:
                if answer["type"] != "searchResEntry":
                    continue
                given += 1
                yield _entry(answer)
                if given == most:
                    return

    def read(self, dn: str, attributes: Iterable[str], which: str = filters.EVERYTHING) -> Entry | None:
        """One entry by its name; None where it is not there, not to be seen, or not one of ``which``."""
        search = partial(self.connected.search, dn, which, ITSELF, ldap3.DEREF_NEVER, list(attributes))
        self._result(search, {SUCCESS, NO_SUCH_OBJECT, results.RESULT_INSUFFICIENT_ACCESS_RIGHTS})
        found = [_entry(answer) for answer in self.connected.response or () if answer["type"] == "searchResEntry"]
        return found[0] if found else None

    def replace(self, dn: str, changes: Mapping[str, Sequence[str | bytes]]) -> None:
        """Give attributes these values instead of those they have; none takes the attribute away. Raises
        ``Refused``."""
        asked = {name: [(ldap3.MODIFY_REPLACE, list(values))] for name, values in changes.items()}
        told = self._result(partial(self.connected.modify, dn, asked), None)
        if told["result"] != SUCCESS:
            raise Refused(int(told["result"]), str(told.get("message") or told["description"]))

    def _result(self, ask: Callable[[], object], expected: set[int] | None) -> dict[str, Any]:
        try:
            ask()
        except NO_LDAP as error:
            raise Unavailable(f"{self.host}: {error.__class__.__name__}") from error
        result: dict[str, Any] = self.connected.result
        if expected is not None and result["result"] not in expected:
            raise Unavailable(f"{self.host}: {result['description']}")
        return result


def _entry(answer: Mapping[str, Any]) -> Entry:
    return Entry(
        answer["dn"], {name.partition(";")[0].lower(): octets for name, octets in answer["raw_attributes"].items()}
    )
