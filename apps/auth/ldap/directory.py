"""What sign-in asks a directory: who is this, is the password right, who is still there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice

from portal import net
from portal.accounts import canonical_login
from portal.ldap import session
from portal.ldap.connection import Unavailable
from portal.ldap.filters import escaped

NOBODY = "nobody-of-this-name"
AT_ONCE = 50  # logins in one question


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
        endpoint = session.Endpoint(
            server=self.server,
            bind_dn=self.bind_dn,
            bind_password=self.bind_password,
            ca_file=self.ca_file,
            allow_plain=self.allow_plain,
            connect_timeout=self.connect_timeout,
            read_timeout=self.read_timeout,
            patience=self.patience,
        )
        with endpoint.open() as opened:
            yield Session(self, opened)


@dataclass(frozen=True, slots=True)
class Session:
    directory: Directory
    opened: session.Session

    def find(self, login: str) -> Entry | None:
        """The person of this login, disabled or not. More than one is nobody: whose password would count?"""
        found = list(islice(self._search(self._of([login])), 2))
        return found[0] if len(found) == 1 else None

    def check(self, entry: Entry | None, password: str) -> bool:
        """Whether this is the password of somebody who is not disabled; for nobody it takes the same steps."""
        disabled = any(self._disabled(self._of([entry.login if entry else NOBODY])))
        right = self.opened.bind(entry.dn if entry else f"cn={NOBODY},{self.directory.base}", password)
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
        if where.bind_dn and not self.opened.bind(where.bind_dn, where.bind_password):
            raise Unavailable(f"{where.server.host}: it refuses the portal's own sign-in", refused=True)

    def _of(self, logins: Iterable[str] | None) -> str:
        """The filter of these people, or of all."""
        values = ["*"] if logins is None else map(escaped, logins)
        return "(|" + "".join(self.directory.user_filter.replace("{login}", value) for value in values) + ")"

    def _search(self, which: str) -> Iterator[Entry]:
        where = self.directory
        attributes = [where.login_attribute, where.mail_attribute, where.name_attribute]
        for answer in self.opened.search(where.base, which, attributes):
            if (entry := self._entry(answer)) is not None:
                yield entry

    def _entry(self, answer: session.Entry) -> Entry | None:
        """None for what has no login that an account could have. Of several it is always the same one."""
        where = self.directory
        try:
            login = canonical_login(min(answer.texts(where.login_attribute), default=""))
        except ValueError:
            return None
        return Entry(answer.dn, login, answer.text(where.mail_attribute), answer.text(where.name_attribute))
