"""What the authority does: each certificate with its row, each revocation with a new list."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from urllib.parse import unquote

import structlog
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.serialization import Encoding
from django.conf import settings
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.crypto import get_random_string
from django.utils.translation import gettext as _

from apps.auth import leaving
from apps.auth.certificates import authority, store
from apps.auth.certificates.authority import BadName, Pair
from apps.auth.certificates.models import IssuedCertificate
from apps.auth.certificates.store import AuthorityError
from apps.auth.factors import ways
from apps.auth.models import User
from portal.security_events import tell

MOST_AT_ONCE = 5  # valid certificates that one person may have made for themselves
EARLY = timedelta(days=30)  # so long before its end the portal's own certificate is made anew
READABLE = "abcdefghjkmnpqrstuvwxyz23456789"  # nothing that is read wrongly from a screen
log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Packed:
    """A person's certificate on its way to them. Neither file nor password is kept here."""

    row: IssuedCertificate
    file: bytes  # PKCS#12
    password: str


def init() -> x509.Certificate:
    """Make the authority. What an earlier one had issued holds no more."""
    with store.alone():
        if store.exists():
            raise AuthorityError(
                _("There is an authority already. To begin anew, move %(folder)s away first.")
                % {"folder": store.folder()}
            )
        root = authority.new_authority(f"{settings.SITE_NAME[:50]} authority")
        store.keep(root, store.root_file(), settings.CA_PASSPHRASE)
    _call_back(*IssuedCertificate.objects.filter(revoked=None).select_related("user"))
    renew_crl()
    log.info("authority_made")
    return root.certificate


def issue_server(*, names: Sequence[str], days: int = authority.SERVER_DAYS, path: Path | None = None) -> Path:
    """For a server of the site; returns the file of the certificate, beside which its key lies.

    Raises ``AuthorityError``. An earlier certificate in that file still holds until it is revoked or over.
    """
    with _bad_names_in_words():
        pair = authority.server_certificate(store.authority(), names, days=days)
    path = path or store.server_file(names[0])
    store.keep(pair, path)
    _row(pair, IssuedCertificate.Kind.SERVER, " ".join(names)[:1000])
    return path


def issue_client(*, user: User, device: str = "", days: int = authority.CLIENT_DAYS) -> Packed:
    """For a person, packed with its key under a password that is told once. Raises ``AuthorityError``."""
    signer = store.authority()
    with _bad_names_in_words():
        pair = authority.client_certificate(signer, user.login, email=user.email, days=days)
    password = "-".join(get_random_string(4, READABLE) for _group in range(4))
    row = _row(pair, IssuedCertificate.Kind.CLIENT, user.login, user=user, device=device)
    name = f"{user.login} ({settings.SITE_NAME})"
    return Packed(row, authority.packed(pair, signer.certificate, name=name, password=password), password)


def make_own(*, user: User, device: str = "") -> Packed:
    """As ``issue_client``, for somebody who asks for themselves."""
    if held_by(user).count() >= MOST_AT_ONCE:
        raise AuthorityError(
            _("You have %(number)d certificates that are valid. Revoke one that you do not need.")
            % {"number": MOST_AT_ONCE}
        )
    return issue_client(user=user, device=device)


def revoke(*rows: IssuedCertificate, but: str | None = None, request: HttpRequest | None = None) -> None:
    """The portal knows at once, and whoever has come in with one is out; ``but``: the key of a session that stays.
    Raises ``AuthorityError`` where the list for the web server could not be written."""
    _call_back(*rows, but=but, request=request)
    renew_crl()


def _call_back(*rows: IssuedCertificate, but: str | None = None, request: HttpRequest | None = None) -> None:
    for row in rows:
        if not IssuedCertificate.objects.filter(pk=row.pk, revoked=None).update(revoked=timezone.now()):
            continue
        log.info("certificate_revoked", serial=row.serial, user=row.user_id)
        if row.user is not None and row.kind == IssuedCertificate.Kind.CLIENT:
            leaving.proof_gone(row.user, but=but, request=request)
            tell(request, kind="factor_removed", user=row.user, way=ways.CERTIFICATE, name=row.device)


def held_by(user: User) -> QuerySet[IssuedCertificate]:
    """Those that let this person in."""
    rows = IssuedCertificate.objects.filter(user=user, kind=IssuedCertificate.Kind.CLIENT, revoked=None)
    return rows.filter(expires__gt=timezone.now())


def renew_crl() -> Path:
    """Write the revocation list anew: what is revoked and not over by itself."""
    with store.alone():
        signer = store.authority()
        rows = IssuedCertificate.objects.filter(expires__gt=timezone.now()).values_list("serial", "revoked")
        revoked = [(int(serial, 16), moment) for serial, moment in rows if moment is not None]
        crl = authority.revocation_list(signer, revoked, number=time.time_ns())
        store.put(store.crl_file(), crl.public_bytes(Encoding.PEM))
    return store.crl_file()


def owner_of(pem: str) -> User | None:
    """The person to whom our authority has issued this certificate, if it holds: signed by us, for people, in its time,
    not revoked, its owner not locked out. Anything else is None; that the sender has its key, TLS has shown."""
    try:
        certificate = authority.checked_client(store.root(), pem)
    except AuthorityError:
        return None
    if certificate is None:
        return None
    row = (
        IssuedCertificate.objects.filter(
            serial=_serial(certificate), kind=IssuedCertificate.Kind.CLIENT, revoked=None, user__is_active=True
        )
        .select_related("user")
        .first()
    )
    return row.user if row is not None else None


def shown(request: HttpRequest) -> str:
    """The certificate that the browser has shown to the front, as PEM; "" for none. From others than the front the
    header is gone already (``portal.middleware``)."""
    return unquote(request.META.get("HTTP_X_CLIENT_CERT", ""))


def portal_certificate() -> Path:
    """The certificate of ``make run TLS=1``: the one that is there, or a new one where it names other hosts, is over
    soon or comes from another authority. The authority is made where there is none."""
    if not store.exists():
        init()
    names = _own_names()
    path = store.portal_file()
    if _serves(path, names):
        return path
    return issue_server(names=names, path=path)


def _own_names() -> list[str]:
    beyond = [name for name in (settings.BASE_URL.host, settings.HOST) if name not in ("", "0.0.0.0", "::")]  # noqa: S104
    return list(dict.fromkeys([*(name.strip("[]") for name in beyond), "localhost", "127.0.0.1", "::1"]))


def _serves(path: Path, names: Sequence[str]) -> bool:
    try:
        certificate = x509.load_pem_x509_certificate(path.read_bytes())
        certificate.verify_directly_issued_by(store.root())
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        held = IssuedCertificate.objects.filter(serial=_serial(certificate), revoked=None).exists()
        return held and certificate.not_valid_after_utc - EARLY > timezone.now() and found == authority.hosts(names)
    except (OSError, ValueError, TypeError, InvalidSignature, x509.ExtensionNotFound):
        return False


def _serial(certificate: x509.Certificate) -> str:
    return f"{certificate.serial_number:x}"


def _row(
    pair: Pair, kind: IssuedCertificate.Kind, subject: str, *, user: User | None = None, device: str = ""
) -> IssuedCertificate:
    row = IssuedCertificate.objects.create(
        serial=_serial(pair.certificate),
        kind=kind,
        subject=subject,
        user=user,
        device=device,
        expires=pair.certificate.not_valid_after_utc,
    )
    log.info("certificate_issued", serial=row.serial, kind=str(kind), user=row.user_id)
    return row


@contextlib.contextmanager
def _bad_names_in_words() -> Iterator[None]:
    try:
        yield
    except BadName as error:
        raise AuthorityError(str(error)) from None
