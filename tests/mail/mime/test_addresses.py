from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.mail.mime import addresses
from portal.contracts import Address
from tests.mail.mime.support import bounded, vectors


@pytest.mark.parametrize(
    ("raw", "found"),
    [
        ("a@b.test", [("a@b.test", "")]),
        ("Ann <a@b.test>, bob@c.test", [("a@b.test", "Ann"), ("bob@c.test", "")]),
        ('"Doe, John" <j@x.test>', [("j@x.test", "Doe, John")]),
        ('"a \\"b\\" c" <j@x.test>', [("j@x.test", 'a "b" c')]),
        ("j@x.test (John (the) Doe)", [("j@x.test", "John (the) Doe")]),
        ("Team: a@x.test, B <b@x.test>;, c@x.test", [("a@x.test", ""), ("b@x.test", "B"), ("c@x.test", "")]),
        ("undisclosed-recipients:;", []),
        ("a@x.test; b@x.test", [("a@x.test", ""), ("b@x.test", "")]),
        ("=?utf-8?Q?J=C3=B6rg?= <j@x.test>", [("j@x.test", "Jörg")]),
        ('"=?utf-8?Q?J=C3=B6rg?=" <j@x.test>', [("j@x.test", "Jörg")]),
        ("<@r1.test,@r2.test:a@b.test>", [("a@b.test", "")]),
        ('"quoted local"@x.test', [('"quoted local"@x.test', "")]),
        ("root", [("root", "")]),
        ("Doe, John <j@x.test>", [("", "Doe"), ("j@x.test", "John")]),
        ("<a@x.test><b@x.test>", [("a@x.test", ""), ("b@x.test", "")]),
        ("<a@x.test, b@x.test>", [("a@x.test", ""), ("b@x.test", "")]),
        ("a@x.test b@x.test", [("a@x.test", ""), ("b@x.test", "")]),
        ("No Address <>", [("", "No Address")]),
        ("", []),
        (",,;", []),
    ],
)
def test_every_address_is_found(raw: str, found: list[tuple[str, str]]) -> None:
    assert [(address.email, address.name) for address in addresses.parse(raw.encode())] == found


SPOOFS = [item for item in vectors("headers") if item.values[0]["class"] == "From display spoofing"]


@pytest.mark.parametrize("item", SPOOFS)
def test_the_real_address_is_always_shown(item: Any) -> None:
    found = addresses.parse(item["value"])
    assert found
    if "evil" in item["value"]:
        assert any(address.email.endswith("evil@evil.test") or "@evil.test" in address.email for address in found)
    for address in found:
        assert address.name.isprintable()
        assert "\u202e" not in address.name
        assert "\u200b" not in address.name
        assert "   " not in address.name
        assert "\x00" not in address.email


def test_hidden_characters_of_an_address_are_made_visible() -> None:
    (address,) = addresses.parse('"Boss" <boss@bank.test\x00@evil.test>')
    assert address.email == "boss@bank.test\ufffd@evil.test"
    (address,) = addresses.parse("<boss@bank\u200b.test>")
    assert address.email == "boss@bank\ufffd.test"


NAME = st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z", "M")), min_size=1, max_size=20)
EMAIL = st.builds("{}@{}.test".format, *[st.from_regex(r"[a-z0-9]{1,8}", fullmatch=True)] * 2)


@given(st.lists(st.builds(Address, EMAIL, NAME.filter(lambda name: addresses.clean_name(name) == name)), max_size=5))
def test_what_is_formatted_is_read_back(people: list[Address]) -> None:
    assert list(addresses.parse(addresses.format(people), encoded=False)) == people


@given(st.text(max_size=200))
def test_any_text_gives_addresses_without_controls(text: str) -> None:
    for address in addresses.parse(text):
        assert not any(ord(char) < 32 for char in address.name + address.email)


@pytest.mark.parametrize(
    "raw",
    [
        '"a"a"a' * 2000,
        '"a' * 10_000,
        "(" * 20_000,
        "((()" * 5000,
        "<" * 20_000,
        "<a" * 10_000,
        "a@b," * 10_000,
        "a:" * 10_000,
    ],
    ids=["quotes", "open quotes", "comments", "half comments", "angles", "open angles", "many", "groups"],
)
def test_hostile_lists_take_milliseconds(raw: str) -> None:
    with bounded(0.25):
        assert len(addresses.parse(raw)) <= addresses.MAX_ADDRESSES


@pytest.mark.parametrize(
    "email",
    [
        "a@b.test",
        "a.b+c@sub.example.test",
        '"a b"@c.test',
        "a@[192.0.2.1]",
        "jörg@müller.test",
        "-oQ/tmp/x@b.test",
        "a@localhost",
    ],
)
def test_valid_addresses(email: str) -> None:
    assert addresses.is_valid(email)


INJECTIONS = [
    item
    for item in vectors("headers")
    if item.values[0]["class"] == "SMTP command injection" and not item.values[0]["value"].startswith("-oQ")
]


@pytest.mark.parametrize("item", INJECTIONS)
def test_injections_are_no_valid_addresses(item: Any) -> None:
    assert not addresses.is_valid(item["value"])


@pytest.mark.parametrize(
    "email",
    [
        "",
        "a",
        "@b.test",
        "a@",
        "a@b@c.test",
        "a b@c.test",
        "a@-b.test",
        "a@b..test",
        ".a@b.test",
        "a" * 300 + "@b.test",
    ],
)
def test_what_is_no_address(email: str) -> None:
    assert not addresses.is_valid(email)


def test_typed_lists_take_line_ends_and_keep_what_is_wrong() -> None:
    found = addresses.split("Ann <a@x.test>\nb@x.test\r\nnobody at all")
    assert [address.email for address in found] == ["a@x.test", "b@x.test", "nobody at all"]


def test_unique_keeps_the_first_place() -> None:
    a, b, big_a = Address("a@x.test"), Address("b@x.test"), Address("A@x.test", "A")
    assert addresses.unique([[a, b], [big_a, b]], without=["B@X.test"]) == ((a,), ())
