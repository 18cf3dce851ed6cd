"""The folder in which the authority lives: ``DATA_DIR/ca``, for the portal's own user only.

- ``root.pem``, ``root.key``: the authority; the key sealed under CA_PASSPHRASE where the site has one
- ``crl.pem``: what was revoked, for the web server
- ``portal.pem``, ``portal.key``: what ``make run TLS=1`` serves with
- ``server/<name>.pem``, ``.key``: certificates of other servers
"""

from __future__ import annotations

import fcntl
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key
from django.conf import settings
from django.utils.translation import gettext as _

from apps.auth.certificates.authority import Pair, key_pem


class AuthorityError(Exception):
    """Nothing was issued. The text says to an administrator why, and what to do about it."""


def folder() -> Path:
    return Path(settings.DATA_DIR) / "ca"


def root_file() -> Path:
    return folder() / "root.pem"


def crl_file() -> Path:
    return folder() / "crl.pem"


def portal_file() -> Path:
    """Named in deploy/gunicorn.conf.py too."""
    return folder() / "portal.pem"


def server_file(name: str) -> Path:
    """Of the certificate; its key lies beside it as ``.key``."""
    return folder() / "server" / f"{name.replace('*', '_').replace(':', '_')}.pem"


def exists() -> bool:
    """Whether this site has an authority. Asked by pages: one look at the disk."""
    return root_file().is_file()


def root() -> x509.Certificate:
    """Raises ``AuthorityError`` where there is none."""
    try:
        return x509.load_pem_x509_certificate(root_file().read_bytes())
    except (OSError, ValueError):
        raise AuthorityError(_("This site has no authority of its own. Make one: manage.py ca init")) from None


def authority() -> Pair:
    """The root with its key. Raises ``AuthorityError``, also where the key is elsewhere or does not open."""
    certificate = root()
    passphrase = settings.CA_PASSPHRASE.encode() or None
    try:
        key = load_pem_private_key((folder() / "root.key").read_bytes(), passphrase)
    except OSError:
        raise AuthorityError(_("The authority's key is not here. Put it back for as long as you issue.")) from None
    except (TypeError, ValueError):  # TypeError: a passphrase is missing, or is one too many
        raise AuthorityError(
            _("The authority's key does not open. Set CA_PASSPHRASE to what it was made with.")
        ) from None
    if not isinstance(key, ec.EllipticCurvePrivateKey) or key.public_key() != certificate.public_key():
        raise AuthorityError(_("The authority's key is another one's. Put the right one back."))
    return Pair(certificate, key)


def keep(pair: Pair, path: Path, passphrase: str = "") -> None:
    """The key first: a certificate that is there has its key."""
    put(path.with_suffix(".key"), key_pem(pair.key, passphrase))
    put(path, pair.certificate.public_bytes(Encoding.PEM))


def put(path: Path, data: bytes) -> None:
    """Readable by its owner only, and never half written."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(data)
    draft.replace(path)


@contextmanager
def alone() -> Iterator[None]:
    """One process at a time: of two revocations at once, the later list has both."""
    folder().mkdir(mode=0o700, parents=True, exist_ok=True)
    with (folder() / "lock").open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
