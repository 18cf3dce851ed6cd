"""The settings that matter before Django is there: read from the environment and `.env`, as `portal.conf` does."""

from __future__ import annotations

import errno
import fcntl
import ipaddress
import os
import re
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from portal import envfile

ROOT = Path(__file__).resolve().parent.parent.parent


class Unusable(Exception):
    """What is in the way and the cure, in one line."""


@dataclass(frozen=True, slots=True)
class Site:
    values: Mapping[str, str]
    data: Path
    host: str
    port: int
    http_port: int = 0  # where TLS is spoken on `port`: plain HTTP, which only redirects; else 0

    @property
    def has_tls(self) -> bool:
        return bool(self.http_port)

    @property
    def has_demo(self) -> bool:
        return not any(self.value(name) for name in ("IMAP_URL", "POP3_URL", "MAIL_BACKENDS_FILE"))

    def value(self, name: str) -> str:
        return value_of(self.values, name)

    @property
    def address(self) -> str:
        """Where it answers on this machine."""
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)  # noqa: S104 - compared, not bound
        if self.has_tls and is_loopback(host):
            host = "localhost"
        return f"{'https' if self.has_tls else 'http'}://{bracketed(host)}:{self.port}/"

    def uses(self, scheme: str) -> bool:
        """Whether a database, cache or broker address begins with `scheme`."""
        names = ("DATABASE_URL", "CACHE_URL", "BROKER_URL")
        return any(self.value(name).startswith(f"{scheme}://") for name in names)


def bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def value_of(values: Mapping[str, str], name: str) -> str:
    """A setting as Django will see it: from the file that NAME_FILE names, where NAME itself is not set."""
    path = values.get(f"{name}_FILE")
    if path is None or name in values:
        return values.get(name, "").strip()
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        raise Unusable(
            f"{name}_FILE names {path}, which cannot be read. Cure: correct the path, or let this user read the file"
        ) from None


def read(environment: Mapping[str, str] = os.environ, root: Path = ROOT) -> Site:
    """Raises `Unusable` for a file or a PORT that is none, and where the demo would be open to other machines."""
    try:
        values = {**envfile.read(environment, root / ".env"), **environment}
    except envfile.Unreadable as error:
        raise Unusable(_in_one_line(error)) from None
    port = _port(values, "PORT", 8000)
    http_port = _port(values, "HTTP_PORT", 8080) if value_of(values, "TLS").lower() in envfile.YES else 0
    data = root / (value_of(values, "DATA_DIR") or "var")
    site = Site(values, data, value_of(values, "HOST") or "127.0.0.1", port, http_port)
    if site.has_demo:
        keep_demo_here(site)
    return site


def _port(values: Mapping[str, str], name: str, usual: int) -> int:
    port = value_of(values, name) or str(usual)
    if not port.isdigit() or not 0 < int(port) < 65536:
        raise Unusable(f"{name} is {port!r}. Cure: a number from 1 to 65535, e.g. make run {name}={usual}")
    return int(port)


def keep_demo_here(site: Site) -> None:
    """Raises `Unusable` where a setting is one of a real site: everybody knows the demo accounts' password."""
    cure = "Cure: set IMAP_URL to your mail server, or leave {} out"
    if not is_loopback(site.host):
        fault = f"HOST={site.host} can be reached from other machines, and everybody knows the demo accounts' password."
        raise Unusable(f"{fault} {cure.format('HOST')}")
    if site.value("TRUSTED_PROXIES"):
        fault = "TRUSTED_PROXIES lets other machines in, and everybody knows the demo accounts' password."
        raise Unusable(f"{fault} {cure.format('TRUSTED_PROXIES')}")
    address = site.value("BASE_URL")
    beyond = [name for name in re.split(r"[\s,]+", site.value("ALLOWED_HOSTS")) if name and not is_loopback(name)]
    if (address and not is_loopback(_host_of(address))) or beyond:
        name = "ALLOWED_HOSTS" if beyond else "BASE_URL"
        fault = f"{name} names other hosts than this one, and everybody knows the demo accounts' password."
        raise Unusable(f"{fault} {cure.format(name)}")
    if site.value("SMTP_URL"):
        raise Unusable(f"SMTP_URL is set, but IMAP_URL is not. {cure.format('SMTP_URL')} to see the demo")


def _host_of(address: str) -> str:
    try:
        return urlsplit(address).hostname or ""
    except ValueError:
        return ""


def _in_one_line(error: Exception) -> str:
    """A setting's complaint, "what is wrong; what to do", in the launcher's own form."""
    fault, _, cure = str(error).partition("; ")
    return f"{fault}. Cure: {cure.removesuffix('.')}"


def is_loopback(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def check_ports(site: Site) -> None:
    """Raises `Unusable` when nobody could listen there."""
    _check_port(site, "PORT", site.port)
    if site.has_tls:
        _check_port(site, "HTTP_PORT", site.http_port)


def _check_port(site: Site, name: str, port: int) -> None:
    try:
        with _bound(site.host, port):
            pass
    except socket.gaierror:
        raise Unusable(_no_address(site)) from None
    except PermissionError:
        raise Unusable(
            f"Port {port} may only be opened by root. Cure: a port above 1023, e.g. make run {name}=8000"
        ) from None
    except OSError as error:
        if error.errno == errno.EADDRNOTAVAIL:
            raise Unusable(_no_address(site)) from None
        raise Unusable(
            f"Port {port} on {site.host} is taken ({error.strerror}). "
            f"Cure: stop what listens there, or make run {name}={port + 1}"
        ) from None


def _no_address(site: Site) -> str:
    return f"HOST is {site.host!r}, which is no address of this machine. Cure: leave HOST out, or take one of its own"


def _bound(host: str, port: int) -> socket.socket:
    family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen()
    except OSError:
        listener.close()
        raise
    return listener


def free_port(wanted: int) -> int:
    """`wanted` where it is free on loopback, else any that is."""
    for port in (wanted, 0):
        try:
            with _bound("127.0.0.1", port) as listener:
                return int(listener.getsockname()[1])
        except OSError:
            continue
    raise Unusable("There is no free port on loopback. Cure: stop some servers of this machine")


def lock(site: Site) -> int:
    """Keep others from running from the same data; the descriptor holds the lock for the life of this process."""
    try:
        site.data.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(site.data / "run.lock", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise Unusable(
            f"{site.data} cannot be written ({error.strerror}). Cure: set DATA_DIR to a folder of your own"
        ) from None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        process = os.read(descriptor, 20).decode("ascii", "replace").strip() or "?"
        os.close(descriptor)
        raise Unusable(
            f"Yurt already runs with {site.data} (process {process}). "
            f"Cure: kill {process}, or give this one a folder of its own: make run DATA_DIR=var2 PORT={site.port + 1}"
        ) from None
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
    return descriptor
