from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.mail.mime import charset, headers
from tests.mail.mime.support import bounded


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b"plain", "plain"),
        (b"=?utf-8?B?w6QucGRm?=", "ä.pdf"),
        (b"=?utf-8?Q?a=C3?= =?utf-8?Q?=A4b?=", "aäb"),  # split inside a character
        (b"=?utf-8?B?w6Q=?=\r\n =?utf-8?B?w7Y=?=", "äö"),  # blanks between words are no text
        (b"a=?utf-8?Q?b?=c=?iso-8859-1?q?=E4?=", "abcä"),  # glued
        (b"Re: =?utf-8?q?a_b?= c", "Re: a b c"),
        (b"=?iso-8859-1?q?=E4?= =?utf-8?q?=C3=B6?=", "äö"),
        (b"=?utf-8*de?Q?=C3=A4?=", "ä"),  # RFC 2231 section 5
        (b"=?utf-8?B?w6Q?=", "ä"),  # no padding
        (b"=?utf-8?B?w6QA?=", "ä"),  # a NUL inside
        (b"=?utf-8?Q?100% =zz?=", "100% =zz"),
        (b"=?utf-8?Q?What??=", "What?"),
        (b"=?nonsense?Q?a=E4?=", "aä"),
        (b"=?x?Q?broken", "=?x?Q?broken"),
        ("Grüße".encode(), "Grüße"),
        ("Grüße aus Köln".encode("latin-1"), "Grüße aus Köln"),
        (b"folded\r\n line", "folded line"),
        (b"a\x00b\x01c", "a b c"),
        (b"=?utf-8?B?PGltZyBzcmM9eCBvbmVycm9yPXdpbmRvdy5fX3hzcygxKT4=?=", "<img src=x onerror=window.__xss(1)>"),
        (b"=?utf-7?Q?+ADw-script+AD4-?=", "<script>"),
        (b"=?gb2312?B?xOO6ww==?=", "你好"),
        (b"=?iso-2022-jp?B?GyRCRnxLXBsoQg==?=", "日本"),
        (b"=?ks_c_5601-1987?B?vsiz5w==?=", "안녕"),
    ],
)
def test_values_are_read(raw: bytes, text: str) -> None:
    assert headers.decode(raw) == text


@given(st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Zl", "Zp")), min_size=1, max_size=80))
def test_what_is_split_anywhere_comes_together(text: str) -> None:
    octets = text.encode()
    words = b"\r\n ".join(
        b"=?utf-8?B?" + base64.b64encode(octets[at : at + 7]) + b"?=" for at in range(0, len(octets), 7)
    )
    assert headers.decode(words) == text.strip()


@given(st.binary(max_size=400))
def test_any_octets_give_text_without_controls(raw: bytes) -> None:
    text = headers.decode(raw)
    assert not any(ord(char) < 32 or 0x7F <= ord(char) < 0xA0 for char in text)
    headers.parameters(raw)
    headers.parse(raw)


@given(st.binary(max_size=200), st.text(max_size=30))
def test_any_octets_in_any_charset_give_text(octets: bytes, label: str) -> None:
    assert isinstance(charset.decode(octets, label), str)


@pytest.mark.parametrize(
    "label", ["", "us-ascii", "iso-8859-1", "x-unknown", "utf-8", "zip", "rot13", "idna", 'utf-8"; x=']
)
def test_no_replacement_without_need(label: str) -> None:
    assert charset.decode("Müller & Söhne — Übung".encode("cp1252"), label) == "Müller & Söhne — Übung"


def test_a_foreign_octet_in_utf8_costs_only_itself() -> None:
    octets = "ein längerer Text über alles Mögliche, der fast ganz stimmt, ".encode() * 3 + b"nur \xe4 nicht"
    assert charset.decode(octets, "utf-8").endswith("nur ä nicht")


@pytest.mark.parametrize("label", ["utf-8", ""])
def test_a_character_cut_at_the_end_is_dropped(label: str) -> None:
    assert charset.decode("Grüße an dich: ä".encode()[:-1], label) == "Grüße an dich: "


@pytest.mark.parametrize(
    ("raw", "value", "params"),
    [
        (b'text/plain; charset="utf-8"', "text/plain", {"charset": "utf-8"}),
        (b"TEXT/Plain; Format=Flowed", "text/plain", {"format": "Flowed"}),
        (b"a; filename*=utf-8''%E4%BD%A0.pdf", "a", {"filename": "你.pdf"}),
        (b"a; f*0*=utf-8''%C3; f*1*=%A4; f*2=x", "a", {"f": "äx"}),
        (b"a; f*1*=b; f*0*=utf-8''a", "a", {"f": "ab"}),
        (b"a; filename=old; filename*=utf-8''new", "a", {"filename": "new"}),
        (b'a; filename="=?utf-8?B?w6QucGRm?="', "a", {"filename": "ä.pdf"}),
        (b'a; filename="a\\"b;c.pdf"; x=y', "a", {"filename": 'a"b;c.pdf', "x": "y"}),
        (b'a; name="unclosed; charset=utf-8', "a", {"name": "unclosed", "charset": "utf-8"}),
        (b'text/plain; charset="utf-8\\"; x=\\""', "text/plain", {"charset": 'utf-8"; x="'}),
        ('a; filename="Grüße.pdf"'.encode("latin-1"), "a", {"filename": "Grüße.pdf"}),
        (b"a; x=1; x=2", "a", {"x": "1"}),
        (b"", "", {}),
    ],
)
def test_parameters(raw: bytes, value: str, params: dict[str, str]) -> None:
    assert headers.parameters(raw) == (value, params)


def test_a_thousand_continuations_are_bounded() -> None:
    raw = b"a" + b"".join(b"; f*%d*=x" % number for number in range(100_000))
    with bounded():
        assert len(headers.parameters(raw)[1]["f"]) <= headers.MOST_PARAMS


def test_fields_keep_order_and_broken_lines_are_reported() -> None:
    found = headers.parse(b"Received: a\r\nX : spaced\r\nno field\r\nReceived: b\r\n\tfolded\r\n\r\nBody: no")
    assert found.fields == (("Received", b"a"), ("X", b"spaced"), ("Received", b"b\tfolded"))
    assert found.broken
    assert found.all("received") == [b"a", b"b\tfolded"]
    assert "Body" not in found


def test_a_separator_of_mbox_files_and_a_byte_order_mark_are_no_damage() -> None:
    assert not headers.parse(b"From x@y.test Mon\r\nSubject: a\r\n\r\n").broken
    assert headers.parse(b"\xef\xbb\xbfSubject: a\r\n\r\n").text("Subject") == "a"


@pytest.mark.parametrize(
    "raw",
    [
        b"Received: x\r\n" * 10_000,
        b"Subject: " + b"x" * 1_000_000,
        b"Subject: " + b"=?a?q?" * 200_000,
        b"Subject: " + b"=?utf-8?Q?a?= " * 100_000,
        b"Subject: " + b"=?" * 500_000,
    ],
    ids=["many", "long", "unclosed", "words", "marks"],
)
def test_hostile_headers_are_read_in_time(raw: bytes) -> None:
    with bounded():
        headers.parse(raw).text("Subject")


def test_message_ids() -> None:
    assert headers.message_ids(b"<a@b> (x) junk <c@d>\r\n <e f@g>") == ("<a@b>", "<c@d>")
