"""The layered set-up, built the way deploy/zones/README.md tells it: from the very files, with a site's own changes."""

from __future__ import annotations

import contextlib
import json
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from scripts.servers import nginx, tls
from scripts.servers.base import Workdir
from scripts.servers.dovecot import Dovecot
from tests.support.site import ROOT, fresh_site
from tests.support.zones import Wire, Zone

ZONES = ROOT / "deploy" / "zones"
MAIL, CONTENT, PORTAL = "mail.example.org", "content.example.org", "portal.example.org"
GUARDED = ("front", "portal", "internal")
SERVED = {"front": {80, 443}, "portal": {8001}, "internal": {993}}  # by real servers; all else by listeners
PORTS = [22, 25, 53, 80, 123, 143, 389, 443, 465, 587, 636, 993, 3306, 5432, 6379, 8000, 8001, 8002, 9999]


@dataclass
class Layers:
    wire: Wire
    workdir: Workdir

    @property
    def targets(self) -> dict[str, list[str]]:
        return {name: zone.addresses for name, zone in self.wire.zones.items()}

    @property
    def tls(self) -> Path:
        return self.workdir.path / "tls"

    def scan(self) -> dict[str, set[tuple[str, str, str, int]]]:
        """From each zone, what answers elsewhere."""
        for zone in self.wire.zones.values():
            zone.order("scan", targets=self.targets, ports=PORTS)
        return {name: {tuple(hit) for hit in zone.answer() if hit[0] != name} for name, zone in self.wire.zones.items()}

    def guard(self) -> None:
        """Load the rule files, which find their addresses where a site writes them."""
        for name in GUARDED:
            self.wire[name].run("nft", "-I", str(self.workdir.path), "-f", str(ZONES / f"{name}.nft"))

    def fetch(self, host: str = MAIL, *, secure: bool = True, **details: Any) -> dict[str, Any]:
        """A request from outside."""
        if secure:
            details |= {"authority": str(self.tls / "ca.pem")}
        found: dict[str, Any] = self.wire["outside"].do(
            "fetch", address=self.wire["front"].address, host=host, port=443 if secure else 80, **details
        )
        return found

    def seen(self) -> dict[str, str]:
        """What the portal was told with the last request that reached it."""
        last: dict[str, str] = json.loads((self.workdir.path / "seen").read_text().splitlines()[-1])
        return last

    def log(self) -> list[dict[str, Any]]:
        lines = (self.workdir.path / "portal.log").read_text().splitlines()
        return [json.loads(line) for line in lines if line.startswith("{")]


def addresses(wire: Wire) -> str:
    """deploy/zones/zones.nft with a site's own addresses."""
    text = (ZONES / "zones.nft").read_text()
    changes = {
        "10.0.1.10": wire["front"].address,
        "10.0.2.10": wire["portal"].address,
        "10.0.3.0/24": wire["internal"].address,
        "10.0.9.0/24": wire["administrators"].address,
        **{f"10.0.3.1{number}": wire["internal"].address for number in (1, 2, 3, 4)},
    }
    for before, after in changes.items():
        assert before in text, before
        text = text.replace(before, after)
    return text


def revoke(folder: Path, stem: str) -> None:
    """Write the authority's list, ``crl.pem``, with one certificate on it."""
    authority = x509.load_pem_x509_certificate((folder / "ca.pem").read_bytes())
    key = serialization.load_pem_private_key((folder / "ca.key").read_bytes(), None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    now = datetime.now(UTC)
    entry = (
        x509.RevokedCertificateBuilder()
        .revocation_date(now)
        .serial_number(x509.load_pem_x509_certificate((folder / f"{stem}.pem").read_bytes()).serial_number)
    )
    builder = x509.CertificateRevocationListBuilder().issuer_name(authority.subject)
    builder = builder.last_update(now).next_update(now + timedelta(days=1)).add_revoked_certificate(entry.build())
    (folder / "crl.pem").write_bytes(builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))


def front(workdir: Workdir, wire: Wire, certificates: Path) -> list[str]:
    changes = {
        "client_body_timeout 15s": "client_body_timeout 600s",  # uploads that stand still stay for as long as we look
        "10.0.2.10:8001, 10.0.2.10:8002": "",
        "server 127.0.0.1:8000;": f"server {wire['portal'].address}:8001;",
        "proxy_pass http://yurt;": "proxy_pass https://yurt;",
        "#proxy_ssl_": "proxy_ssl_",
        "#ssl_client_certificate": "ssl_client_certificate",
        "#ssl_crl": "ssl_crl",
        "#ssl_verify_client": "ssl_verify_client",
        "/etc/ssl/yurt/fullchain.pem": f"{certificates}/server.pem",
        "/etc/ssl/yurt/key.pem": f"{certificates}/server.key",
        "/etc/ssl/yurt/root.pem": f"{certificates}/ca.pem",
        "/etc/ssl/yurt/crl.pem": f"{certificates}/crl.pem",
        "/etc/ssl/yurt/front.": f"{certificates}/front.",
    }
    return nginx.arguments(nginx.configuration(workdir.path / "nginx", changes))


def portal(certificates: Path) -> list[str]:
    """The command of yurt-web@8001.service, with the witness around the portal."""
    unit = (ZONES / "yurt-web@.service").read_text().replace("\\\n", " ")
    command = next(line.removeprefix("ExecStart=") for line in unit.splitlines() if line.startswith("ExecStart="))
    changes = {
        "/srv/yurt/.venv/bin/python": sys.executable,
        "%d/": f"{certificates}/",
        "portal.wsgi:application": "tests.support.witness:application",
    }
    for before, after in changes.items():
        assert before in command, before
        command = command.replace(before, after)
    return shlex.split(command)


def imap(workdir: Workdir, zone: Zone, certificates: Path) -> Dovecot:
    server = Dovecot(workdir)
    server.imaps = 993
    server.configure()
    file = workdir.path / "dovecot.conf"
    text = file.read_text().replace("listen = 127.0.0.1", f"listen = {zone.address}")
    file.write_text(text.replace(f"{workdir.path}/tls/server.", f"{certificates}/imap."))
    return server


@contextlib.contextmanager
def built() -> Iterator[Layers]:
    workdir = Workdir.create()
    try:
        with Wire("outside", "front", "portal", "internal", "administrators") as wire:
            layers = Layers(wire, workdir)
            _start(layers)
            yield layers
    finally:
        workdir.remove()


def _start(layers: Layers) -> None:
    wire, workdir, path = layers.wire, layers.workdir, layers.workdir.path
    (path / "yurt-zones.nft").write_text(addresses(wire))
    server = imap(workdir, wire["internal"], layers.tls)  # makes the authority too
    tls.issue(layers.tls, "server", names=f"DNS:{MAIL},DNS:{CONTENT}")
    tls.issue(layers.tls, "imap", names=f"IP:{wire['internal'].address}")
    tls.issue(layers.tls, "portal", names=f"DNS:{PORTAL}")
    (command,) = re.findall(r"^ +(openssl req .*)$", (ZONES / "README.md").read_text(), re.MULTILINE)
    subprocess.run(shlex.split(command), cwd=layers.tls, check=True, capture_output=True)
    for name in ("person", "gone"):
        tls.issue(layers.tls, name, names=f"DNS:{name}.example.org", usage="clientAuth")
    revoke(layers.tls, "gone")
    site = fresh_site(
        path / "data",
        HOST=wire["portal"].address,
        PORT="8001",
        BASE_URL=f"https://{MAIL}",
        TRUSTED_PROXIES=wire["front"].address,
        IMAP_URL=f"imaps://{wire['internal'].address}",
        IMAP_TLS_CA_FILE=str(layers.tls / "ca.pem"),
        SMTP_URL=f"smtps://{wire['internal'].address}",
        WITNESS=str(path / "seen"),
    )
    serve = front(workdir, wire, layers.tls)
    user = workdir.as_user()
    workdir.own()
    commands = {
        "front": ([*user, *serve], {}, ROOT),
        "portal": (portal(layers.tls), site, ROOT),
        "internal": ([*user, *server.command()], {}, path),
    }
    for name, zone in wire.zones.items():
        zone.do("listen", ports=[port for port in PORTS if port not in SERVED.get(name, ())])
    for name, (words, environment, folder) in commands.items():
        wire[name].order(
            "start",
            words=words,
            environment=environment,
            log=str(path / f"{name}.log"),
            address=wire[name].address,
            port=max(SERVED[name]),
            folder=str(folder),
        )
    for name in commands:
        wire[name].answer()
