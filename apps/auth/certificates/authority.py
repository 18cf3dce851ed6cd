"""Certificates as RFC 5280 has them, made and checked with ``cryptography``. No files, no database.

All keys are EC P-256: every browser, phone and server takes them. Serial numbers are random (CA/Browser Forum 7.1: at
least 64 bits that nobody foresees); beginnings lie a little in the past for clocks that are behind.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    pkcs12,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from cryptography.x509.verification import Criticality, ExtensionPolicy, PolicyBuilder, Store, VerificationError
from django.utils.translation import gettext as _

ROOT_DAYS = 3650
SERVER_DAYS = 397  # browsers refuse longer ones from public authorities, some from any
CLIENT_DAYS = 365
CRL_DAYS = 30  # after them a web server refuses every client certificate: the list is renewed each day
SLACK = timedelta(hours=1)
MOST_OF_A_NAME = 64  # ub-common-name, RFC 5280 appendix A

#: What browsers ask of a certificate, and clientAuth; but people have no host names, and need no mail address.
_OF_PEOPLE = ExtensionPolicy.webpki_defaults_ee().may_be_present(
    x509.SubjectAlternativeName, Criticality.AGNOSTIC, None
)


class BadName(ValueError):
    """A name for which no certificate can be made. The text is for people."""


@dataclass(frozen=True, slots=True)
class Pair:
    """A certificate with its key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey


def new_authority(name: str, *, now: datetime | None = None) -> Pair:
    """A root that may sign certificates of servers and people, but no further authority."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = _name(name)
    builder = (
        _dated(now or datetime.now(UTC), ROOT_DAYS)
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    return Pair(builder.sign(key, hashes.SHA256()), key)


def server_certificate(
    authority: Pair, names: Sequence[str], *, days: int = SERVER_DAYS, now: datetime | None = None
) -> Pair:
    """For a server with these host names and addresses. Raises ``BadName``."""
    found = hosts(names)
    subject = x509.Name([]) if len(names[0]) > MOST_OF_A_NAME else _name(names[0])
    return _issue(
        authority,
        subject,
        found,
        purpose=ExtendedKeyUsageOID.SERVER_AUTH,
        days=days,
        now=now or datetime.now(UTC),
    )


def client_certificate(
    authority: Pair, login: str, *, email: str = "", days: int = CLIENT_DAYS, now: datetime | None = None
) -> Pair:
    """For a person. Raises ``BadName``."""
    try:
        names: list[x509.GeneralName] = [x509.RFC822Name(email)] if email else []
    except ValueError:  # RFC 822 names are ASCII
        names = []
    return _issue(
        authority,
        _name(login),
        x509.SubjectAlternativeName(names) if names else None,
        purpose=ExtendedKeyUsageOID.CLIENT_AUTH,
        days=days,
        now=now or datetime.now(UTC),
    )


def revocation_list(
    authority: Pair, revoked: Iterable[tuple[int, datetime]], *, number: int, now: datetime | None = None
) -> x509.CertificateRevocationList:
    """Serial numbers and when each was revoked. ``number`` must grow from list to list (RFC 5280, 5.2.3)."""
    now = now or datetime.now(UTC)
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(authority.certificate.subject)
        .last_update(now - SLACK)
        .next_update(now + timedelta(days=CRL_DAYS))
        .add_extension(x509.CRLNumber(number), critical=False)
        .add_extension(_issued_by(authority), critical=False)
    )
    for serial, moment in revoked:
        entry = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(moment).build()
        builder = builder.add_revoked_certificate(entry)
    return builder.sign(authority.key, hashes.SHA256())


def checked_client(root: x509.Certificate, pem: str, *, now: datetime | None = None) -> x509.Certificate | None:
    """The certificate in ``pem`` if ``root`` has signed it, it holds now and is for people; else None.

    Whether it was revoked is not known here.
    """
    try:
        certificate = x509.load_pem_x509_certificate(pem.encode("ascii"))
        policy = PolicyBuilder().store(Store([root])).time((now or datetime.now(UTC)).replace(tzinfo=None))
        policy = policy.extension_policies(ca_policy=ExtensionPolicy.webpki_defaults_ca(), ee_policy=_OF_PEOPLE)
        policy.build_client_verifier().verify(certificate, [])
    except (ValueError, VerificationError, UnsupportedAlgorithm):  # UnicodeEncodeError is a ValueError
        return None
    return certificate


def packed(pair: Pair, root: x509.Certificate, *, name: str, password: str) -> bytes:
    """PKCS#12 (RFC 7292) in the one form that every system opens.

    Apple's keychains fail on the newer ciphers. The old one is no weakness here: the password is random and long, and
    guessing it is as hopeless under either.
    """
    encryption = (
        PrivateFormat.PKCS12.encryption_builder()
        .kdf_rounds(10_000)
        .key_cert_algorithm(pkcs12.PBES.PBESv1SHA1And3KeyTripleDESCBC)
        .hmac_hash(hashes.SHA1())  # noqa: S303 - the container's checksum, for the same reason
        .build(password.encode())
    )
    return pkcs12.serialize_key_and_certificates(name.encode(), pair.key, pair.certificate, [root], encryption)


def key_pem(key: ec.EllipticCurvePrivateKey, passphrase: str = "") -> bytes:
    encryption = BestAvailableEncryption(passphrase.encode()) if passphrase else NoEncryption()
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption)


def hosts(names: Sequence[str]) -> x509.SubjectAlternativeName:
    """Host names and addresses as a certificate has them. Raises ``BadName``."""
    return x509.SubjectAlternativeName([_host(name) for name in names])


def fingerprint(certificate: x509.Certificate) -> str:
    """SHA-256 as systems show it beside a certificate: ``AB:CD:…``."""
    return certificate.fingerprint(hashes.SHA256()).hex(":").upper()


def _issue(
    authority: Pair,
    subject: x509.Name,
    names: x509.SubjectAlternativeName | None,
    *,
    purpose: x509.ObjectIdentifier,
    days: int,
    now: datetime,
) -> Pair:
    key = ec.generate_private_key(ec.SECP256R1())
    builder = (
        _dated(now, days, last=authority.certificate.not_valid_after_utc)
        .subject_name(subject)
        .issuer_name(authority.certificate.subject)
        .public_key(key.public_key())
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(_issued_by(authority), critical=False)
    )
    if names is not None:
        builder = builder.add_extension(names, critical=not list(subject))  # RFC 5280, 4.2.1.6
    return Pair(builder.sign(authority.key, hashes.SHA256()), key)


def _dated(now: datetime, days: int, *, last: datetime | None = None) -> x509.CertificateBuilder:
    """Nothing outlives what has signed it."""
    end = now + timedelta(days=days)
    return (
        x509.CertificateBuilder()
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - SLACK)
        .not_valid_after(min(end, last) if last is not None else end)
    )


def _name(text: str) -> x509.Name:
    if not 0 < len(text) <= MOST_OF_A_NAME:
        raise BadName(_("A certificate has room for a name of 1 to %(most)d characters.") % {"most": MOST_OF_A_NAME})
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _host(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name.strip("[]")))
    except ValueError:
        pass
    labels = name.removeprefix("*.").split(".")
    if len(name) > 253 or not all(_is_label(label) for label in labels):
        raise BadName(_("%(name)s is no host name or address.") % {"name": name})
    return x509.DNSName(name.lower())


def _is_label(label: str) -> bool:
    """RFC 1123, 2.1; names in other scripts come in their ASCII form (``xn--…``)."""
    return label.isascii() and label.replace("-", "").isalnum() and label.strip("-") == label and len(label) < 64


def _usage(*, signs: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs,
        key_cert_sign=signs,
        crl_sign=signs,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _issued_by(authority: Pair) -> x509.AuthorityKeyIdentifier:
    identifier = authority.certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier)
    return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier.value)
