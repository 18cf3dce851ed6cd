"""The self-test warns while there is time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from django.utils import timezone

from apps.auth.certificates import authority as signing
from apps.auth.certificates import services, store
from apps.auth.certificates.diagnostics import certificates
from apps.auth.certificates.models import IssuedCertificate
from apps.auth.models import User
from portal.contracts import Level
from portal.registry import get_registry


def found() -> list[tuple[Level, str]]:
    return [(finding.level, str(finding.message)) for finding in certificates()]


def ends(days: float, **which: str) -> None:
    IssuedCertificate.objects.filter(**which).update(expires=timezone.now() + timedelta(days=days))


def test_it_is_one_of_the_checks() -> None:
    assert get_registry().diagnostics["auth.certificates"].run is certificates


@pytest.mark.django_db
def test_a_site_without_an_authority_is_well(data: Path) -> None:
    assert [level for level, _text in found()] == [Level.OK]
    store.put(store.root_file(), b"nonsense")
    assert [level for level, _text in found()] == [Level.ERROR]


def test_all_is_well_after_issuing(authority: x509.Certificate, alice: User) -> None:
    services.issue_server(names=["localhost"])
    services.issue_client(user=alice)
    [(level, text)] = found()
    assert level == Level.OK and str(authority.not_valid_after_utc.year) in text  # ten years are not 3,650 days


@pytest.mark.parametrize(("days", "level"), [(31, Level.OK), (29, Level.WARNING), (-1, Level.ERROR)])
def test_of_a_server(authority: x509.Certificate, days: int, level: Level) -> None:
    names = ["imap.example.test", "10.0.3.2"]
    services.issue_server(names=names)
    ends(days)
    [finding] = certificates()
    assert finding.level == level
    assert ("ca server imap.example.test 10.0.3.2" in finding.command) == (level != Level.OK)
    services.issue_server(names=names)  # renewed: the old one is of no interest any more
    assert [level for level, _text in found()] == [Level.OK]


def test_of_people(authority: x509.Certificate, alice: User, bob: User) -> None:
    for user in (alice, bob):
        services.issue_client(user=user)
    ends(20, subject="alice")
    [(level, text)] = found()
    assert level == Level.WARNING and "1 person" in text and "alice" in text
    ends(10, subject="bob")
    assert "2 people" in found()[0][1] and "bob" in found()[0][1]
    ends(-1)  # they have been told, and what is over harms nobody
    assert found()[0][0] == Level.OK
    ends(10)
    for row in IssuedCertificate.objects.all():
        services.revoke(row)
    assert found()[0][0] == Level.OK


@pytest.mark.parametrize(("years_ago", "level"), [(8, Level.OK), (9.5, Level.WARNING), (11, Level.ERROR)])
def test_of_the_authority(authority: x509.Certificate, years_ago: float, level: Level) -> None:
    old = signing.new_authority("old", now=datetime.now(UTC) - timedelta(days=365 * years_ago))
    store.keep(old, store.root_file())
    assert found()[0][0] == level


@pytest.mark.parametrize(("days_ago", "level"), [(20, Level.OK), (25, Level.WARNING), (31, Level.ERROR)])
def test_of_the_revocation_list(authority: x509.Certificate, days_ago: int, level: Level) -> None:
    then = datetime.now(UTC) - timedelta(days=days_ago)
    crl = signing.revocation_list(store.authority(), [], number=1, now=then)
    store.put(store.crl_file(), crl.public_bytes(Encoding.PEM))
    [(said, text)] = found()
    assert said == level and ("revoked" in text) == (level != Level.OK)
    store.crl_file().unlink()
    assert found()[0][0] == Level.ERROR
    services.renew_crl()
    assert found()[0][0] == Level.OK


def test_of_keys_that_others_can_read(authority: x509.Certificate) -> None:
    path = services.issue_server(names=["localhost"]).with_suffix(".key")
    path.chmod(0o640)
    [(level, text)] = found()
    assert level == Level.ERROR and str(path) in text
