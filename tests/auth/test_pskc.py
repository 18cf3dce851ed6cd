"""Encrypted lists of cards (RFC 6030 section 6): the document's own examples, and files made here."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import time

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.keywrap import aes_key_wrap
from cryptography.hazmat.primitives.padding import PKCS7
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from apps.auth.factors import cards, codes
from apps.auth.factors.models import CodeDevice

KEY = b"12345678901234567890"
XMLENC, XMLDSIG = "http://www.w3.org/2001/04/xmlenc#", "http://www.w3.org/2000/09/xmldsig#"
NAMESPACES = (
    f'xmlns="urn:ietf:params:xml:ns:keyprov:pskc" xmlns:xenc="{XMLENC}" xmlns:ds="{XMLDSIG}" '
    'xmlns:xenc11="http://www.w3.org/2009/xmlenc11#" '
    'xmlns:pkcs5="http://www.rsasecurity.com/rsalabs/pkcs/schemas/pkcs-5v2-0#"'
)
HASHES = {
    "sha1": f"{XMLDSIG}hmac-sha1",
    "sha256": "http://www.w3.org/2001/04/xmldsig-more#hmac-sha256",
    "sha512": "http://www.w3.org/2001/04/xmldsig-more#hmac-sha512",
}
SHARED = "<EncryptionKey><ds:KeyName>Pre-shared-key</ds:KeyName></EncryptionKey>"


def sealed(name: str, method: str, octets: str) -> str:
    value = f"<xenc:CipherData><xenc:CipherValue>\n  {octets}\n</xenc:CipherValue></xenc:CipherData>"
    return f'<{name}><xenc:EncryptionMethod Algorithm="{XMLENC}{method}"/>{value}</{name}>'


def derivation(salt: str = "Ej7/PEpyEpw=", rounds: str = "1000", length: int = 16, prf: str = "<PRF/>") -> str:
    """Its parameters are in no namespace of the document, as in figure 7."""
    return (
        "<EncryptionKey><xenc11:DerivedKey><xenc11:KeyDerivationMethod "
        'Algorithm="http://www.rsasecurity.com/rsalabs/pkcs/schemas/pkcs-5v2-0#pbkdf2"><pkcs5:PBKDF2-params>'
        f'<Salt xmlns=""><Specified>{salt}</Specified></Salt><IterationCount xmlns="">{rounds}</IterationCount>'
        f'<KeyLength xmlns="">{length}</KeyLength>{prf}</pkcs5:PBKDF2-params></xenc11:KeyDerivationMethod>'
        "<xenc11:MasterKeyName>My Password 1</xenc11:MasterKeyName></xenc11:DerivedKey></EncryptionKey>"
    )


def container(key: str, mac: str, secret: str, counter: str = "") -> bytes:
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<KeyContainer Version="1.0" {NAMESPACES}>{key}{mac}<KeyPackage>
 <DeviceInfo><Manufacturer>Manufacturer</Manufacturer><SerialNo>987654321</SerialNo></DeviceInfo>
 <Key Id="12345678" Algorithm="urn:ietf:params:xml:ns:keyprov:pskc:hotp">
  <AlgorithmParameters><ResponseFormat Length="8" Encoding="DECIMAL"/></AlgorithmParameters>
  <Data><Secret>{secret}</Secret>{counter}</Data></Key>
</KeyPackage></KeyContainer>""".encode()


def by_figure(key: str, mac_key: str, secret: str, mac: str) -> bytes:
    method = f'<MACMethod Algorithm="{XMLDSIG}hmac-sha1">{sealed("MACKey", "aes128-cbc", mac_key)}</MACMethod>'
    return container(key, method, sealed("EncryptedValue", "aes128-cbc", secret) + f"<ValueMAC>{mac} </ValueMAC>")


FIGURE_6 = by_figure(
    SHARED,
    "ESIzRFVmd4iZABEiM0RVZgKn6WjLaTC1sbeBMSvIhRejN9vJa2BOlSaMrR7I5wSX",
    "AAECAwQFBgcICQoLDA0OD+cIHItlB3Wra1DUpxVvOx2lef1VmNPCMl8jwZqIUqGv",
    "Su+NvtQfmvfJzF6bmQiJqoLRExc=",
)
KEY_6 = "12345678901234567890123456789012"
FIGURE_7 = by_figure(
    derivation(),
    "2GTTnLwM3I4e5IO5FkufoOEiOhNj91fhKRQBtBJYluUDsPOLTfUvoU2dStyOwYZx",
    "oTvo+S22nsmS2Z/RtcoF8Hfh+jzMe0RkiafpoDpnoZTjPYZu6V+A4aEn032yCr4f",
    "LP6xMvjtypbfT9PdkJhBZ+D6O4w=",
)


def cbc(key: bytes, plain: bytes) -> bytes:
    vector, padder = os.urandom(16), PKCS7(128).padder()
    encryptor = Cipher(algorithms.AES(key), modes.CBC(vector)).encryptor()
    return vector + encryptor.update(padder.update(plain) + padder.finalize()) + encryptor.finalize()


def coded(octets: bytes) -> str:
    return base64.b64encode(octets).decode()


def made(key: bytes, *, how: str = "cbc", hash_: str = "sha1", mac_key: bytes | None = b"m" * 20, head: str = SHARED):
    """A file of one card whose counter is 5."""
    size = len(key) * 8
    method = f"aes{size}-cbc" if how == "cbc" else f"kw-aes{size}"
    octets, count = (
        (cbc(key, KEY), cbc(key, bytes(7) + b"\5")) if how == "cbc" else (aes_key_wrap(key, KEY + b"abcd"), b"")
    )
    inner = sealed("MACKey", f"aes{size}-cbc", coded(cbc(key, mac_key))) if mac_key else ""
    checked = mac_key or key

    def value(data: bytes) -> str:
        mac = f"<ValueMAC>{coded(hmac.digest(checked, data, hash_))}</ValueMAC>" if how == "cbc" else ""
        return sealed("EncryptedValue", method, coded(data)) + mac

    return container(
        head,
        f'<MACMethod Algorithm="{HASHES[hash_]}">{inner}</MACMethod>' if how == "cbc" else "",
        value(octets),
        f"<Counter>{value(count) if count else '<PlainValue>5</PlainValue>'}</Counter>",
    )


# --- what is read -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("file", "secret"),
    [
        (FIGURE_6, KEY_6),
        (FIGURE_6, " 1234 5678 9012 3456 7890 1234 5678 9012 "),
        (FIGURE_6, coded(bytes.fromhex(KEY_6))),
        (FIGURE_7, "qwerty"),
    ],
)
def test_examples_of_the_rfc(file: bytes, secret: str) -> None:
    (card,) = cards.read(file, secret)
    assert (card.serial, card.key, card.counter, card.digits) == ("987654321", KEY, 0, 8)


@pytest.mark.parametrize("size", [16, 24, 32])
@pytest.mark.parametrize("hash_", list(HASHES))
def test_sizes_and_checks(size: int, hash_: str) -> None:
    key = os.urandom(size)
    for mac_key in (b"m" * 20, None):  # without one of its own, it is that of the values
        (card,) = cards.read(made(key, hash_=hash_, mac_key=mac_key), key.hex())
        assert (card.key, card.counter) == (KEY, 5)


@pytest.mark.parametrize("size", [16, 24, 32])
def test_wrapped_keys_check_themselves(size: int) -> None:
    key = os.urandom(size)
    (card,) = cards.read(made(key, how="wrap"), key.hex())
    assert (card.key, card.counter) == (KEY + b"abcd", 5)


@pytest.mark.parametrize(("prf", "hash_"), [("", "sha1"), ('<PRF Algorithm="x#hmac-sha256"/>', "sha256")])
@pytest.mark.parametrize("length", [16, 32])
def test_passwords(prf: str, hash_: str, length: int) -> None:
    password, salt = "pässwörd 密码 ", b"salt of the maker"
    key = hashlib.pbkdf2_hmac(hash_, password.encode(), salt, 4321, length)
    head = derivation(coded(salt), "4321", length, prf)
    (card,) = cards.read(made(key, head=head), password)
    assert card.key == KEY


# --- what is not ------------------------------------------------------------------------------------------------------


def changed(file: bytes, before: str, after: str) -> bytes:
    assert before.encode() in file
    return file.replace(before.encode(), after.encode())


@pytest.mark.parametrize(
    ("file", "secret", "said"),
    [
        (FIGURE_6, "", "Its keys are encrypted"),
        (FIGURE_6, "not hexadecimal", "64 hexadecimal digits"),
        (FIGURE_6, "00" * 16, "is not that of this file"),
        (FIGURE_6, "00" * 32, "is not that of this file"),
        (FIGURE_7, "Qwerty", "is not that of this file"),
        (changed(FIGURE_6, "AAECAwQF", "AAECAwQG"), KEY_6, "Key 1: the key or the password is not that of this file"),
        (changed(FIGURE_6, "Su+NvtQ", "Su+NvtR"), KEY_6, "is not that of this file"),
        (changed(FIGURE_6, "<ValueMAC>Su+NvtQfmvfJzF6bmQiJqoLRExc= </ValueMAC>", ""), KEY_6, "without a check"),
        (changed(FIGURE_6, "MACMethod", "Other"), KEY_6, "does not say by which method"),
        (changed(FIGURE_6, "hmac-sha1", "hmac-md5"), KEY_6, "a method that is not read here"),
        (changed(FIGURE_6, "xmlenc#aes128-cbc", "xmlenc#tripledes-cbc"), KEY_6, "tripledes-cbc"),
        (changed(FIGURE_6, "ESIzRFVmd4iZ", "ESIzRFVmd4i!"), KEY_6, "no base64"),
        (changed(FIGURE_6, "AAECAwQF", "AAECAwQ!"), KEY_6, "no base64"),
        (changed(FIGURE_7, "<PRF/>", '<PRF Algorithm="x#hmac-md5"/>'), "qwerty", "a method that is not read here"),
        (changed(FIGURE_7, "PBKDF2-params", "scrypt-params"), "qwerty", "in a way that is not read here"),
        (changed(FIGURE_7, ">1000<", ">many<"), "qwerty", "does not say how"),
        (changed(FIGURE_7, ">1000<", ">0<"), "qwerty", "does not say how"),
        (changed(FIGURE_7, ">1000<", ">9000000000<"), "qwerty", "does not say how"),
        (changed(FIGURE_7, ">16<", ">17<"), "qwerty", "does not say how"),
        (changed(FIGURE_7, "Ej7/PEpyEpw=", ""), "qwerty", "does not say how"),
    ],
)
def test_what_is_wrong_is_told(file: bytes, secret: str, said: str) -> None:
    started = time.monotonic()
    with pytest.raises(cards.BadFile) as caught:
        cards.read(file, secret)
    assert said in str(caught.value)
    assert time.monotonic() - started < 60  # nine billion rounds would take hours


ENTITIES = '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><KeyContainer>&e;</KeyContainer>'


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_no_encoding_hides_a_document_type(encoding: str) -> None:
    file = ENTITIES.encode(encoding)
    with pytest.raises(cards.BadFile, match="document type"):
        cards.read(file)
    assert cards.read(FIGURE_6.decode().replace(' encoding="UTF-8"', "").encode(encoding), KEY_6)[0].key == KEY


@pytest.mark.parametrize(
    "file",
    [
        b'<?xml version="1.0" encoding="klingon"?><a/>',
        b"<a>" * 200_000,
        b"<a>" * 200_000 + b"</a>" * 200_000,
        b"<KeyContainer><KeyPackage><Key Algorithm='hotp'/></KeyPackage></KeyContainer>",
        b"<KeyContainer><EncryptedValue/><KeyPackage/></KeyContainer>",
        b"<\x00",
        b"<a>\xff</a>",
    ],
)
def test_odd_files_are_refused_in_words(file: bytes) -> None:
    with pytest.raises(cards.BadFile):
        cards.read(file, "00" * 16)


def test_too_many_are_refused_and_not_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cards, "MOST", 2)
    rows = "".join(f"F-{number},{KEY.hex()}\n" for number in range(3))
    with pytest.raises(cards.BadFile, match="more than 2 cards"):
        cards.read(f"serial,key\n{rows}".encode())


def test_long_serial_numbers_are_not_cut_off(db: None) -> None:
    """Two of them could become one, and a key is bound to the whole."""
    for serial in ("x" * 65, "a\x00b"):
        with pytest.raises(cards.BadFile, match="serial number"):
            cards.read(f"serial,key\n{serial},{KEY.hex()}\n".encode())


# --- in the administration pages --------------------------------------------------------------------------------------


def test_an_encrypted_list_in_the_administration_pages(as_admin: Client) -> None:
    where = "/admin/portal_auth/codedevice/cards/"
    page = as_admin.get(where).content.decode()
    assert 'type="password" name="secret"' in page
    wrong = as_admin.post(where, {"file": SimpleUploadedFile("c.xml", FIGURE_7), "secret": "my secret"})
    assert "is not that of this file" in wrong.content.decode()
    assert "my secret" not in wrong.content.decode()
    as_admin.post(where, {"file": SimpleUploadedFile("c.xml", FIGURE_7), "secret": "qwerty"})
    assert codes.accept(CodeDevice.objects.get(), codes.code_at(KEY, 0, digits=8))
