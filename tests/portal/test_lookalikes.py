"""Names and domains that are taken for others', by table."""

from __future__ import annotations

import pytest

from portal import lookalikes
from portal.contracts import Address
from portal.lookalikes import Kind, Sign, looks_like, name_key, sign_of

ANNA = Address("anna@felt.example", "Anna Adams")
CYRILLIC_A, CYRILLIC_E, GREEK_O = "\u0430", "\u0435", "\u03bf"


@pytest.mark.parametrize(
    ("domain", "known"),
    [
        ("fe1t.example", "felt.example"),
        ("feIt.example", "felt.example"),
        (f"f{CYRILLIC_E}lt.example", "felt.example"),
        ("xn--flt-rdd.example", "felt.example"),
        ("p\u0430yp\u0430l.test", "paypal.test"),
        (f"g{GREEK_O}{GREEK_O}gle.test", "google.test"),
        ("rnicrosoft.test", "microsoft.test"),
        ("vvater.test", "water.test"),
        ("polar-lnstitute.example", "polar-institute.example"),
        ("polarinstitute.example", "polar-institute.example"),
        ("polar-institute.exmaple", "polar-institute.example"),
        ("plar-institute.example", "polar-institute.example"),
        ("poalr-institute.example", "polar-institute.example"),
        ("polar-institutes.example", "polar-institute.example"),
        ("pölar.example", "polar.example"),
        ("felt.example.evil.test", "felt.example"),
        ("mail.felt.exampel", "mail.felt.example"),
    ],
)
def test_domains_that_look_like_others(domain: str, known: str) -> None:
    assert looks_like(domain, known)


@pytest.mark.parametrize(
    ("domain", "known"),
    [
        ("felt.example", "felt.example"),
        ("FELT.example.", "felt.example"),
        ("mail.felt.example", "felt.example"),
        ("felt.example", "mail.felt.example"),
        ("web.de", "gmx.de"),
        ("web.de", "wdr.de"),
        ("google.de", "google.dk"),
        ("google.de", "google.com"),
        ("ice1.felt.example", "ice2.felt.example"),
        ("d12.example", "d13.example"),
        ("polar-station.example", "polar-institute.example"),
        ("abc.test", "abd.test"),
        ("", "felt.example"),
        ("felt.example", ""),
        ("xn--.example", "felt.example"),
    ],
)
def test_domains_that_do_not(domain: str, known: str) -> None:
    assert not looks_like(domain, known)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("Anna Adams", "ADAMS, Anna", True),
        ("Anna Adams", f"{CYRILLIC_A.upper()}nn{CYRILLIC_A} Adams", True),
        ("Anna Adams", "Anna Аdаms", True),
        ("Anna Adams", "Anna Adams <anna@felt.example>", True),
        ("Zoë Müller", "Zoe Muller", True),
        ("Anna Adams", "Anna B. Adams", False),
        ("Anna Adams", "Anne Adams", False),
        ("陈立", "陈立", True),
        ("陈立", "陈力", False),
        ("...", "!!!", True),  # no name at all
    ],
)
def test_names_that_look_alike(one: str, other: str, same: bool) -> None:
    assert (name_key(one) == name_key(other)) is same


@pytest.mark.parametrize(
    ("address", "sign"),
    [
        (ANNA, None),
        (Address("ANNA@felt.example", "Somebody Else"), None),  # known is known
        (Address("bo@ice.example", "Bo Berg"), None),
        (Address("bo@ice.example"), None),
        (Address("anna@evil.test", "Anna Adams"), Sign(Kind.NAME, ANNA.email)),
        (Address("anna.adams@mail.test", "adams, anna"), Sign(Kind.NAME, ANNA.email)),
        (Address("other@felt.example", "Anna Adams"), Sign(Kind.NAME, ANNA.email)),
        (Address("other@ims.example", "Anna Adams"), None),  # a colleague: two may have one name
        (Address("anna@fe1t.example"), Sign(Kind.DOMAIN, "felt.example")),
        (Address("boss@lms.example"), Sign(Kind.DOMAIN, "ims.example")),
        (Address("x@evil.test", "anna@felt.example"), Sign(Kind.HIDDEN, "anna@felt.example")),
        (Address("x@evil.test", "Anna (anna@felt.example)"), Sign(Kind.HIDDEN, "anna@felt.example")),
        (Address("x@evil.test", "X@EVIL.test"), None),
        (Address("x@evil.test", "!!!"), None),
    ],
)
def test_what_is_worth_a_second_look(address: Address, sign: Sign | None) -> None:
    known = [ANNA, Address("nameless@felt.example")]
    assert sign_of(address, known=known, domains={"felt.example", "ice.example"}, own="IMS.example") == sign


def test_each_sign_says_what_it_is_taken_for() -> None:
    assert Sign(Kind.NAME, "a@x.test").text == "You know this name with another address: a@x.test"
    assert Sign(Kind.DOMAIN, "x.test").text == "This address looks like one of x.test, and is not"
    assert Sign(Kind.HIDDEN, "a@x.test").text == "The name contains another address: a@x.test"
    assert Sign(Kind.FIRST).text == "You have not written to this address before"
    assert [Sign(kind).is_warning for kind in Kind] == [True, True, True, False]


def test_nothing_takes_long() -> None:
    long = Address(f"{'a' * 60}@{'x.' * 100}test", "Anna " * 200)
    assert sign_of(long, known=[long] * 500, domains={f"d{n}.{'y' * 60}.test" for n in range(500)}) is None
    assert len(lookalikes.skeleton("W" * 10_000)) <= 2 * lookalikes.MOST_LETTERS
