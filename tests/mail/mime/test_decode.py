from __future__ import annotations

import base64
import quopri

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.mail.mime import decode
from apps.mail.mime.parts import Part
from tests.mail.mime.support import bounded


def part(encoding: str = "7bit", type_: str = "text/plain", charset: str = "") -> Part:
    return Part(number="1", type=type_, encoding=encoding, params={"charset": charset} if charset else {})


@given(st.binary(max_size=500))
def test_base64_and_quoted_printable_come_back(content: bytes) -> None:
    assert decode.payload(part("base64"), base64.encodebytes(content)) == content
    assert decode.payload(part("quoted-printable"), quopri.encodestring(content)) == content


@given(st.binary(max_size=300), st.sampled_from(["base64", "quoted-printable", "x-uuencode", "8bit", "nonsense"]))
def test_any_octets_in_any_encoding_give_octets(octets: bytes, encoding: str) -> None:
    assert isinstance(decode.payload(part(encoding), octets), bytes)
    assert isinstance(decode.text(part(encoding), octets), str)


def test_uuencode() -> None:
    assert decode.payload(part("x-uuencode"), b"begin 644 a.txt\n#0V%T\n`\nend\n") == b"Cat"


def test_base64_cut_anywhere_gives_its_beginning() -> None:
    content = bytes(range(200))
    coded = base64.encodebytes(content)
    for cut in range(len(coded)):
        assert content.startswith(decode.payload(part("base64"), coded[:cut]))


def test_text_has_line_feeds_only_and_the_charset_of_its_label() -> None:
    assert decode.text(part(charset="iso-8859-1"), b"a\r\n\xe4\rb") == "a\nä\nb"


def test_html_names_its_charset_itself_where_the_header_does_not() -> None:
    html = '<meta http-equiv="Content-Type" content="text/html; charset=windows-1251">Привет'.encode("cp1251")
    assert "Привет" in decode.text(part(type_="text/html"), html)


@pytest.mark.parametrize("label", ["unknown-8bit", 'utf-8"; x="', "foo", "utf-8; format=flowed"])
def test_charsets_that_do_not_exist_are_no_error(label: str) -> None:
    assert decode.text(part(charset=label), "für alle".encode()) == "für alle"


@pytest.mark.parametrize("octets", [b"+3hg-", b"A +2AA- B"])
def test_halves_of_characters_are_none(octets: bytes) -> None:
    """UTF-7 can spell a surrogate alone, which no page can be written with."""
    text = decode.text(part(charset="utf-7"), octets)
    assert text.encode()
    assert "\ufffd" in text


def test_large_parts_are_decoded_in_time() -> None:
    coded = base64.encodebytes(bytes(10_000_000))
    with bounded():
        assert len(decode.payload(part("base64"), coded)) == 10_000_000
