"""Whose certificate a web server has handed over: ours, valid and not revoked, or nobody's."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding, pkcs12

from apps.auth.certificates import authority as signing
from apps.auth.certificates import services, store
from apps.auth.certificates.models import IssuedCertificate
from apps.auth.models import User

pytestmark = pytest.mark.usefixtures("authority")


def as_pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(Encoding.PEM).decode()


def certificate_in(packed: services.Packed) -> x509.Certificate:
    bundle = pkcs12.load_pkcs12(packed.file, packed.password.encode())
    assert bundle.cert is not None
    return bundle.cert.certificate


@pytest.fixture
def issued(alice: User) -> services.Packed:
    return services.issue_client(user=alice)


@pytest.fixture
def pem(issued: services.Packed) -> str:
    return as_pem(certificate_in(issued))


def entered(pair: signing.Pair, user: User, kind: str = "client") -> str:
    """A certificate with its row, as the services would have made both at another time; returns the PEM text."""
    certificate = pair.certificate
    IssuedCertificate.objects.create(
        serial=f"{certificate.serial_number:x}", kind=kind, subject=user.login, user=user,
        expires=datetime.now(UTC) + timedelta(days=9),
    )  # fmt: skip
    return as_pem(certificate)


def test_the_person_it_was_issued_to(pem: str, alice: User, bob: User) -> None:
    assert services.owner_of(pem) == alice
    assert services.owner_of(as_pem(certificate_in(services.issue_client(user=bob)))) == bob
    assert services.owner_of(pem.replace("\n", "\r\n")) == alice


def test_revoked(pem: str, issued: services.Packed) -> None:
    services.revoke(issued.row)
    assert services.owner_of(pem) is None


def test_over_or_not_begun(alice: User) -> None:
    for days in (-400, 400):
        moment = datetime.now(UTC) + timedelta(days=days)
        pair = signing.client_certificate(store.authority(), "alice", now=moment)
        assert services.owner_of(entered(pair, alice)) is None
    assert services.owner_of(entered(signing.client_certificate(store.authority(), "alice"), alice)) == alice


def test_of_another_authority_of_the_same_name(alice: User) -> None:
    other = signing.new_authority("Yurt authority")
    assert services.owner_of(entered(signing.client_certificate(other, "alice"), alice)) is None


def test_forged_with_the_serial_number_and_the_names_of_a_real_one(pem: str) -> None:
    """All of a real certificate but the key, which is the forger's, signed by a root that calls itself like ours."""
    real, forger = x509.load_pem_x509_certificate(pem.encode()), signing.new_authority("Yurt authority")
    builder = x509.CertificateBuilder(
        issuer_name=real.issuer,
        subject_name=real.subject,
        public_key=forger.key.public_key(),
        serial_number=real.serial_number,
        not_valid_before=real.not_valid_before_utc,
        not_valid_after=real.not_valid_after_utc,
        extensions=list(real.extensions),
    )
    assert services.owner_of(as_pem(builder.sign(forger.key, hashes.SHA256()))) is None


def test_changed_by_one_octet_anywhere(pem: str) -> None:
    octets = x509.load_pem_x509_certificate(pem.encode()).public_bytes(Encoding.DER)
    for at in range(0, len(octets), 7):
        changed = octets[:at] + bytes([octets[at] ^ 1]) + octets[at + 1 :]
        text = f"-----BEGIN CERTIFICATE-----\n{base64.encodebytes(changed).decode()}-----END CERTIFICATE-----\n"
        assert services.owner_of(text) is None, at


def test_signed_by_a_persons_certificate(issued: services.Packed, alice: User) -> None:
    """Who has a certificate is no authority."""
    bundle = pkcs12.load_pkcs12(issued.file, issued.password.encode())
    person = signing.Pair(certificate_in(issued), bundle.key)  # type: ignore[arg-type]
    assert services.owner_of(entered(signing.client_certificate(person, "alice"), alice)) is None


def test_of_a_server(alice: User) -> None:
    pair = signing.server_certificate(store.authority(), ["alice"])
    assert services.owner_of(entered(pair, alice)) is None
    path = services.issue_server(names=["imap.example.test"])
    assert services.owner_of(path.read_text()) is None
    assert services.owner_of(store.root_file().read_text()) is None


def test_without_a_row(pem: str) -> None:
    IssuedCertificate.objects.all().delete()
    assert services.owner_of(pem) is None


def test_of_somebody_who_is_locked_out_or_gone(pem: str, alice: User) -> None:
    User.objects.filter(pk=alice.pk).update(is_active=False)
    assert services.owner_of(pem) is None
    User.objects.filter(pk=alice.pk).update(is_active=True)
    assert services.owner_of(pem) == alice
    alice.delete()
    assert services.owner_of(pem) is None
    assert IssuedCertificate.objects.get().subject == "alice"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "-----BEGIN CERTIFICATE-----",
        "ä",
        "\0",
        "x" * 100_000,
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----",
    ],
)
def test_no_certificate_at_all(text: str) -> None:
    assert services.owner_of(text) is None


def test_on_a_site_without_an_authority(pem: str, data: Path) -> None:
    store.folder().rename(data / "elsewhere")
    assert services.owner_of(pem) is None
