"""What the address books know of a person: cards in short and keys; what a card offers beside its values."""

from __future__ import annotations

import base64
import html
import io
import re
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote, urlencode

import pytest
import segno
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from apps.auth.models import User
from apps.contacts import keys
from apps.contacts.card import Card, Value
from apps.contacts.models import Contact
from apps.contacts.services import access, maps, qr
from apps.contacts.vcard import reading
from tests.contacts.world import add, book_of

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}
ANNA = "anna@felt.example"
#: Made with GnuPG: ed25519 from 2026 for two years, and RSA for ever.
ED = (
    "mDMEaVW5ABYJKwYBBAHaRw8BAQdAyDbQPN02YEy0Q6+WbglAe7sFOpvh1x7eHFxIf5Xyrui0J0FpZ2VyaW0gVG9rb2V2YSA8YS50b2tvZXZhQGltcy5l"
    "eGFtcGxlPoiWBBMWCAA+FiEEITO3BHaSTCGZMbzbp9dkgyAl6AwFAmlVuQACGwMFCQPCZwAFCwkIBwIGFQoJCAsCBBYCAwECHgECF4AACgkQp9dkgyAl"
    "6AxRegEAiUAd/kZOagt6CbwZhGcBkr1buxKry2Xr+LRI+O6dN60A/3nRWpA9xTnmym2BYKIxuuIqE5JAyr18P8t/NUm+YBEN"
)
RSA = (
    "mI0EaVW5AAEEAMQ8O6oyc7Tp39hO5xG62nmj6uv4J8v3dzKdwCasgUE6oPkMtOUJVQ8tpBcfFeAWuFH2iv2jkZtUCMjdxhFnR/jLbOzpmC/BZMqNDF1Y"
    "CY8T4/cXS3eL3j49IEIqn8inCJBRCJpW+7+kHpqzoMt25RsXqjqk+KIwb7ryYxbrJZL9ABEBAAG0GFpoYW5hciA8emhAZmVsdC5leGFtcGxlPojOBBMB"
    "CgA4FiEE92tE2n4H+L8pK9ZfJgvQ4RY8i+IFAmlVuQACGwMFCwkIBwIGFQoJCAsCBBYCAwECHgECF4AACgkQJgvQ4RY8i+KNqwQArtoysSfmkK95fk0u"
    "kPYEu7QcjsK3hYinXIUE604plDLgpZWD7bpjwDP6e3eRZk33ANwwsyrZ9zd+9TTl4KHKLy9muq2k3W+3wVkNV43EkKNIrnPzu/tNNyIFezK+pC1ClwkK"
    "QU4zYbCx7W2azp2i9wvCa/LKIlGqfnx6H/CQ/Aw="
)
ED_PRINT = "2133B70476924C219931BCDBA7D764832025E80C"
RSA_PRINT = "F76B44DA7E07F8BF292BD65F260BD0E1163C8BE2"
ARMOURED = "-----BEGIN PGP PUBLIC KEY BLOCK-----\nComment: x\n\n{}\n=ogbA\n-----END PGP PUBLIC KEY BLOCK-----\n"


def certificate(email: str = ANNA, *, days: int = 400, key: Any = None) -> x509.Certificate:
    key = key or ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Anna Abel")])
    start = datetime(2026, 1, 1, tzinfo=UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(start).not_valid_after(start + timedelta(days=days))
    builder = builder.add_extension(x509.SubjectAlternativeName([x509.RFC822Name(email)]), critical=False)
    return builder.sign(key, None if isinstance(key, ed25519.Ed25519PrivateKey) else SHA256())


def data(octets: bytes, kind: str) -> str:
    return f"data:{kind};base64,{base64.b64encode(octets).decode()}"


def part(client: Client, name: str, *emails: str) -> str:
    query = urlencode([("email", email) for email in emails])
    answer = client.get(f"/person/parts/contacts.{name}/?{query}", headers=HTMX)
    assert answer.status_code == 200
    return html.unescape(answer.content.decode())


# --- keys -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        ED,
        f"data:application/pgp-keys;base64,{ED}",
        ARMOURED.format(ED),
        ARMOURED.format("\r\n".join(re.findall(".{1,64}", ED))).replace("Comment: x\n", ""),
        data(ARMOURED.format(ED).encode(), "application/pgp-keys"),
        "data:application/pgp-keys," + ARMOURED.format(ED).replace("+", "%2B").replace("\n", "%0A"),
    ],
    ids=["base64", "data", "armour", "armour without headers", "armour in data", "percent"],
)
def test_an_openpgp_key_is_read_however_it_is_written(text: str) -> None:
    key = keys.read(text)
    assert (key.kind, key.fingerprint, key.algorithm) == (keys.OPENPGP, ED_PRINT, "EdDSA")
    assert key.names == ("Aigerim Tokoeva <a.tokoeva@ims.example>",)
    assert key.emails == ("a.tokoeva@ims.example",)
    assert key.since == datetime(2026, 1, 1, tzinfo=UTC)
    assert key.until == datetime(2028, 1, 1, tzinfo=UTC)
    assert key.grouped == "2133 B704 7692 4C21 9931 BCDB A7D7 6483 2025 E80C"


def test_an_openpgp_key_without_an_end() -> None:
    key = keys.read(RSA)
    assert (key.fingerprint, key.algorithm, key.until) == (RSA_PRINT, "RSA", None)
    assert keys.state(key, datetime(2099, 1, 1, tzinfo=UTC)) == "valid"
    assert keys.state(key, datetime(2025, 1, 1, tzinfo=UTC)) == "early"
    assert keys.read(f"OPENPGP4FPR:{RSA_PRINT.lower()}").fingerprint == RSA_PRINT


def test_the_end_is_that_of_its_own_newest_signature() -> None:
    """Signatures of others tell nothing about it."""
    octets = base64.b64decode(ED)
    other = octets.replace(bytes.fromhex(ED_PRINT), b"\x01" * 20)
    assert keys.read(base64.b64encode(other).decode()).until is None


@pytest.mark.parametrize(
    ("make", "algorithm"),
    [
        (lambda: ec.generate_private_key(ec.SECP256R1()), "EC secp256r1"),
        (lambda: rsa.generate_private_key(65537, 2048), "RSA 2048"),
        (ed25519.Ed25519PrivateKey.generate, "Ed25519"),
    ],
)
def test_a_certificate_tells_whose_it_is_and_how_long(make: Any, algorithm: str) -> None:
    found = certificate(key=make())
    der = found.public_bytes(Encoding.DER)
    for text in (
        data(der, "application/pkix-cert"),
        base64.b64encode(der).decode(),
        found.public_bytes(Encoding.PEM).decode(),
        data(pkcs7.serialize_certificates([found], Encoding.DER), "application/pkcs7-mime"),
    ):
        key = keys.read(text)
        assert key.fingerprint == found.fingerprint(SHA256()).hex().upper()
        assert (key.kind, key.algorithm, key.issuer) == (keys.SMIME, algorithm, "Anna Abel")
        assert key.names == ("Anna Abel", ANNA) and key.emails == (ANNA,)
        assert key.until == datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=400)
    assert keys.state(key, datetime(2026, 6, 1, tzinfo=UTC)) == "valid"
    assert keys.state(key, datetime(2028, 6, 1, tzinfo=UTC)) == "expired"


def test_an_address_of_a_key_is_never_fetched() -> None:
    assert keys.read("https://keys.example/anna.asc") == keys.Key(keys.LINK, url="https://keys.example/anna.asc")
    assert keys.read("javascript:alert(1)").kind == keys.UNKNOWN


@given(st.one_of(st.text(max_size=200), st.binary(max_size=300).map(lambda octets: base64.b64encode(octets).decode())))
def test_nothing_that_stands_there_breaks_it(text: str) -> None:
    keys.read(text)


@given(st.integers(0, len(base64.b64decode(ED)) - 1), st.integers(0, 255), st.booleans())
def test_a_damaged_key_is_another_one_or_none(at: int, value: int, cut: bool) -> None:
    octets = bytearray(base64.b64decode(ED))
    octets[at] = value
    keys.read(base64.b64encode(octets[:at] if cut else octets).decode())


def test_keys_of_all_cards_stand_on_the_page_once(as_alice: Client, alice: User) -> None:
    fresh, old = certificate(days=36_500), certificate("other@x.test", days=10)
    texts = [data(each.public_bytes(Encoding.DER), "application/pkix-cert") for each in (fresh, old)]
    add(alice, "Anna Abel", ANNA, more=(Value("KEY", texts[0]), Value("KEY", "https://keys.example/a.asc")))
    add(alice, "A. Abel", ANNA, book=book_of(alice, "Team"), more=tuple(Value("KEY", text) for text in texts))
    page = part(as_alice, "keys", ANNA)
    assert page.count("S/MIME certificate, EC secp256r1") == 2
    assert page.count("It names none of this person’s addresses.") == 1 and page.count("Expired") == 1
    assert 'href="https://keys.example/a.asc" target="_blank" rel="noopener noreferrer"' in page
    assert part(as_alice, "keys", "nobody@x.test") == ""


def test_the_card_tells_a_key_in_words(as_alice: Client, alice: User) -> None:
    contact = add(alice, "Anna Abel", ANNA, more=(Value("KEY", ED),))
    page = as_alice.get(f"/contacts/{contact.pk}/").content.decode()
    assert "OpenPGP key, EdDSA" in page and "2133 B704" in page and "From Jan. 1, 2026 to Jan. 1, 2028" in page
    assert ED not in page


# --- cards ------------------------------------------------------------------------------------------------------------


def test_cards_of_any_book_are_shown_in_short(as_alice: Client, alice: User) -> None:
    more = (Value("BDAY", "--0314"), Value("ORG", ("Felt & Co", "Yurts")), Value("NOTE", "Hidden here"))
    first = add(alice, "Anna Abel", ANNA, "anna.abel@x.test", phone="+996 555 010 142", more=more)
    add(alice, "Abel, A.", ANNA.upper(), book=book_of(alice, "Team"))
    add(alice, "Bob Abel", "bob@felt.example")
    page = part(as_alice, "cards", ANNA)
    assert f'href="/contacts/{first.pk}/"' in page and "Abel, A." in page and "Bob Abel" not in page
    assert 'href="tel:+996555010142"' in page and "March 14" in page and "Felt & Co · Yurts" in page
    assert ">Personal<" in page and ">Team<" in page
    assert "Hidden here" not in page
    together = f"/person/?{urlencode([('email', ANNA), ('email', 'anna.abel@x.test')])}"
    assert f'href="{together}"' in page
    assert "all their addresses" not in part(as_alice, "cards", ANNA, "anna.abel@x.test")
    head = as_alice.get(together).content.decode()
    assert "Anna Abel" in head and "Add to contacts" not in head


def test_only_what_somebody_may_see_is_shown(
    as_alice: Client, alice: User, bob: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(bob, "Bobs Secret", ANNA, more=(Value("KEY", ED),))
    thrown = add(alice, "Thrown Away", ANNA)
    Contact.objects.filter(pk=thrown.pk).update(deleted=datetime.now(UTC))
    assert part(as_alice, "cards", ANNA) == part(as_alice, "keys", ANNA) == ""
    add(alice, "Anna Abel", ANNA)
    assert "Anna Abel" in part(as_alice, "cards", ANNA)
    whole = access.document
    monkeypatch.setattr(  # who may not see the address does not find the person by it
        access, "document", lambda user, each: Card([v for v in whole(user, each).values if v.name != "EMAIL"])
    )
    assert part(as_alice, "cards", ANNA) == ""


# --- the card itself --------------------------------------------------------------------------------------------------


def test_a_card_leads_to_calls_maps_and_the_page_of_its_person(as_alice: Client, alice: User) -> None:
    address = Value("ADR", ("PO 7", "Flat 3", "Чүй проспекти 265", "Бишкек", "", "720071", "Kyrgyzstan"))
    fax = Value("TEL", "+996 312 000 000", ("fax",))
    contact = add(alice, "Anna Abel", ANNA, "anna.abel@x.test", more=(fax, Value("TEL", "+996 555 010 142"), address))
    page = html.unescape(as_alice.get(f"/contacts/{contact.pk}/").content.decode())
    bar = page[page.index('role="toolbar"') :].partition("</div>")[0]
    assert 'href="tel:+996555010142"' in bar and f'href="/contacts/{contact.pk}/qr/"' in bar
    (url,) = re.findall(r'<a class="ib sm" href="([^"]+)" target="_blank" rel="noopener noreferrer"', page)
    place = quote("Чүй проспекти 265, 720071 Бишкек, Kyrgyzstan", safe="")
    assert url == f"https://www.openstreetmap.org/search?query={place}"
    assert f'hidden data-copy-value="{ANNA}"' in page
    query = urlencode([("email", ANNA), ("email", "anna.abel@x.test")])
    assert f'href="/person/?{query}"' in page and f'hx-get="/person/lately/?{query}"' in page
    plain = add(alice, "No Address")
    page = as_alice.get(f"/contacts/{plain.pk}/").content.decode()
    assert "/person/" not in page and "tel:" not in page and "openstreetmap" not in page


def test_the_sites_map_is_a_setting(settings: Any) -> None:
    value = Value("ADR", ("", "", "A & B 1", "Bishkek", "", "", ""))
    settings.MAP_URL = "geo:0,0?q={place}"
    assert maps.map_url(value) == "geo:0,0?q=A%20%26%20B%201%2C%20Bishkek"
    assert maps.map_url(Value("ADR", ("PO 7", "", "", "", "", "", "Kyrgyzstan"))) == ""
    assert maps.map_url(Value("NOTE", "Bishkek")) == ""
    settings.MAP_URL = ""
    assert maps.map_url(value) == ""


@pytest.fixture
def full_card() -> Card:
    values = [
        Value("FN", "Жанар; Өмүрбекова"),
        Value("N", ("Өмүрбекова", "Жанар", "", "", "")),
        Value("NOTE", "private"),
    ]
    values += [Value("EMAIL", f"zh{n}@felt.example", ("work",)) for n in range(30)]
    values += [
        Value("TEL", "+996 555 010 142", ("cell",), params={"X-ODD": ("1",)}),
        Value("URL", "https://x.test/" + "a" * 900),
    ]
    return Card(values)


def test_a_qr_code_holds_what_a_camera_can_read(full_card: Card) -> None:
    code = qr.of(full_card)
    assert len(code.text.encode()) <= qr.MOST_OCTETS
    assert code.left_out > 1 and "https://" not in code.text and "private" not in code.text and "UID" not in code.text
    (parsed,) = reading.cards(io.BytesIO(code.text.encode()))
    read = Card(list(parsed.values))
    assert read.text("FN") == "Жанар; Өмүрбекова" and read.text("TEL") == "+996 555 010 142"
    assert len(read.all("EMAIL")) > 3
    assert code._code().version <= 20
    assert code._code() == segno.make(code.text, error="m", micro=False, encoding="utf-8", boost_error=False)


def test_the_code_stands_on_a_page_and_can_be_kept(as_alice: Client, alice: User, bob: User) -> None:
    contact = add(alice, "Anna Abel", ANNA, phone="+996 555 010 142", more=(Value("NOTE", "private"),))
    page = as_alice.get(f"/contacts/{contact.pk}/qr/").content.decode()
    assert "<svg" in page and "style=" not in page and ANNA in page and "private" not in page
    kept = as_alice.get(f"/contacts/{contact.pk}/qr.svg")
    assert kept["Content-Type"] == "image/svg+xml" and kept["Content-Disposition"].endswith('"anna-abel.svg"')
    assert kept.content.startswith(b'<svg xmlns="http://www.w3.org/2000/svg"')
    other = Client()
    other.force_login(bob)
    for name in ("qr/", "qr.svg"):
        assert other.get(f"/contacts/{contact.pk}/{name}").status_code == 404
