"""Portable containers of symmetric keys (PSKC, RFC 6030), as makers of cards send them.

Keys stand there in the clear (section 4.2), or encrypted under a key that both sides have (section 6.1) or under a
password (section 6.2). What is encrypted without a check of its own is believed only with the container's value MAC.
Elements are found by their local names: makers differ in what they put into which namespace.
"""

from __future__ import annotations

import base64
import hmac
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.kdf.pbkdf2 import PBKDF2HMAC
from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap
from cryptography.hazmat.primitives.padding import PKCS7
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_variables

BLOCK = 16  # octets
MOST_ROUNDS = 2_000_000  # of PBKDF2 that a file may ask for: some seconds
_HASHES: dict[str, type[hashes.SHA1 | hashes.SHA256 | hashes.SHA384 | hashes.SHA512]] = {
    "sha1": hashes.SHA1,
    "sha256": hashes.SHA256,
    "sha384": hashes.SHA384,
    "sha512": hashes.SHA512,
}


class Unreadable(ValueError):
    """Nothing of the file can be taken. The text is for people."""


class Locked(ValueError):
    """Something does not open. The text is for people."""


@dataclass(frozen=True, slots=True)
class Package:
    """What the file says about one key."""

    serial: str
    key: bytes = field(repr=False)
    counter: int
    digits: int
    login: str


def packages(content: bytes, secret: str = "") -> Iterator[Callable[[], Package]]:
    """One after the other; each is read by calling it, which raises ``ValueError`` with what is wrong with that one.

    ``secret``: the key (hexadecimal or base64) or the password of a container that is encrypted. Raises ``Unreadable``.
    """
    root = _tree(content)
    lock = _Lock(root, secret)
    for package in root.iter("KeyPackage"):
        yield lambda package=package: _package(package, lock)  # type: ignore[misc]


def _tree(content: bytes) -> Element:
    """A DTD is refused in whatever encoding it comes, as nothing honest needs one; so there are no entities."""
    builder = TreeBuilder()
    parser = expat.ParserCreate(namespace_separator="}")
    parser.buffer_text = True
    parser.StartElementHandler = lambda name, attributes: builder.start(name.rpartition("}")[2], attributes)
    parser.EndElementHandler = lambda name: builder.end(name.rpartition("}")[2])
    parser.CharacterDataHandler = builder.data
    parser.StartDoctypeDeclHandler = _refuse
    try:
        parser.Parse(content, True)
    except Unreadable:
        raise
    except (expat.ExpatError, LookupError, ValueError):  # the latter: an encoding that nobody knows
        raise Unreadable(_("The file is no well-formed XML.")) from None
    return builder.close()


def _refuse(*_declaration: object) -> None:
    raise Unreadable(_("The file has a document type declaration, which is not read."))


def _package(package: Element, lock: _Lock) -> Package:
    key = package.find("Key")
    if key is None or "hotp" not in key.get("Algorithm", "").lower():
        raise ValueError(_("it is none for codes by count (HOTP)."))
    secret = lock.value(key.find("Data/Secret"))
    if secret is None:
        raise ValueError(_("it has no key."))
    counter = key.find("Data/Counter")
    shape = key.find("AlgorithmParameters/ResponseFormat")
    try:
        plain = _text(counter, "PlainValue")
        count = int(plain) if plain else int.from_bytes(lock.value(counter) or b"")
        digits = int(shape.get("Length", "6") if shape is not None else 6)
    except Locked:
        raise
    except ValueError:
        raise ValueError(_("counter or digits is no number.")) from None
    serial = _text(package, "DeviceInfo/SerialNo") or key.get("Id", "")
    return Package(serial, secret, count, digits, _text(key, "UserId"))


def _text(element: Element | None, path: str) -> str:
    return ((element.findtext(path) if element is not None else None) or "").strip()


def _octets(text: str) -> bytes:
    """Raises ``Locked``."""
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except ValueError:
        raise Locked(_("it holds something that is no base64.")) from None


# --- what is encrypted ------------------------------------------------------------------------------------------------


class _Lock:
    """Opens the values of one container."""

    @sensitive_variables()
    def __init__(self, root: Element, secret: str) -> None:
        self._key = b""
        if root.find(".//EncryptedValue") is None:
            return
        if not secret:
            raise Unreadable(_("Its keys are encrypted. Enter the key or the password that the maker has given you."))
        derived = root.find("EncryptionKey/DerivedKey")
        self._key = _derived(derived, secret) if derived is not None else _shared(secret)
        self._hash, self._mac_key = "", b""
        method = root.find("MACMethod")
        if method is not None:
            self._hash = _hash_of(method.get("Algorithm", ""))
            sealed = method.find("MACKey")
            try:
                self._mac_key = self._key if sealed is None else self._opened(sealed)
            except Locked as error:
                raise Unreadable(_("The file cannot be checked: %(problem)s") % {"problem": error}) from None

    @sensitive_variables()
    def value(self, element: Element | None) -> bytes | None:
        """The octets, wherever they stand; None where none do. Raises ``ValueError``, and ``Locked``, which is one."""
        if element is None:
            return None
        if plain := _text(element, "PlainValue"):
            return _octets(plain)
        sealed = element.find("EncryptedValue")
        if sealed is None:
            return None
        mac = _text(element, "ValueMAC")
        if not mac and not _method(sealed).startswith("kw-"):
            raise Locked(_("it is encrypted without a check (ValueMAC), so nobody knows whether it was changed."))
        if mac:
            self._check(_cipher_value(sealed), _octets(mac))
        return self._opened(sealed)

    def _check(self, octets: bytes, mac: bytes) -> None:
        """Section 6.1.1: over what is encrypted, with its initialisation vector."""
        if not self._hash:
            raise Locked(_("it has a check (ValueMAC), and the file does not say by which method."))
        if not hmac.compare_digest(hmac.digest(self._mac_key, octets, self._hash), mac):
            raise Locked(_wrong())

    @sensitive_variables()
    def _opened(self, sealed: Element) -> bytes:
        method, octets = _method(sealed), _cipher_value(sealed)
        found = re.fullmatch(r"(kw-)?aes(128|192|256)(-cbc)?", method)
        if found is None or bool(found[1]) == bool(found[3]):
            raise Locked(_("it is encrypted by “%(method)s”, which is not read here.") % {"method": method[:40]})
        if len(self._key) * 8 != int(found[2]):
            raise Locked(_wrong())
        try:
            return aes_key_unwrap(self._key, octets) if found[1] else self._cbc(octets)
        except (ValueError, InvalidUnwrap):
            raise Locked(_wrong()) from None

    def _cbc(self, octets: bytes) -> bytes:
        decryptor = Cipher(algorithms.AES(self._key), modes.CBC(octets[:BLOCK])).decryptor()
        unpadder = PKCS7(BLOCK * 8).unpadder()
        return unpadder.update(decryptor.update(octets[BLOCK:]) + decryptor.finalize()) + unpadder.finalize()


def _wrong() -> str:
    return _("the key or the password is not that of this file, or the file was changed.")


def _method(sealed: Element) -> str:
    """``"aes128-cbc"``"""
    method = sealed.find("EncryptionMethod")
    return method.get("Algorithm", "").rpartition("#")[2].lower() if method is not None else ""


def _cipher_value(sealed: Element) -> bytes:
    return _octets(_text(sealed, "CipherData/CipherValue"))


def _hash_of(name: str) -> str:
    """``…#hmac-sha256`` as Python calls it. Raises ``Unreadable``."""
    short = name.rpartition("#")[2].lower().removeprefix("hmac").replace("-", "")
    if short not in _HASHES:
        raise Unreadable(_("The file is checked by a method that is not read here: %(name)s") % {"name": name[:60]})
    return short


@sensitive_variables()
def _shared(secret: str) -> bytes:
    for read in (bytes.fromhex, _octets):
        try:
            key = read("".join(secret.split()))
        except ValueError:
            continue
        if len(key) in (16, 24, 32):
            return key
    raise Unreadable(_("The key of this file is 32, 48 or 64 hexadecimal digits, or the same in base64."))


@sensitive_variables()
def _derived(derived: Element, secret: str) -> bytes:
    """PBKDF2 (RFC 8018 section 5.2), as section 6.2 has its parameters. Raises ``Unreadable``."""
    method = derived.find("KeyDerivationMethod")
    parameters = method.find("PBKDF2-params") if method is not None else None
    if parameters is None:
        raise Unreadable(_("The file makes its key of the password in a way that is not read here."))
    prf = parameters.find("PRF")
    name = prf.get("Algorithm", "") if prf is not None else ""
    try:
        salt = _octets(_text(parameters, "Salt/Specified"))
        rounds, length = int(_text(parameters, "IterationCount")), int(_text(parameters, "KeyLength") or 16)
    except ValueError:
        raise Unreadable(_("The file does not say how its key is made of the password.")) from None
    if not 0 < rounds <= MOST_ROUNDS or length not in (16, 24, 32) or not salt:
        raise Unreadable(_("The file does not say how its key is made of the password."))
    hash_ = _HASHES[_hash_of(name) if name else "sha1"]()
    return PBKDF2HMAC(hash_, length=length, salt=salt, iterations=rounds).derive(secret.encode())
