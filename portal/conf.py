"""Reads the site's settings from the environment or ``.env``: every one typed, and a wrong one a sentence.

``settings.py`` asks for each setting once, through an ``Environment``. What cannot be read is noted as a ``Problem``
and replaced by its default, so that ``manage.py check`` can name all that is wrong at once (``portal.checks``); the
web process and the worker refuse to start while a problem stands.

A value may also come from a file: ``SECRET_KEY_FILE=/run/secrets/key`` sets ``SECRET_KEY``.
"""

from __future__ import annotations

import fcntl
import ipaddress
import os
import re
import secrets
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit
from zoneinfo import available_timezones

import environ

from portal import envfile

T = TypeVar("T")
_ADDRESS = re.compile(r"[^@\s]+@[^@\s]+")
_WIDEST_NETWORK = 8  # bits: 10.0.0.0/8 and fd00::/8 are somebody's, wider ones are the internet


@dataclass(frozen=True, slots=True)
class Problem:
    """A setting that cannot be used as it stands, and what to write instead."""

    name: str
    cure: str

    def __str__(self) -> str:
        return f"{self.name}: {self.cure}"


@dataclass(slots=True)
class Environment:
    """Call it with a name, a parser and a default; a parser raises ``ValueError`` with the cure as its text."""

    source: Mapping[str, str]
    problems: list[Problem] = field(default_factory=list)
    defaults: dict[str, str] = field(default_factory=dict)  # every setting asked for, for the table in the docs

    def __call__(self, name: str, parse: Callable[[str], T], default: str = "") -> T:
        self.defaults[name] = default
        try:
            return parse(self._raw(name, default).strip())
        except ValueError as error:
            self.problems.append(Problem(name, str(error)))
            return parse(default)

    def report(self, name: str, cure: str) -> None:
        """Note what is wrong with a setting in view of another one."""
        self.problems.append(Problem(name, cure))

    def _raw(self, name: str, default: str) -> str:
        path = self.source.get(f"{name}_FILE")
        if path is None or name in self.source:
            return self.source.get(name, default)
        try:
            return Path(path).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise ValueError(f"{name}_FILE names {path}, which cannot be read ({error.__class__.__name__}).") from None


def load(env_file: Path) -> Environment:
    """The process's environment over ``env_file``; ``ENV_FILE`` names another file, or none when it is empty."""
    env = Environment(os.environ)
    try:
        for name, value in envfile.read(os.environ, env_file).items():
            os.environ.setdefault(name, value)
    except envfile.Unreadable as error:
        env.report("ENV_FILE", str(error))
    return env


def join_demo(folder: Path) -> None:
    """For ``manage.py`` beside a ``make run`` that shows the demo: the addresses of its servers, which only that run's
    own processes have in their environment. The lock tells whether it runs; a site with a mail server has no demo."""
    note = folder / "demo" / "env"
    names = ("IMAP_URL", "IMAP_URL_FILE", "POP3_URL", "POP3_URL_FILE", "MAIL_BACKENDS_FILE")
    if any(os.environ.get(name, "").strip() for name in names) or not note.is_file():
        return
    with (folder / "run.lock").open("ab") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            environ.Env.read_env(note, overwrite=True)


# --- parsers -------------------------------------------------------------------------------------------------------


def text(value: str) -> str:
    if any(ord(char) < 32 or ord(char) == 127 for char in value):
        raise ValueError("write one line without control characters.")
    return value


def boolean(value: str) -> bool:
    lowered = value.lower()
    if lowered in envfile.YES:
        return True
    if lowered in {"no", "false", "off", "0", ""}:
        return False
    raise ValueError("write yes or no.")


def integer(minimum: int, maximum: int) -> Callable[[str], int]:
    def parse(value: str) -> int:
        if re.fullmatch(r"[0-9]{1,9}", value) and minimum <= int(value) <= maximum:
            return int(value)
        raise ValueError(f"write a whole number from {minimum} to {maximum}.")

    return parse


def choice(*allowed: str) -> Callable[[str], str]:
    def parse(value: str) -> str:
        if value in allowed:
            return value
        raise ValueError(f"write one of: {', '.join(allowed)}.")

    return parse


def choices(*allowed: str) -> Callable[[str], list[str]]:
    """One or more of them, in an order that counts."""

    def parse(value: str) -> list[str]:
        found = words(value)
        if found and set(found) <= set(allowed) and len(set(found)) == len(found):
            return found
        raise ValueError(f"write one or more of: {', '.join(allowed)}.")

    return parse


def words(value: str) -> list[str]:
    """Items separated by commas or blanks."""
    return re.split(r"[\s,]+", text(value).strip(", ")) if value.strip(", ") else []


def hosts(value: str) -> list[str]:
    names = words(value)
    for name in names:
        if name == "*" or "/" in name or not re.fullmatch(r"\.?[\w.-]+|\[[0-9A-Fa-f:.]+\]", name):
            raise ValueError(f"{name!r} is not a host name; write names like mail.example.org, without scheme or port.")
    return names


def mail_addresses(value: str) -> list[str]:
    addresses = words(value)
    for address in addresses:
        if not _ADDRESS.fullmatch(address):
            raise ValueError(f"{address!r} is not a mail address; write addresses separated by commas.")
    return addresses


def mail_address(value: str) -> str:
    if not _ADDRESS.fullmatch(value):
        raise ValueError("write one mail address, like yurt@example.org.")
    return value


def domain(value: str) -> str:
    if value and not re.fullmatch(r"(?!-)[\w-]+(\.[\w-]+)*", value):
        raise ValueError("write a domain like example.org, without @ or scheme.")
    return value.lower()


def domains(value: str) -> list[str]:
    return [domain(each) for each in words(value)]


def time_zone(value: str) -> str:
    if value in available_timezones():
        return value
    raise ValueError("write a time zone of the IANA list, like Europe/Berlin.")


def networks(value: str) -> list[str]:
    """Addresses or networks of trusted proxies; ``unix`` stands for a front that connects through a Unix socket."""
    found = words(value)
    for item in found:
        if item == "unix":
            continue
        try:
            network = ipaddress.ip_network(item, strict=False)
        except ValueError:
            raise ValueError(
                f"{item!r} is not an address or network; write e.g. 127.0.0.1, 10.0.0.0/8, unix."
            ) from None
        if network.prefixlen < _WIDEST_NETWORK:
            raise ValueError(f"{item!r} would trust strangers; write only the addresses of your own front.")
    return found


@dataclass(frozen=True, slots=True)
class BaseUrl:
    """Where people find the portal: ``https://mail.example.org/webmail``. Empty when the site does not say."""

    scheme: str = ""
    host: str = ""  # as in an address: IPv6 in brackets, no port
    origin: str = ""
    path: str = ""  # "" or "/webmail", never with a slash at the end


def base_url(value: str) -> BaseUrl:
    if not value:
        return BaseUrl()
    cure = "write the address people use, like https://mail.example.org or https://example.org/webmail."
    try:
        parts = urlsplit(text(value))
        port = parts.port
    except ValueError:
        raise ValueError(cure) from None
    path = parts.path.rstrip("/")
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment or parts.username:
        raise ValueError(cure)
    if path and not re.fullmatch(r"(/[\w.~-]+)+", path, re.ASCII):
        raise ValueError("use only letters, digits, dots and dashes in the path of the address.")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    if parts.scheme == "http" and not is_loopback_name(parts.hostname):
        raise ValueError("must begin with https://: passwords and mail do not travel in the clear except on loopback.")
    origin = f"{parts.scheme}://{host}" + (f":{port}" if port else "")
    return BaseUrl(scheme=parts.scheme, host=host, origin=origin, path=path)


def is_loopback_name(host: str) -> bool:
    """True for ``localhost``, its sub-names and loopback addresses."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def server_url(services: Mapping[str, int]) -> Callable[[str], str]:
    """A mail server's address, checked but kept as text: the app that connects parses it itself."""

    def parse(value: str) -> str:
        if value:
            from portal.net import parse_server_url

            try:
                parse_server_url(value, services=services)
            except ValueError as error:
                first, *rest = services
                raise ValueError(f"{error}; write e.g. {[first, *rest][-1]}://mail.example.org.") from None
        return value

    return parse


def issuer(value: str) -> str:
    """The name of an OpenID provider (OpenID Connect Core, section 2), kept as it is: it is compared, not read."""
    if value:
        cure = "write the provider's issuer exactly as it names itself, like https://id.example.org/realms/staff."
        try:
            parts = urlsplit(text(value))
            parts.port  # noqa: B018 - raises where it is none
        except ValueError:
            raise ValueError(cure) from None
        if not parts.hostname or parts.query or parts.fragment or parts.username is not None or " " in value:
            raise ValueError(cure)
        if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback_name(parts.hostname)):
            raise ValueError(
                "must begin with https://: who somebody is does not travel in the clear except on loopback."
            )
    return value


def authorities(value: str) -> str:
    """The path of a file with certificates of authorities, tried out as TLS will use it."""
    if value:
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(value)
        except OSError as error:  # ssl.SSLError is one
            fault = "holds no certificate" if isinstance(error, ssl.SSLError) else f"cannot be read ({error.strerror})"
            raise ValueError(f"the file {value} {fault}; give the path of a PEM file this user may read.") from None
    return value


def cache(value: str) -> dict[str, Any]:
    """One entry of ``CACHES``. Whatever the place, values travel as JSON: nothing is ever unpickled from outside."""
    scheme = value.partition("://")[0]
    if scheme == "locmem":
        return {"BACKEND": "portal.caches.LocalCache", "OPTIONS": {"MAX_ENTRIES": 20_000}}
    if scheme in {"redis", "rediss"} and urlsplit(value).hostname:
        return {
            "BACKEND": "django.core.cache.backends.redis.RedisCache",
            "LOCATION": value,
            "KEY_PREFIX": "yurt",
            "OPTIONS": {"serializer": "portal.caches.JsonSerializer"},
        }
    raise ValueError("write locmem://, or redis://:password@host:6379/0 (rediss:// with TLS).")


def broker(folder: Path) -> Callable[[str], tuple[str, dict[str, Any]]]:
    """Celery's broker address and transport options; ``filesystem://`` keeps its queue below ``folder``."""

    def parse(value: str) -> tuple[str, dict[str, Any]]:
        scheme = value.partition("://")[0]
        if scheme == "filesystem":
            queue = str(folder / "queue")
            # Without the interval the transport looks once a second: tasks would wait for most of it.
            return "filesystem://localhost", {
                "data_folder_in": queue,
                "data_folder_out": queue,
                "control_folder": str(folder / "control"),
                "polling_interval": 0.1,
            }
        if scheme == "memory":
            return "memory://", {}
        if scheme in {"redis", "rediss"} and urlsplit(value).hostname:
            return value, {"visibility_timeout": 3600, "global_keyprefix": "yurt."}
        raise ValueError("write filesystem://, or redis://:password@host:6379/1 (rediss:// with TLS).")

    return parse


# --- keys ----------------------------------------------------------------------------------------------------------


def key_file(path: Path) -> str:
    """A key of the site from ``path``; made there (0600) by whoever comes first when there is none.

    Raises ``ValueError`` with the cure when the file can be neither read nor written, or others may read it.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        _create(path)
        if path.stat().st_mode & 0o077:
            raise ValueError(f"others may read {path}; run: chmod 600 {path}")
        key = path.read_text(encoding="ascii").strip()
    except OSError as error:
        raise ValueError(f"is not set, and {path} cannot be used ({error.strerror}); set the key itself.") from None
    if len(key) < 50:
        raise ValueError(f"{path} holds no usable key; remove the file and a new one is made.")
    return key


def _create(path: Path) -> None:
    """Write a fresh key to ``path`` unless it exists; a reader never sees it half written."""
    if path.exists():
        return
    draft = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(secrets.token_urlsafe(64) + "\n")
    try:
        os.link(draft, path)
    except FileExistsError:
        pass  # another process was first: its key is the site's key
    finally:
        draft.unlink()
