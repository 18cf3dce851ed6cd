"""Reports about what was sent (RFC 3464, RFC 8098), as servers write them."""

from __future__ import annotations

import pytest

from apps.mail.mime import decode, headers, parse, reports
from apps.mail.mime.reports import Delivery
from tests.mail.mime.support import CORPORA, bounded

FOLDER = CORPORA / "mimekit" / "messages"


def read(raw: bytes) -> tuple[Delivery | None, str]:
    parsed = parse.parse(raw)
    report, original = reports.parts_of(parsed.structure)
    if report is None:
        return None, ""
    header = decode.payload(original, parsed.body(original.number)) if original is not None else b""
    return reports.delivery(report, parsed.body(report.number)), reports.original_id(parsed.structure, header)


def message(fields: str, *, rest: str = "", encoding: str = "7bit") -> bytes:
    return (
        'Content-Type: multipart/report; report-type=delivery-status; boundary="b"\r\n\r\n--b\r\n\r\nIt failed.\r\n'
        f"--b\r\nContent-Type: message/delivery-status\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n"
        f"{fields}\r\n{rest}--b--\r\n"
    ).encode()


TWO = (
    "Reporting-MTA: dns; mx.example.test\r\n\r\n"
    "Final-Recipient: rfc822; <bob@far.test>\r\nAction: Failed (gone)\r\nStatus: 5.1.1 (no such)\r\n"
    "Remote-MTA: dns; mx.far.test\r\nDiagnostic-Code: smtp; 550 5.1.1 <bob@far.test>:\r\n no such user\r\n \r\n\r\n"
    "Original-Recipient: rfc822;carla@far.test\r\nFinal-Recipient: rfc822;c@inner.test\r\nAction: delayed\r\n"
    "Status: 4.4.1\r\nWill-Retry-Until: Sun, 29 Nov 2026 10:00:00 +0000\r\n"
)


def test_each_recipient_and_what_happened() -> None:
    found, about = read(message(TWO, rest="--b\r\nContent-Type: text/rfc822-headers\r\n\r\nMessage-ID: <a@b.test>\r\n"))
    assert found is not None and found.reporter == "mx.example.test" and about == "<a@b.test>"
    bob, carla = found.recipients
    assert (bob.email, bob.action, bob.status, bob.by) == ("bob@far.test", "failed", "5.1.1", "mx.far.test")
    assert bob.said == "550 5.1.1 <bob@far.test>: no such user"
    assert (carla.email, carla.action, carla.status) == ("carla@far.test", "delayed", "4.4.1")
    assert carla.until is not None and carla.until.day == 29


def test_the_whole_original_names_itself_too() -> None:
    rest = "--b\r\nContent-Type: message/rfc822\r\n\r\nMessage-ID: <a@b.test>\r\n\r\nx\r\n"
    assert read(message(TWO, rest=rest))[1] == "<a@b.test>"


def test_a_status_may_stand_in_the_words_only_and_be_encoded() -> None:
    fields = "Final-Recipient: rfc822;bob@far.test=0D=0AAction: failed=0D=0ADiagnostic-Code: smtp; 552 5.2.2 full"
    found, about = read(message(fields, encoding="quoted-printable"))
    assert found is not None and found.recipients[0].status == "5.2.2" and about == ""


@pytest.mark.parametrize("fields", ["", "nonsense", "Reporting-MTA: dns; x\r\n\r\nAction: failed"])
def test_a_report_about_nobody_is_none(fields: str) -> None:
    assert read(message(fields)) == (None, "")


def test_many_are_bounded() -> None:
    with bounded():
        found, _about = read(message("Reporting-MTA: dns; x\r\n" + "\r\nFinal-Recipient: rfc822;a@b.test\r\n" * 20_000))
    assert found is not None and len(found.recipients) <= reports.MOST_RECIPIENTS


@pytest.mark.parametrize(
    "path", sorted(FOLDER.glob("delivery-status*")) or [None], ids=lambda path: getattr(path, "name", "")
)
def test_those_that_others_have_collected(path) -> None:
    if path is None:
        pytest.skip("shared corpora absent")
    found, _about = read(path.read_bytes())
    assert found is not None
    assert all(each.email and (each.action or each.status) for each in found.recipients)


def test_whether_a_receipt_would_go_elsewhere() -> None:
    for path, wanted, elsewhere in (
        ("Return-Path: <Ann@x.test>", "ann@x.test", ""),
        ("Return-Path: <b@x.test>", "ann@x.test", "b@x.test"),
        ("Return-Path: <>", "ann@x.test", "<>"),
        ("Return-Path: <ann@x.test>", "ann@x.test, b@x.test", "ann@x.test"),
        ("Subject: x", "ann@x.test", ""),
    ):
        fields = headers.parse(f"{path}\r\nDisposition-Notification-To: {wanted}\r\n".encode())
        assert reports.goes_elsewhere(fields, reports.wanted_by(fields)) == elsewhere
    broken = headers.parse(b"Disposition-Notification-To: nobody, <a@b>c, x@y.test, X@y.test\r\n")
    assert [each.email for each in reports.wanted_by(broken)][-1:] == ["x@y.test"]
