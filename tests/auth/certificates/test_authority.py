"""The authority's certificates, judged by the openssl program and by TLS handshakes."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import pkcs12
from django.core.management import CommandError, call_command
from django.db import connection

from apps.auth.certificates import services, store
from apps.auth.certificates.models import IssuedCertificate
from apps.auth.certificates.store import AuthorityError
from apps.auth.models import User
from tests.auth.certificates.conftest import verify

OpenSSL = Callable[..., str]


def written(packed: services.Packed, folder: Path) -> Path:
    """The person's certificate with its key in one PEM file, taken out of what they were given."""
    bundle = pkcs12.load_pkcs12(packed.file, packed.password.encode())
    assert bundle.cert is not None and bundle.key is not None
    path = folder / f"{packed.row.serial}.pem"
    store.keep(services.Pair(bundle.cert.certificate, bundle.key), path)  # type: ignore[arg-type]
    path.write_bytes(path.read_bytes() + path.with_suffix(".key").read_bytes())
    return path


def shaken(server: ssl.SSLContext, client: ssl.SSLContext, name: str) -> None:
    """One handshake and one octet each way, so that TLS 1.3 says what it thinks of a client's certificate."""
    here, there = socket.socketpair()

    def serve() -> None:
        with there, server.wrap_socket(there, server_side=True) as connection:
            connection.sendall(connection.recv(1))

    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(serve)
        try:
            with here, client.wrap_socket(here, server_hostname=name) as connection:
                connection.sendall(b"x")
                assert connection.recv(1) == b"x"
        finally:
            if error := answer.exception(timeout=10):
                raise error


def test_the_root_is_one_that_openssl_takes(authority: x509.Certificate, openssl: OpenSSL) -> None:
    assert openssl("verify", "-x509_strict", "-CAfile", store.root_file(), store.root_file()).endswith(": OK\n")
    text = openssl("x509", "-in", store.root_file(), "-noout", "-text")
    for words in ("CA:TRUE, pathlen:0", "Certificate Sign, CRL Sign", "prime256v1", "CN = Yurt authority"):
        assert words in text
    years = (authority.not_valid_after_utc - datetime.now(UTC)).days / 365
    assert 9.9 < years < 10.1 and authority.not_valid_before_utc < datetime.now(UTC)


def test_the_files_are_for_the_portal_alone(authority: x509.Certificate) -> None:
    services.issue_server(names=["imap.example.test"])
    found = sorted(store.folder().rglob("*"))
    assert [path.name for path in found if path.is_file()] == [
        "crl.pem", "lock", "root.key", "root.pem", "imap.example.test.key", "imap.example.test.pem"
    ]  # fmt: skip
    assert {path.stat().st_mode & 0o777 for path in found if path.suffix in (".key", ".pem")} == {0o600}
    assert {path.stat().st_mode & 0o777 for path in (store.folder(), store.folder() / "server")} == {0o700}


def test_a_server_is_known_by_each_of_its_names_and_no_other(authority: x509.Certificate, openssl: OpenSSL) -> None:
    path = services.issue_server(names=["imap.example.test", "*.mail.example.test", "127.0.0.1", "::1"])
    assert verify(openssl, path, "-purpose", "sslserver").endswith(": OK\n")
    assert "error 26 at 0 depth" in verify(openssl, path, "-purpose", "sslclient")
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(path, path.with_suffix(".key"))
    client = ssl.create_default_context(cafile=store.root_file())
    for name in ("imap.example.test", "a.mail.example.test", "127.0.0.1", "::1"):
        shaken(server, client, name)
    for name in ("smtp.example.test", "mail.example.test", "127.0.0.2"):
        with pytest.raises(ssl.SSLError):
            shaken(server, client, name)
    with pytest.raises(ssl.SSLError):
        shaken(server, ssl.create_default_context(), "imap.example.test")


def test_a_person_is_let_in_until_the_certificate_is_revoked(
    authority: x509.Certificate, openssl: OpenSSL, alice: User, tmp_path: Path
) -> None:
    packed = services.issue_client(user=alice, device="Laptop")
    path = written(packed, tmp_path)
    assert verify(openssl, path, "-purpose", "sslclient").endswith(": OK\n")
    assert "error 26 at 0 depth" in verify(openssl, path, "-purpose", "sslserver")
    subject = openssl("x509", "-in", path, "-noout", "-subject", "-ext", "subjectAltName")
    assert "CN = alice" in subject and "alice@example.test" in subject

    def let_in() -> None:
        server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        server.load_cert_chain(own, own.with_suffix(".key"))
        server.verify_mode, server.verify_flags = ssl.CERT_REQUIRED, ssl.VERIFY_CRL_CHECK_LEAF
        server.load_verify_locations(store.root_file())
        server.load_verify_locations(store.crl_file())
        client = ssl.create_default_context(cafile=store.root_file())
        client.load_cert_chain(path)
        shaken(server, client, "localhost")

    own = services.issue_server(names=["localhost"])
    let_in()
    services.revoke(packed.row)
    with pytest.raises(ssl.SSLError, match="revoked"):
        let_in()
    assert "certificate revoked" in verify(openssl, path)
    assert verify(openssl, own).endswith(": OK\n")


def test_what_people_get_opens_with_its_password_alone(
    authority: x509.Certificate, openssl: OpenSSL, alice: User, tmp_path: Path
) -> None:
    packed = services.issue_client(user=alice)
    (tmp_path / "alice.p12").write_bytes(packed.file)
    inside = openssl("pkcs12", "-in", "alice.p12", "-nodes", "-passin", f"pass:{packed.password}")
    assert inside.count("BEGIN CERTIFICATE") == 2 and "BEGIN PRIVATE KEY" in inside
    assert "invalid password" in openssl("pkcs12", "-in", "alice.p12", "-nodes", "-passin", "pass:alice")
    assert packed.password != services.issue_client(user=alice).password and len(packed.password) == 19


def test_serial_numbers_are_random(authority: x509.Certificate, alice: User) -> None:
    numbers = [int(services.issue_client(user=alice).row.serial, 16) for _ in range(20)]
    assert len(set(numbers)) == 20
    assert all(0 < number < 2**160 for number in numbers) and max(numbers) > 2**100
    assert len({number & 0xFF for number in numbers}) > 5


def test_nothing_outlives_the_authority(authority: x509.Certificate) -> None:
    path = services.issue_server(names=["localhost"], days=9999)
    assert x509.load_pem_x509_certificate(path.read_bytes()).not_valid_after_utc == authority.not_valid_after_utc


def test_each_list_is_newer_than_the_last_and_forgets_what_is_over(
    authority: x509.Certificate, alice: User, openssl: OpenSSL
) -> None:
    def numbers() -> tuple[int, set[str]]:
        crl = x509.load_pem_x509_crl(store.crl_file().read_bytes())
        assert crl.next_update_utc is not None
        assert timedelta(days=29) < crl.next_update_utc - datetime.now(UTC) <= timedelta(days=30)
        number = crl.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number
        return number, {f"{entry.serial_number:x}" for entry in crl}

    first, second = (services.issue_client(user=alice).row for _ in range(2))
    found = [numbers()]
    for row in (first, second):
        services.revoke(row)
        found.append(numbers())
    IssuedCertificate.objects.filter(pk=first.pk).update(expires=datetime.now(UTC) - timedelta(days=1))
    services.renew_crl()
    found.append(numbers())
    assert [listed for _number, listed in found] == [
        set(),
        {first.serial},
        {first.serial, second.serial},
        {second.serial},
    ]
    assert [number for number, _listed in found] == sorted({number for number, _listed in found})
    assert "verify OK" in openssl("crl", "-in", store.crl_file(), "-CAfile", store.root_file(), "-noout")


@pytest.mark.django_db(transaction=True)
def test_of_revocations_at_once_none_is_lost(data: Path, alice: User) -> None:
    services.init()
    rows = [services.issue_client(user=alice).row for _ in range(6)]
    begin = threading.Barrier(len(rows))

    def revoke(row: IssuedCertificate) -> None:
        begin.wait()
        services.revoke(row)
        connection.close()

    with ThreadPoolExecutor(len(rows)) as pool:
        list(pool.map(revoke, rows))
    crl = x509.load_pem_x509_crl(store.crl_file().read_bytes())
    assert {f"{entry.serial_number:x}" for entry in crl} == {row.serial for row in rows}


def test_the_key_can_be_sealed(db: None, data: Path, settings, openssl: OpenSSL) -> None:
    settings.CA_PASSPHRASE = "a phrase of one's own"
    services.init()
    assert "ENCRYPTED" in (store.folder() / "root.key").read_text()
    assert "BEGIN" in openssl("pkey", "-in", store.folder() / "root.key", "-passin", f"pass:{settings.CA_PASSPHRASE}")
    services.issue_server(names=["localhost"])
    for wrong in ("", "another one"):
        settings.CA_PASSPHRASE = wrong
        with pytest.raises(AuthorityError, match="CA_PASSPHRASE"):
            services.issue_server(names=["localhost"])


def test_without_its_key_the_authority_is_trusted_but_signs_nothing(
    authority: x509.Certificate, alice: User, tmp_path: Path
) -> None:
    packed = services.issue_client(user=alice)
    pem = written(packed, tmp_path).read_text().partition("-----BEGIN PRIVATE")[0]
    (store.folder() / "root.key").rename(tmp_path / "safe")
    assert services.owner_of(pem) == alice
    with pytest.raises(AuthorityError, match="not here"):
        services.issue_client(user=alice)
    with pytest.raises(AuthorityError, match="not here"):
        services.revoke(packed.row)
    assert services.owner_of(pem) is None  # revoked all the same


def test_a_new_authority_ends_what_the_old_one_has_issued(authority: x509.Certificate, alice: User) -> None:
    row = services.issue_client(user=alice).row
    with pytest.raises(AuthorityError, match="already"):
        services.init()
    store.folder().rename(store.folder().with_name("old"))
    assert services.init().serial_number != authority.serial_number
    row.refresh_from_db()
    assert row.revoked is not None and not row.holds


@pytest.mark.parametrize("name", ["", "-a", "a b", "a..b", "x" * 64, "ünïcode.test", "../root", "a/b", "*"])
def test_what_is_no_name_gets_no_certificate(authority: x509.Certificate, name: str) -> None:
    with pytest.raises(AuthorityError):
        services.issue_server(names=[name])
    assert not IssuedCertificate.objects.exists() and not (store.folder() / "server").exists()


def test_a_login_without_room_in_a_certificate(authority: x509.Certificate) -> None:
    for login, fits in (("a" * 64, True), ("a" * 65, False), ("ümläut", True)):
        user = User.objects.create_user(login, email="ümläut@example.test")
        if fits:
            assert services.issue_client(user=user).row.subject == login
        else:
            with pytest.raises(AuthorityError, match="64"):
                services.issue_client(user=user)


def test_the_command(db: None, data: Path, alice: User, capsys: pytest.CaptureFixture[str], openssl: OpenSSL) -> None:
    def ca(*words: str) -> str:
        call_command("ca", *words)
        return capsys.readouterr().out

    with pytest.raises(CommandError, match="ca init"):
        ca("server", "imap.example.test")
    path, mark = ca("init").split("\n", 1)
    shown = openssl("x509", "-in", path, "-noout", "-fingerprint", "-sha256").strip().rpartition("=")[2]
    assert mark == f"SHA-256 {shown}\n"
    certificate, key = ca("server", "imap.example.test", "127.0.0.1", "--days", "90").split()
    assert verify(openssl, Path(certificate), "-verify_ip", "127.0.0.1").endswith(": OK\n") and Path(key).is_file()
    out = data / "alice.p12"
    words = ca("client", "Alice", "--device", "Laptop", "--out", str(out)).split()
    password, serial = words[words.index("password") + 1], words[-1]
    assert "BEGIN" in openssl("pkcs12", "-in", out, "-nodes", "-passin", f"pass:{password}")
    assert out.stat().st_mode & 0o777 == 0o600
    ca("revoke", ":".join(f"{serial:0>40}"[at : at + 2] for at in range(0, 40, 2)).upper())
    lines = ca("list").splitlines()
    assert len(lines) == 2 and "server until" in lines[0] and "client revoked" in lines[1] and "Laptop" in lines[1]
    before = store.crl_file().read_bytes()
    assert ca("crl") == f"{store.crl_file()}\n" and store.crl_file().read_bytes() != before
    for wrong in (("revoke", "abc"), ("client", "nobody"), ("server", "no name"), ("init",)):
        with pytest.raises(CommandError):
            ca(*wrong)


def test_the_worker_renews_the_list(authority: x509.Certificate, settings, caplog: pytest.LogCaptureFixture) -> None:
    from apps.auth.certificates.tasks import renew_crl

    before = store.crl_file().read_bytes()
    renew_crl()
    assert store.crl_file().read_bytes() != before
    (store.folder() / "root.key").unlink()
    renew_crl()
    store.root_file().unlink()
    renew_crl()


def test_the_portals_own_certificate_is_made_once_and_anew_when_something_has_changed(
    db: None, data: Path, settings, openssl: OpenSSL
) -> None:
    path = services.portal_certificate()  # with the authority
    assert verify(openssl, path, "-verify_hostname", "localhost").endswith(": OK\n")
    first = path.read_bytes()
    assert services.portal_certificate().read_bytes() == first
    settings.HOST = "192.0.2.7"
    second = services.portal_certificate().read_bytes()
    assert second != first and verify(openssl, path, "-verify_ip", "192.0.2.7").endswith(": OK\n")
    services.issue_server(names=["192.0.2.7", "localhost", "127.0.0.1", "::1"], days=20, path=path)
    third = services.portal_certificate().read_bytes()
    assert services.portal_certificate().read_bytes() == third
    services.revoke(IssuedCertificate.objects.first())  # type: ignore[arg-type]
    assert services.portal_certificate().read_bytes() != third
    store.folder().rename(store.folder().with_name("old"))
    assert verify(openssl, services.portal_certificate()).endswith(": OK\n")
