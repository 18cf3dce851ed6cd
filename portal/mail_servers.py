"""The site's mail servers: one that IMAP_URL (or POP3_URL) and SMTP_URL name, or the backends of MAIL_BACKENDS_FILE."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from portal import conf, rules
from portal.net import ServerUrl, is_loopback, parse_server_url

if TYPE_CHECKING:
    from apps.auth.models import User

IMAP_SERVICES = {"imap": 143, "imaps": 993}
POP3_SERVICES = {"pop3": 110, "pop3s": 995}
SMTP_SERVICES = {"smtp": 587, "smtps": 465}
SETTING = "MAIL_BACKENDS_FILE"
DEMO = "demo.invalid"
FIELD = "backend"  # of the sign-in page


class NoBackend(LookupError):
    """None of the site's mail servers is this person's: it was taken out of the file, or none is set at all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Backend:
    """A server to read from, and the one to send with."""

    name: str = ""  # in the file, in forms and in cookies; "" for the only one, of the settings
    label: str = ""  # for people
    domains: tuple[str, ...] = ()  # of logins that belong here; none: of all that belong nowhere else
    incoming: str
    outgoing: str = ""
    incoming_ca_file: str = ""
    outgoing_ca_file: str = ""
    account_server: str = ""  # what it is called in people's accounts: its host, unless the file says otherwise
    login: str = "{login}"  # what the servers know somebody as, see MAIL_LOGIN_RULE
    address: str = "login"  # see MAIL_ADDRESS_RULE
    address_domain: str = ""
    outgoing_auth: str = "user"
    outgoing_login: str = ""
    outgoing_password: str = field(default="", repr=False)

    @property
    def server(self) -> ServerUrl:
        return incoming_url(self.incoming)

    @property
    def is_pop(self) -> bool:
        return self.incoming.startswith("pop3")

    @property
    def way_out(self) -> ServerUrl:
        """Raises ``BadServerUrl`` where there is none."""
        return parse_server_url(self.outgoing, services=SMTP_SERVICES)

    def login_of(self, login: str, email: str) -> str:
        local, _at, domain = login.partition("@")
        values = {"login": login, "local": local, "domain": self.address_domain or domain, "mail": email}
        return rules.filled(self.login, values)

    def address_of(self, login: str) -> str:
        """The mail address that belongs to a login; "" where that cannot be said."""
        local, at, domain = login.partition("@")
        values = {"login": login, "local": local, "domain": self.address_domain or domain}
        if self.address != "login":
            return rules.filled(self.address, values)
        if at:
            return login
        return f"{login}@{values['domain']}" if values["domain"] else ""


def incoming_url(text: str) -> ServerUrl:
    return parse_server_url(text, services=POP3_SERVICES if text.strip().startswith("pop3") else IMAP_SERVICES)


# --- which one --------------------------------------------------------------------------------------------------------


def backends() -> tuple[Backend, ...]:
    """All of them, in the order of the file; none where no mail server is set."""
    from django.conf import settings

    if settings.MAIL_BACKENDS:
        found: tuple[Backend, ...] = settings.MAIL_BACKENDS
        return found
    only = of_settings()
    return (only,) if only.incoming else ()


def of_settings() -> Backend:
    """The one that stands for the settings beside the file, whatever of it is set."""
    from django.conf import settings

    incoming = settings.IMAP_URL or settings.POP3_URL
    name = incoming_url(incoming).host if incoming else ""
    return Backend(
        incoming=incoming,
        outgoing=settings.SMTP_URL,
        incoming_ca_file=settings.IMAP_TLS_CA_FILE if settings.IMAP_URL else settings.POP3_TLS_CA_FILE,
        outgoing_ca_file=settings.SMTP_TLS_CA_FILE,
        account_server=DEMO if settings.DEMO_SERVERS else name,
        login=settings.MAIL_LOGIN_RULE,
        address=settings.MAIL_ADDRESS_RULE,
        address_domain=settings.MAIL_DOMAIN,
        outgoing_auth=settings.SMTP_AUTH,
        outgoing_login=settings.SMTP_LOGIN,
        outgoing_password=settings.SMTP_PASSWORD,
    )


def fitting(login: str) -> tuple[Backend, ...]:
    """Those that a login can belong to: of its domain; else those of no domain, or with a bare login all of them."""
    found, domain = backends(), login.partition("@")[2].casefold()
    if len(found) == 1 and not found[0].domains:
        return found
    if not domain:
        return found
    return tuple(each for each in found if domain in each.domains) or tuple(each for each in found if not each.domains)


def chosen(login: str, name: str = "") -> Backend | None:
    """The one that a login belongs to, or that somebody named of those that it fits; None where that is open."""
    found = fitting(login)
    named = [each for each in found if each.name == name]
    return named[0] if named else found[0] if len(found) == 1 else None


def of_user(user: User) -> Backend:
    """An account of a mail server's own belongs to that one; others go by the domain of their login or address, and to
    the first where that says nothing. Raises ``NoBackend``."""
    found = backends()
    if len(found) == 1 and not found[0].name:
        return found[0]
    if user.source == "imap":
        found = tuple(each for each in found if each.account_server == user.server)
    else:
        fits = fitting(user.login) if "@" in user.login else fitting(user.email) if user.email else ()
        found = fits or found
    if not found:
        raise NoBackend(user.server)
    return found[0]


def domains() -> tuple[str, ...]:
    """All that addresses of this site have, as far as the settings say."""
    named = [domain for each in backends() for domain in (each.address_domain, *each.domains) if domain]
    return tuple(dict.fromkeys(named))


# --- the file ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Site:
    backends: tuple[Backend, ...] = ()
    choose: bool = False  # whether the sign-in page always offers them


class _Wrong(ValueError):
    """``where``: the backend and the field."""

    def __init__(self, where: str, cure: str) -> None:
        super().__init__(f"{where}: {cure}" if where else cure)


def read(env: conf.Environment, defaults: Mapping[str, Any], *, allow_plain: bool) -> Site:
    """``defaults``: the settings whose values a backend has that says nothing else. What is wrong is reported."""
    path = env(SETTING, conf.text)
    if not path:
        return Site()
    for other in ("IMAP_URL", "POP3_URL", "SMTP_URL"):
        if defaults[other]:
            env.report(other, f"is set, and so is {SETTING}; take one of them out.")
    try:
        data = tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        env.report(SETTING, f"the file {path} cannot be read ({error.strerror}).")
        return Site()
    except ValueError as error:  # no UTF-8 or no TOML
        env.report(SETTING, f"{path}: {error}.")
        return Site()
    found, wrong = _site(data, defaults, allow_plain=allow_plain)
    for each in wrong:
        env.report(SETTING, f"{path}: {each}")
    return Site() if wrong else found


def _site(data: Mapping[str, Any], defaults: Mapping[str, Any], *, allow_plain: bool) -> tuple[Site, list[_Wrong]]:
    stray = sorted(data.keys() - {"choose", "backend"})
    wrong = [_Wrong(name, "is not known; known are choose and backend.") for name in stray]
    choose, tables = data.get("choose", False), data.get("backend", {})
    if not isinstance(choose, bool):
        wrong.append(_Wrong("choose", "write true or false."))
    if not isinstance(tables, dict) or not tables:
        wrong.append(_Wrong("", "names no backend; write one as [backend.staff]."))
        tables = {}
    found: list[Backend] = []
    for name, table in tables.items():
        backend, faults = _one(name, table, defaults, allow_plain=allow_plain)
        wrong += faults
        if backend is not None:
            wrong += _twice(backend, found)
            found.append(backend)
    return Site(tuple(found), choose=bool(choose)), wrong


def _one(
    name: str, table: object, defaults: Mapping[str, Any], *, allow_plain: bool
) -> tuple[Backend | None, list[_Wrong]]:
    where = f"backend {name}"
    if not re.fullmatch(r"[a-z][a-z0-9-]{0,29}", name) or not isinstance(table, dict):
        return None, [_Wrong(where, "write it as a table with a short name of small letters, like [backend.staff].")]
    parsers = _parsers(allow_plain)
    wrong = [
        _Wrong(f"{where}: {each}", f"is not known; known are {', '.join(parsers)}.")
        for each in table.keys() - parsers.keys()
    ]
    values: dict[str, Any] = {}
    for each, parse in parsers.items():
        if each in table:
            try:
                values[each] = parse(table[each])
            except ValueError as error:
                wrong.append(_Wrong(f"{where}: {each}", str(error)))
        elif each in ("label", "incoming", "outgoing"):
            wrong.append(_Wrong(f"{where}: {each}", "is missing."))
    if wrong:
        return None, wrong
    usual = {
        "login": defaults["MAIL_LOGIN_RULE"],
        "address": defaults["MAIL_ADDRESS_RULE"],
        "address_domain": (values.get("domains") or (defaults["MAIL_DOMAIN"],))[0],
        "outgoing_auth": defaults["SMTP_AUTH"],
        "outgoing_login": defaults["SMTP_LOGIN"],
        "outgoing_password": defaults["SMTP_PASSWORD"],
        "account_server": incoming_url(values["incoming"]).host,
    }
    backend = Backend(name=name, **(usual | values))
    if backend.outgoing_auth == "fixed" and not (backend.outgoing_login and backend.outgoing_password):
        wrong.append(_Wrong(f"{where}: outgoing_auth", "fixed needs outgoing_login and outgoing_password too."))
    return backend, wrong


def _twice(backend: Backend, others: list[Backend]) -> list[_Wrong]:
    """What only one of them can have: else two people would be one, or nobody knew where a login belongs."""
    where, wrong = f"backend {backend.name}", []
    for other in others:
        if other.account_server == backend.account_server:
            cure = f"its accounts would be those of {other.name}; give one of them another name."
            wrong.append(_Wrong(f"{where}: account_server", cure))
        if shared := set(other.domains) & set(backend.domains):
            wrong.append(_Wrong(f"{where}: domains", f"{min(shared)} belongs to {other.name} already."))
        if not other.domains and not backend.domains:
            wrong.append(_Wrong(f"{where}: domains", f"is missing, as in {other.name}; only one can do without."))
    return wrong


def _parsers(allow_plain: bool) -> dict[str, Callable[[Any], Any]]:
    def text(value: Any) -> str:
        if not isinstance(value, str) or not value.strip():
            raise ValueError("write a text.")
        return conf.text(value.strip())

    def by(parse: Callable[[str], Any]) -> Callable[[Any], Any]:
        return lambda value: parse(text(value))

    def url(read: Callable[[str], ServerUrl]) -> Callable[[Any], str]:
        def parse(value: Any) -> str:
            server = read(text(value))
            if server.security == "plain" and not allow_plain and not is_loopback(server.host):
                raise ValueError(
                    f"passwords would travel in the clear; write {server.scheme}s:// or {server.scheme}+starttls://, "
                    "or ALLOW_PLAINTEXT=yes where the network itself is safe."
                )
            return text(value)

        return parse

    def names(value: Any) -> tuple[str, ...]:
        if not isinstance(value, list) or not value:
            raise ValueError('write a list of domains, like ["example.org"].')
        return tuple(conf.domain(text(each)).casefold() for each in value)

    return {
        "label": text,
        "domains": names,
        "incoming": url(incoming_url),
        "outgoing": url(lambda value: parse_server_url(value, services=SMTP_SERVICES)),
        "incoming_ca_file": by(conf.authorities),
        "outgoing_ca_file": by(conf.authorities),
        "account_server": text,
        "login": by(rules.login_rule),
        "address": by(rules.address_rule),
        "address_domain": by(conf.domain),
        "outgoing_auth": by(conf.choice("user", "fixed", "none")),
        "outgoing_login": text,
        "outgoing_password": text,
    }
