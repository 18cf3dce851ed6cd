"""What we send, held against the standards one by one: RFC 5322, 2045 to 2047, 2231, 3676. Other readers than ours
judge: the standard library, and the rules themselves."""

from __future__ import annotations

import base64
import email
import getpass
import quopri
import re
import socket
import sys
from collections.abc import Iterator
from dataclasses import replace
from email import policy
from email.header import decode_header
from email.message import EmailMessage, Message
from email.utils import parsedate_to_datetime

import pytest

from apps.mail.mime import build
from apps.mail.mime.build import Attachment, OutgoingMessage
from portal.contracts import Address
from tests.mail.mime.test_build import ALICE, BOB, CHARLIE, PLAIN, WHEN
from tests.proof.independent import lines, read

LONG = "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft"
PICTURE = Attachment(content=b"\x89PNG\r\n\x1a\n\0", filename="p.png", type="image/png", content_id="p@x", inline=True)
INNER = b"Subject: inner\r\n\r\n" + b"y" * 900 + b"\r\n"


def named(name: str, content: bytes = b"x") -> Attachment:
    return Attachment(content=content, filename=name, type="application/pdf")


#: What people write, from the ordinary to the hardly bearable.
WRITTEN: dict[str, OutgoingMessage] = {
    "plain": PLAIN,
    "empty": replace(PLAIN, text="", subject="", to=()),
    "everything": replace(
        PLAIN,
        sender=CHARLIE,
        cc=(CHARLIE,),
        bcc=(Address("dora@example.test"),),
        reply_to=(Address("list@example.test", "The list"),),
        text="",
        html='<p>Grüße <img src="cid:p@x"></p>',
        attachments=(PICTURE, named("Grüße.pdf"), Attachment(content=INNER, filename="m.eml", type="message/rfc822")),
        in_reply_to="<0@example.test>",
        references=("<a@example.test>", "<0@example.test>"),
        headers=(("Organization", "Institut für Meereskunde"), ("Importance", "high")),
    ),
    "names": replace(
        PLAIN,
        from_=Address("alice@example.test", 'Alice "Al" O\\Connor, Dr. (IMS)'),
        to=tuple(Address(f"p{at}@example.test", f"Дмитрий Тестовый {at}") for at in range(200)),
    ),
    "one long name": replace(PLAIN, from_=Address("alice@example.test", "x" * 2000)),
    "one long quoted name": replace(PLAIN, to=(Address("bob@example.test", "x," * 800),)),
    "one long foreign name": replace(PLAIN, from_=Address("alice@example.test", "ж" * 300)),
    "long subject": replace(PLAIN, subject="word " * 400),
    "subject without a blank": replace(PLAIN, subject="x" * 3000),
    "subject in Chinese": replace(PLAIN, subject="你好，世界" * 60),
    "subject like code": replace(PLAIN, subject="=?utf-8?Q?not_a_word?= and a=b_c?"),
    "subject with emoji": replace(PLAIN, subject="👩‍👩‍👧‍👦 " * 30),
    "many references": replace(PLAIN, references=tuple(f"<{at}.{'x' * 60}@example.test>" for at in range(100))),
    "one long reference": replace(PLAIN, references=(f"<{'x' * 880}@example.test>",)),
    "long line": replace(PLAIN, text="x" * 5000),
    "long paragraph": replace(PLAIN, text="word " * 3000 + "end"),
    "long words": replace(PLAIN, text=f"{LONG} " * 40 + LONG),
    "long html line": replace(PLAIN, html="<p>" + "ü" * 4000 + "</p>"),
    "dots and From": replace(PLAIN, text=".\n..\nFrom here\n.ü\nFrom ü\n>From\n-- \nAlice"),
    "files": replace(
        PLAIN,
        attachments=(
            named("plain.pdf"),
            named("two words.pdf"),
            named('quo"te\\.pdf'),
            named("semi;colon=.pdf"),
            named("Grüße aus Köln.pdf"),
            named("日本語" * 40 + ".pdf"),
            named("x" * 240 + ".pdf"),
            named("a  b.pdf"),
            named("=?utf-8?Q?x?=.pdf"),
            named("100%.pdf"),
            named("it's.pdf"),
        ),
    ),
    "binary": replace(PLAIN, attachments=(named("a.pdf", bytes(range(256)) * 40),)),
    "eight bits inside": replace(
        PLAIN, attachments=(Attachment(content="Subject: ü\r\n\r\nü\r\n".encode(), type="message/rfc822"),)
    ),
}
each = pytest.mark.parametrize("written", WRITTEN.values(), ids=WRITTEN.keys())


def octets_of(written: OutgoingMessage) -> Iterator[bytes]:
    yield build.message(written)
    yield build.draft(written)


def parsed(written: OutgoingMessage) -> EmailMessage:
    message = email.message_from_bytes(build.message(written), policy=policy.default)
    assert isinstance(message, EmailMessage)
    return message


def as_sent(written: OutgoingMessage) -> Message:
    return email.message_from_bytes(build.message(written), policy=policy.compat32)


def header_lines(octets: bytes) -> list[bytes]:
    return octets.partition(b"\r\n\r\n")[0].split(b"\r\n")


@each
def test_rfc_5322_lines(written: OutgoingMessage) -> None:
    """Section 2.1: CRLF alone, 998 octets at most; headers are folded to 78 where a blank lets them."""
    for octets in octets_of(written):
        assert b"\0" not in octets
        assert not re.search(rb"\r(?!\n)|(?<!\r)\n", octets)
        assert max(map(len, octets.split(b"\r\n"))) <= 998
        for line in header_lines(octets):
            assert line.isascii()
            assert line.strip(), "a folded line of blanks"
            assert len(line) <= 78 or b" " not in line.partition(b": ")[2].strip()


@each
def test_rfc_5322_fields(written: OutgoingMessage) -> None:
    """Section 3.6: what must be there is there once, and nothing twice."""
    message = as_sent(written)
    names = [name.lower() for name in message.keys()]  # noqa: SIM118 - a field may stand there twice
    assert len(names) == len(set(names))
    assert {"date", "from", "message-id", "mime-version", "content-type", "content-transfer-encoding"} - set(names) <= {
        "content-transfer-encoding"
    }
    assert "bcc" not in names
    assert parsedate_to_datetime(message["Date"]) == WHEN
    assert re.fullmatch(r"<[^\s<>@]+@[^\s<>@]+>", message["Message-ID"])
    assert ("sender" in names) == (written.sender is not None)
    assert ("to" in names) == bool(written.to)


@each
def test_rfc_5322_addresses(written: OutgoingMessage) -> None:
    message = parsed(written)
    for name, people in (("From", (written.from_,)), ("To", written.to), ("Cc", written.cc)):
        found = message[name].addresses if people else ()
        assert [address.addr_spec for address in found] == [address.email for address in people]
        assert [squeezed(address.display_name) for address in found] == [squeezed(address.name) for address in people]


def squeezed(text: str) -> str:
    return "".join(text.split())


@each
def test_rfc_2045_encodings(written: OutgoingMessage) -> None:
    """Section 6: a composite part has 7bit or 8bit, lines of an encoded one have 76 octets, and it decodes strictly."""
    message = as_sent(written)
    assert message["MIME-Version"] == "1.0"
    eight_bits = message["Content-Transfer-Encoding"] == "8bit"
    for part in message.walk():
        assert part.defects == []
        encoding = part.get("Content-Transfer-Encoding", "7bit")
        if part.is_multipart():
            assert encoding in ("7bit", "8bit")
            continue
        body = part.get_payload()
        assert isinstance(body, str)
        longest = max(map(len, body.split("\r\n")))
        if encoding == "base64":
            assert longest <= 76
            base64.b64decode(body.replace("\r\n", ""), validate=True)
        elif encoding == "quoted-printable":
            assert longest <= 76
            assert not re.search(r"[ \t]\r\n|=(?![0-9A-F]{2}|\r\n)", body)
            quopri.decodestring(body.encode())
        else:
            assert encoding == "7bit"
            assert body.isascii() or eight_bits


@each
def test_rfc_2046_boundaries(written: OutgoingMessage) -> None:
    """Section 5.1.1: at most 70 characters, each of its own, none with a meaning inside of quotes."""
    found = [part.get_boundary() for part in as_sent(written).walk() if part.get_content_maintype() == "multipart"]
    assert len(found) == len(set(found))
    assert all(boundary and re.fullmatch(r"[0-9A-Za-z'()+_,./:=?-]{1,70}", boundary) for boundary in found)


@each
def test_rfc_2047_words(written: OutgoingMessage) -> None:
    """Section 2: 75 characters at most, of which each decodes alone; section 5: never quoted, never in a parameter."""
    for line in b"\r\n".join(header_lines(build.message(written))).decode("ascii").split("\r\n"):
        words = re.findall(r"=\?[^?\s]+\?[QB]\?[^?\s]*\?=", line)
        if line.lower().startswith("content-"):
            assert "=?" not in line
        for word in words:
            assert len(word) <= 75
            ((octets, charset),) = decode_header(word)
            assert isinstance(octets, bytes)
            octets.decode(charset or "ascii")
            before, after = line.split(word, 1)
            assert not before.strip() or before[-1] == " "
            assert not after or after[0] in " ,"
            assert before.count('"') % 2 == 0


@pytest.mark.parametrize("name", [name for name in WRITTEN if "subject" in name])
def test_rfc_2047_subjects_arrive(name: str) -> None:
    written = WRITTEN[name]
    assert squeezed(parsed(written)["Subject"]) == squeezed(written.subject)


def test_rfc_2231_names_arrive() -> None:
    """Section 3 and 4: in both places where programs look for it; plain where it can be, in pieces where it must."""
    written = WRITTEN["files"]
    names = [file.filename for file in written.attachments]
    files = [part for part in as_sent(written).walk() if part.get_content_disposition() == "attachment"]
    assert [part.get_filename() for part in files] == names
    assert [email.utils.collapse_rfc2231_value(part.get_param("name")) for part in files] == names
    raw = build.message(written).decode("ascii")
    assert "filename=plain.pdf" in raw
    assert 'filename="two words.pdf"' in raw
    assert "filename*=utf-8''Gr%C3%BC%C3%9Fe%20aus%20K%C3%B6ln.pdf" in raw
    assert "filename*0*=utf-8''%E6%97%A5" in raw
    assert not re.search(r"\*\d+\*=[^\r\n]*%[0-9A-F]?(?:;|\r\n)", raw), "an octet in two pieces"


FLOWED = {
    "a paragraph": "word " * 60 + "end",
    "short": "One.\n\nTwo.",
    "stuffed": " indented\n>not a quote by us\nFrom here\n  two",
    "quotes": "On Monday Bob wrote:\n> " + "word " * 40 + "end\n>> deeper\n> \n> back",
    "signature": "Bye\n-- \nAlice\nRoom 3",
    "no blanks": "x" * 300,
    "two blanks": "a  b " * 40 + "end",
    "tabs": "a\tb " * 40 + "end",
    "a form feed": "page one \x0c page two " * 20 + "end",
    "a no-break space": "10\u00a0km " * 40 + "end",
    "Chinese": "你好，世界。" * 40,
    "Arabic": "مرحبا بالعالم " * 20 + "نهاية",
    "emoji": "👩‍👩‍👧 " * 50 + "x",
}


@pytest.mark.parametrize("text", FLOWED.values(), ids=FLOWED.keys())
def test_rfc_3676_text_arrives(text: str) -> None:
    """Section 4: joined again it is what was written, and no line that can be broken has more than 78 characters."""
    octets = build.message(replace(PLAIN, text=text))
    node = read(octets)
    assert node.params["format"] == "flowed"
    wanted = [
        (len(line) - len(line.lstrip(">")), line.lstrip(">").removeprefix(" ") if line.startswith(">") else line)
        for line in text.split("\n")
    ]
    assert lines(node) == [(depth, line.rstrip(" ")) for depth, line in wanted]
    for line in node.text.split("\n"):
        words = line.strip(" >")
        assert len(line) <= 79 or " " not in words or "  " in words or re.search(r"[\t\x0c]", words)


def test_alternative_and_related() -> None:
    """RFC 2046 section 5.1.4: the plainest form first. RFC 2387: the text is the root, its pictures beside it."""
    message = as_sent(WRITTEN["everything"])
    assert [part.get_content_type() for part in message.walk()][:8] == [
        "multipart/mixed",
        "multipart/alternative",
        "text/plain",
        "multipart/related",
        "text/html",
        "image/png",
        "application/pdf",
        "message/rfc822",
    ]
    related = next(part for part in message.walk() if part.get_content_type() == "multipart/related")
    assert related.get_param("type") == "text/html"
    _text, picture = related.get_payload()
    assert picture["Content-ID"] == "<p@x>"
    assert picture.get_content_disposition() == "inline"
    assert "cid:p@x" in read(build.message(WRITTEN["everything"])).children[0].children[1].children[0].text


def test_a_picture_that_no_text_shows_is_a_file() -> None:
    message = as_sent(replace(PLAIN, attachments=(PICTURE,)))
    assert [part.get_content_type() for part in message.walk()] == ["multipart/mixed", "text/plain", "image/png"]


@each
def test_nothing_of_this_machine_stands_in_a_header(written: OutgoingMessage) -> None:
    for octets in octets_of(replace(written, message_id=build.new_message_id("example.test"))):
        head = octets.partition(b"\r\n\r\n")[0].decode("ascii").lower()
        here = {socket.gethostname(), socket.getfqdn(), "localhost", "127.0.0.1", "python", sys.prefix}
        here |= {getpass.getuser()} - {"x"}
        for name in here:
            assert not re.search(rf"(?<![\w.]){re.escape(name.lower())}(?![\w.])", head), name
        for field in ("user-agent", "x-mailer", "received", "x-originating-ip", "x-php"):
            assert not re.search(rf"^{field}", head, re.MULTILINE)


def test_the_clock_of_the_writer_and_nobody_elses() -> None:
    """An answer is dated in the zone of the person, not in that of the machine."""
    assert as_sent(replace(PLAIN, date=WHEN))["Date"].endswith("+0000")
    assert ALICE.email in as_sent(replace(PLAIN, to=(BOB,)))["From"]
