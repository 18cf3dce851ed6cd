"""A file that waits to be imported tells nobody anything, and nobody can change it."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from django.core.files.base import ContentFile

from apps.auth.models import User
from apps.contacts import tasks
from apps.contacts.models import Undertaking
from apps.contacts.services import importing, sealed
from tests.contacts.world import book_of

pytestmark = pytest.mark.django_db
PIECE = 1000


def waiting(alice: User, octets: bytes, name: str = "people.vcf") -> Undertaking:
    file = ContentFile(octets)
    return importing.begin(alice.pk, file, name=name, size=len(octets), book=book_of(alice), existing="update")  # type: ignore[arg-type]


def test_a_file_lies_sealed_and_comes_out_as_it_went_in(alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sealed, "PIECE", PIECE)
    for size in (10, 4096, 4096 + PIECE, 9_999):
        octets = (b"BEGIN:VCARD\r\nFN:Secret poles\r\nEND:VCARD\r\n" * 300)[:size]
        whole = waiting(alice, octets)
        lying = (importing.folder() / whole.file).read_bytes()
        assert b"Secret" not in lying and b"VCARD" not in lying
        with importing.opened(whole) as file:
            assert file.read() == octets


@pytest.mark.parametrize("harm", ["cut off", "a bit", "exchanged", "another's key", "moved"])
def test_a_changed_file_is_refused(alice: User, harm: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sealed, "PIECE", PIECE)
    whole = waiting(alice, b"BEGIN:VCARD\r\nFN:Somebody\r\nEND:VCARD\r\n" * 300)
    path = importing.folder() / whole.file
    octets = bytearray(path.read_bytes())
    first = 4 + int.from_bytes(octets[:4], "big")
    second = first + 4 + PIECE + 16
    if harm == "cut off":
        path.write_bytes(octets[:second])
    elif harm == "a bit":
        octets[10] ^= 1
        path.write_bytes(octets)
    elif harm == "exchanged":
        third = second + 4 + PIECE + 16
        path.write_bytes(octets[:first] + octets[second:third] + octets[first:second] + octets[third:])
    elif harm == "another's key":
        whole.options["key"] = waiting(alice, b"BEGIN:VCARD").options["key"]
    else:
        path.rename(importing.folder() / "elsewhere")
        whole.file = "elsewhere"
    with pytest.raises(sealed.Broken), importing.opened(whole) as file:
        file.read()
    Undertaking.objects.filter(pk=whole.pk).update(options=whole.options, file=whole.file, state="running")
    tasks.do_import(whole.pk, "look")
    whole.refresh_from_db()
    assert whole.state == Undertaking.State.FAILED and not whole.rows.exists()


def test_the_key_goes_with_the_file(alice: User) -> None:
    whole = waiting(alice, b"BEGIN:VCARD\r\nVERSION:4.0\r\nFN:Somebody\r\nEND:VCARD\r\n")
    Undertaking.objects.filter(pk=whole.pk).update(state="running")
    tasks.do_import(whole.pk, "take")
    whole.refresh_from_db()
    assert whole.state == "done" and "key" not in whole.options and whole.file == ""


def test_what_is_sealed_is_read_line_by_line(tmp_path: Path) -> None:
    target = io.BytesIO()
    key = sealed.write(target, iter([b"one\ntw", b"o\n", b"three"]), bound="x")
    path = tmp_path / "x"
    path.write_bytes(target.getvalue())
    with sealed.opened(path, key, bound="x") as file:
        assert file.readlines() == [b"one\n", b"two\n", b"three"]
