"""A certificate authority of our own for the test servers, made by the openssl program."""

from __future__ import annotations

import subprocess
from pathlib import Path

PACKAGES = ("openssl",)


NAMES = "DNS:localhost,IP:127.0.0.1"


def make_authority(folder: Path, *, name: str = "Yurt test authority") -> Path:
    """Create ``ca.pem`` and ``ca.key`` in the folder; returns the certificate."""
    folder.mkdir(parents=True, exist_ok=True)
    _openssl(
        folder,
        *("req", "-x509", *_NEW_KEY, "-days", "30", "-subj", f"/CN={name}", "-keyout", "ca.key", "-out", "ca.pem"),
        *("-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign,cRLSign"),
    )
    return folder / "ca.pem"


def self_sign(folder: Path, stem: str, *, names: str = NAMES) -> Path:
    """A server's certificate that nobody but its own key vouches for."""
    _openssl(
        folder,
        *("req", "-x509", *_NEW_KEY, "-days", "30", "-subj", f"/CN={stem}"),
        *("-keyout", f"{stem}.key", "-out", f"{stem}.pem", "-addext", f"subjectAltName={names}"),
    )
    return folder / f"{stem}.pem"


def issue(
    folder: Path,
    stem: str = "server",
    *,
    names: str = NAMES,
    days: int = 30,
    usage: str = "serverAuth",
) -> Path:
    """Sign ``<stem>.pem`` (key beside it) with the folder's authority. ``names`` is a subjectAltName."""
    _openssl(folder, "req", *_NEW_KEY, "-subj", f"/CN={stem}", "-keyout", f"{stem}.key", "-out", f"{stem}.csr")
    (folder / f"{stem}.ext").write_text(
        f"subjectAltName={names}\nextendedKeyUsage={usage}\nauthorityKeyIdentifier=keyid\n"
    )
    _openssl(
        folder,
        *("x509", "-req", "-in", f"{stem}.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial"),
        *("-days", str(days), "-extfile", f"{stem}.ext", "-out", f"{stem}.pem"),
    )
    return folder / f"{stem}.pem"


_NEW_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")


def _openssl(folder: Path, *words: str) -> None:
    done = subprocess.run(["openssl", *words], cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"openssl {words[0]}: {done.stderr}")
