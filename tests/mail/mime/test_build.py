from __future__ import annotations

import email
import email.policy
import re
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.mail.mime import addresses, build, decode, parse, select
from apps.mail.mime.build import Attachment, OutgoingMessage, Refused
from portal.contracts import Address
from tests.mail.mime.support import bounded, vectors

ALICE, BOB, CHARLIE = (
    Address("alice@example.test", "Alice"),
    Address("bob@example.test"),
    Address("charlie@example.test"),
)
WHEN = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
PLAIN = OutgoingMessage(
    from_=ALICE, to=(BOB,), subject="Hello", text="Hi Bob", date=WHEN, message_id="<1@example.test>"
)


def header_of(raw: bytes) -> str:
    return raw.split(b"\r\n\r\n", 1)[0].decode("ascii")


def assert_wire(raw: bytes) -> None:
    """RFC 5322 section 2: CRLF only, lines of at most 998 octets, seven bits."""
    assert b"\n" not in raw.replace(b"\r\n", b"")
    assert b"\r" not in raw.replace(b"\r\n", b"")
    assert max(map(len, raw.split(b"\r\n"))) <= 998
    assert raw.isascii()
    assert b"\0" not in raw


def test_a_plain_message() -> None:
    raw = build.message(PLAIN)
    assert raw == (
        b"Date: Mon, 23 Nov 2026 10:00:00 +0000\r\nFrom: Alice <alice@example.test>\r\nTo: bob@example.test\r\n"
        b"Subject: Hello\r\nMessage-ID: <1@example.test>\r\nMIME-Version: 1.0\r\n"
        b"Content-Type: text/plain; charset=us-ascii; format=flowed\r\n"
        b"Content-Transfer-Encoding: 7bit\r\n\r\nHi Bob\r\n"
    )


def test_nothing_of_this_machine_shows() -> None:
    raw = build.message(replace(PLAIN, message_id=build.new_message_id("example.test")))
    names = {line.partition(":")[0].lower() for line in header_of(raw).split("\r\n") if not line.startswith(" ")}
    assert not names & {"user-agent", "x-mailer", "x-originating-ip", "received"}


def test_message_ids_are_made_of_chance_and_the_given_domain() -> None:
    found = {build.new_message_id("example.test") for _count in range(100)}
    assert len(found) == 100
    assert all(re.fullmatch(r"<[0-9a-f]{32}@example\.test>", value) for value in found)
    assert build.new_message_id("müller.test").endswith("@xn--mller-kva.test>")
    with pytest.raises(Refused):
        build.new_message_id("x.test>\r\n")


def test_bcc_is_in_drafts_only() -> None:
    outgoing = replace(PLAIN, bcc=(CHARLIE,), draft_state={"reply": "INBOX/1"})
    assert b"charlie" not in build.message(outgoing)
    assert b"X-Yurt" not in build.message(outgoing)
    assert b"Bcc: charlie@example.test" in build.draft(outgoing)
    assert outgoing.recipients == ("bob@example.test", "charlie@example.test")


def test_structure_of_a_full_message() -> None:
    outgoing = replace(
        PLAIN,
        html='<p>Hi <img src="cid:p@x"> <b>Bob</b></p>',
        text="",
        attachments=(
            Attachment(content=b"\x89PNG", filename="p.png", type="image/png", content_id="p@x", inline=True),
            Attachment(content=b"%PDF", filename="Grüße.pdf", type="application/pdf"),
        ),
    )
    parsed = parse.parse(build.message(outgoing))
    assert [part.type for part in parsed.structure.walk()] == [
        "multipart/mixed",
        "multipart/alternative",
        "text/plain",
        "multipart/related",
        "text/html",
        "image/png",
        "application/pdf",
    ]
    assert parsed.problems == ()
    plain = parsed.structure.find("1.1")
    assert plain is not None
    assert decode.text(plain, parsed.body("1.1")).strip() == "Hi Bob"
    (pdf,) = select.attachments(parsed.structure)
    assert pdf.filename == "Grüße.pdf"


INJECTIONS = [item for item in vectors("headers") if item.values[0]["class"] == "CRLF header injection on send"]


def injected(field: str, value: str) -> OutgoingMessage:
    match field:
        case "Subject":
            return replace(PLAIN, subject=value)
        case "To" | "Cc" | "Bcc" | "Reply-To":
            people = (Address("bob@example.test", value), Address(value))
            return replace(PLAIN, **{field.lower().replace("-", "_"): people})
        case "From display name":
            return replace(PLAIN, from_=Address("alice@example.test", value))
        case "identity organisation":
            return replace(PLAIN, headers=(("Organization", value),))
        case "custom header":
            return replace(PLAIN, headers=((value, "x"),))
        case "In-Reply-To":
            return replace(PLAIN, in_reply_to=f"<{value}>")
        case "References":
            return replace(PLAIN, references=("<a@b>", value))
        case "attachment name":
            return replace(PLAIN, attachments=(Attachment(content=b"", filename=value),))
    raise AssertionError(field)


@pytest.mark.parametrize("item", [item for item in INJECTIONS if item.values[0]["field"] != "draft folder name"])
def test_control_characters_are_refused_with_the_name_of_the_field(item: Any) -> None:
    with pytest.raises(Refused) as caught:
        build.draft(injected(item["field"], item["value"]))
    named = {"From display name": "From", "identity organisation": "Organization", "attachment name": "attachment"}
    assert caught.value.field == (
        item["value"] if item["field"] == "custom header" else named.get(item["field"], item["field"])
    )


@pytest.mark.parametrize("value", ["a@b", "<a b@c>", "<a@b", "<a@b>x", "<ä@b>", ""])
def test_message_ids_that_are_none_are_refused(value: str) -> None:
    with pytest.raises(Refused):
        build.message(replace(PLAIN, references=(value,)))


@pytest.mark.parametrize("name", ["Bcc", "From", "Content-Type", "content-transfer-encoding", "X Y", "X:", "", "Ä"])
def test_headers_of_ours_cannot_be_set_from_outside(name: str) -> None:
    with pytest.raises(Refused):
        build.message(replace(PLAIN, headers=((name, "x"),)))


@pytest.mark.parametrize("type_", ["text/html\r\nX: y", "multipart/mixed", "x", "", "a/b; c=d"])
def test_types_that_are_none_are_refused(type_: str) -> None:
    with pytest.raises(Refused):
        build.message(replace(PLAIN, attachments=(Attachment(content=b"", type=type_),)))


@pytest.mark.parametrize("item", [i for i in vectors("headers") if i.values[0]["class"] == "SMTP command injection"])
def test_addresses_that_would_be_commands_are_refused(item: Any) -> None:
    if item["value"].startswith("-oQ"):  # a strange, but harmless address: nothing here is a command line
        assert b"To: -oQ/tmp/x@b.test\r\n" in build.message(replace(PLAIN, to=(Address(item["value"]),)))
        return
    with pytest.raises(Refused) as caught:
        build.message(replace(PLAIN, to=(Address(item["value"]),)))
    assert caught.value.field == "To"


@pytest.mark.parametrize("item", [i for i in vectors("headers") if i.values[0]["class"].startswith("SMTP smuggling")])
@pytest.mark.parametrize("kind", ["text", "html"])
def test_no_text_leaves_bare_line_ends(item: Any, kind: str) -> None:
    assert_wire(build.message(replace(PLAIN, **{kind: f"a{item['value']}b"})))


NAMES = st.text(st.characters(codec="utf-8", exclude_categories=("C", "Zl", "Zp")), max_size=120).map(
    lambda text: " ".join(text.split())
)
TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs"), include_characters="\n"), max_size=600)


@settings(max_examples=150)
@given(NAMES, NAMES, TEXTS)
def test_what_is_written_is_read(name: str, subject: str, text: str) -> None:
    raw = build.message(replace(PLAIN, from_=Address("alice@example.test", name), subject=subject, text=text))
    assert_wire(raw)
    assert all(len(line) <= 78 or " " not in line.strip() for line in header_of(raw).split("\r\n"))
    parsed = parse.parse(raw)
    assert parsed.problems == ()
    assert parsed.envelope.subject == subject
    (sender,) = parsed.envelope.from_
    assert sender.email == "alice@example.test"
    assert sender.name == addresses.clean_name(name)


@given(NAMES, NAMES)
def test_the_standard_library_reads_the_same(name: str, subject: str) -> None:
    raw = build.message(replace(PLAIN, subject=subject, attachments=(Attachment(content=b"x", filename=name),)))
    message = email.message_from_bytes(raw, policy=email.policy.default)
    assert message["subject"].replace(" ", "") == subject.replace(" ", "")
    found = [part.get_filename() or "" for part in message.walk() if part.get_content_disposition() == "attachment"]
    assert found == [name] or re.fullmatch("<.*>", name)  # the standard library takes off angle brackets too


@given(
    st.binary(max_size=2000),
    st.sampled_from(["application/pdf", "text/plain", "text/html", "message/rfc822", "image/png"]),
)
def test_attachments_arrive_octet_for_octet(content: bytes, type_: str) -> None:
    raw = build.message(replace(PLAIN, attachments=(Attachment(content=content, filename="a", type=type_),)))
    parsed = parse.parse(raw)
    (part,) = select.attachments(parsed.structure)
    assert decode.payload(part, parsed.body(part.number)) == content


def test_a_message_in_a_message_is_not_encoded() -> None:
    inner = build.message(PLAIN)
    raw = build.message(
        replace(PLAIN, attachments=(Attachment(content=inner, filename="m.eml", type="message/rfc822"),))
    )
    parsed = parse.parse(raw)
    (part,) = select.attachments(parsed.structure)
    assert (part.type, part.encoding) == ("message/rfc822", "7bit")
    assert parsed.body(part.number) == inner
    assert build.is_seven_bit(raw)


def test_only_an_8_bit_message_inside_makes_the_whole_8_bit() -> None:
    inner = "Subject: ü\r\n\r\nGrüße\r\n".encode()
    raw = build.message(replace(PLAIN, attachments=(Attachment(content=inner, type="message/rfc822"),)))
    assert not build.is_seven_bit(raw)
    assert b"Content-Transfer-Encoding: 8bit" in raw


def test_long_lines_of_text_are_encoded() -> None:
    raw = build.message(replace(PLAIN, text="x" * 5000, html="y" * 5000))
    assert_wire(raw)
    assert b"quoted-printable" in raw


def test_other_scripts_use_the_shorter_encoding() -> None:
    assert b"Content-Transfer-Encoding: base64" in build.message(replace(PLAIN, text="你好，世界" * 20))
    assert b"Content-Transfer-Encoding: quoted-printable" in build.message(replace(PLAIN, text="Schöne Grüße aus Köln"))


def test_ten_megabytes_are_built_in_time() -> None:
    with bounded():
        raw = build.message(replace(PLAIN, attachments=(Attachment(content=bytes(10_000_000), filename="a.bin"),)))
    assert len(raw) > 13_000_000


def test_a_domain_in_another_script_travels_as_ascii_and_a_local_part_as_it_is() -> None:
    assert b"To: bob@xn--mller-kva.test\r\n" in build.message(replace(PLAIN, to=(Address("bob@müller.test"),)))
    raw = build.message(replace(PLAIN, to=(Address("jörg@müller.test", "Jörg"),), subject="Grüße"))
    assert "To: =?utf-8?B?SsO2cmc=?= <jörg@xn--mller-kva.test>\r\n".encode() in raw  # RFC 6532
    assert parse.parse(raw).envelope.to == (Address("jörg@xn--mller-kva.test", "Jörg"),)
    assert raw.replace("ö".encode(), b"").isascii()


def test_the_date_is_in_the_zone_of_the_writer() -> None:
    zone = datetime.fromisoformat("2026-11-23T11:00:00+01:00")
    assert b"Date: Mon, 23 Nov 2026 11:00:00 +0100\r\n" in build.message(replace(PLAIN, date=zone))


# --- drafts ---------------------------------------------------------------------------------------------------------

FILES = st.lists(
    st.builds(
        Attachment,
        content=st.binary(max_size=300),
        filename=NAMES,
        type=st.sampled_from(["application/pdf", "text/plain", "text/calendar", "image/png", "application/zip"]),
    ),
    max_size=4,
)
PEOPLE = st.lists(st.sampled_from([BOB, CHARLIE, Address("dora@example.test", "Dora, Dr. Ä")]), max_size=3).map(tuple)


@settings(max_examples=100)
@given(PEOPLE, PEOPLE, PEOPLE, NAMES, FILES, st.sampled_from(["", "<p>Hällo <b>you</b></p>"]))
def test_a_draft_comes_back_as_it_was(
    to: tuple[Address, ...],
    cc: tuple[Address, ...],
    bcc: tuple[Address, ...],
    subject: str,
    files: list[Attachment],
    html: str,
) -> None:
    outgoing = replace(
        PLAIN,
        to=to,
        cc=cc,
        bcc=bcc,
        subject=subject,
        html=html,
        text="Hällo\n\n> quoted\n>> twice\nend " + "word " * 40 + "last\n-- \nAlice",
        attachments=tuple(files),
        in_reply_to="<0@example.test>",
        references=("<-1@example.test>", "<0@example.test>"),
        headers=(("Organization", "Ünï"),),
        draft_state={"source": "INBOX/Ä b;1", "identity": "2"},
    )
    back = build.from_draft(parse.parse(build.draft(outgoing)))
    assert back == replace(outgoing, text=outgoing.text.replace(">> twice", ">> twice"))


def test_inline_images_of_a_draft_stay_inline() -> None:
    image = Attachment(content=b"\x89PNG\r\n", filename="p.png", type="image/png", content_id="p@x", inline=True)
    outgoing = replace(PLAIN, html='<p><img src="cid:p@x"></p>', attachments=(image,))
    back = build.from_draft(parse.parse(build.draft(outgoing)))
    assert back.attachments == (image,)
    assert back.html == outgoing.html


def test_a_draft_of_another_program_is_read() -> None:
    raw = b"To: a@x.test\r\nSubject: =?utf-8?Q?=C3=A4?=\r\n\r\nhi\r\n"
    back = build.from_draft(parse.parse(raw))
    assert (back.from_.email, back.to[0].email, back.subject, back.text) == ("", "a@x.test", "ä", "hi")


@given(st.lists(st.sampled_from([b"", b"a", b"\r", b"\n", b"\r\n", b"bcd"]), max_size=40), st.integers(0, 9))
def test_lines_come_as_split_gives_them(pieces: list[bytes], stretch: int) -> None:
    octets = b"".join(pieces)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(build, "_STRETCH", stretch)
        assert list(build._lines(octets)) == octets.split(b"\r\n")
