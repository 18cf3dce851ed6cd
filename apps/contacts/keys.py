"""The keys on a card (KEY, RFC 6350 section 6.8.1): what a certificate (RFC 5280) or an OpenPGP key (RFC 9580) says of
itself. Knows no Django, fetches nothing.

What a key says is shown and not checked: nobody has verified a signature here.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from urllib.parse import unquote_to_bytes

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import pkcs7

MOST = 256 * 1024  # octets of a key that are read
SMIME, OPENPGP, LINK, UNKNOWN = "smime", "openpgp", "link", "unknown"
_ARMOUR = re.compile(r"-----BEGIN PGP PUBLIC KEY BLOCK-----(.*?)(?:-----END|\Z)", re.DOTALL)
_PEM = re.compile(r"-----BEGIN (?:CERTIFICATE|PKCS7)-----(.*?)(?:-----END|\Z)", re.DOTALL)
_EMAIL = re.compile(r"[^\s<>()]+@[^\s<>()]+")
#: Public-key algorithms of RFC 9580 section 9.1.
_ALGORITHMS = {1: "RSA", 2: "RSA", 3: "RSA", 16: "Elgamal", 17: "DSA", 18: "ECDH", 19: "ECDSA", 22: "EdDSA"}
_ALGORITHMS |= {25: "X25519", 26: "X448", 27: "Ed25519", 28: "Ed448"}


@dataclass(frozen=True, slots=True)
class Key:
    kind: str  # SMIME, OPENPGP, LINK, UNKNOWN
    fingerprint: str = ""  # hexadecimal digits; SHA-256 of a certificate, of an OpenPGP key its own
    names: tuple[str, ...] = ()  # whom it says it belongs to
    emails: tuple[str, ...] = ()  # in lower case
    issuer: str = ""  # of a certificate
    since: datetime | None = None
    until: datetime | None = None  # None: without an end, or not told
    algorithm: str = ""
    url: str = ""  # of a LINK

    @property
    def grouped(self) -> str:
        """The fingerprint as people compare it."""
        return " ".join(re.findall(".{1,4}", self.fingerprint))


def read(text: str) -> Key:
    """What the value of a KEY property holds: a data: URI (RFC 2397), base64, an armoured text, or an address."""
    text = text.strip()
    if re.match(r"https?://\S+\Z", text, re.IGNORECASE):
        return Key(LINK, url=text)
    if found := re.fullmatch(r"openpgp4fpr:([0-9a-f]{40}|[0-9a-f]{64})", text, re.IGNORECASE):
        return Key(OPENPGP, fingerprint=found[1].upper())
    try:
        return _of_octets(_octets(text[: 2 * MOST])[:MOST])
    except (ValueError, UnsupportedAlgorithm, IndexError):
        return Key(UNKNOWN)


def _octets(text: str) -> bytes:
    """Raises ``ValueError``."""
    if text[:5].lower() == "data:":
        head, _comma, body = text[5:].partition(",")
        octets = unquote_to_bytes(body)
        if head.lower().endswith(";base64"):
            octets = _base64(octets.decode("ascii"))
    elif (armoured := _ARMOUR.search(text)) is not None:
        return _base64(_without_frame(armoured[1]))
    elif (pem := _PEM.search(text)) is not None:
        return _base64(pem[1])
    else:
        octets = _base64(text)
    return _octets(octets.decode("ascii")) if octets.startswith(b"-----BEGIN ") else octets


def _without_frame(body: str) -> str:
    """The data of an armoured text: without its headers and its checksum (RFC 9580 section 6.2)."""
    _headers, blank, data = body.replace("\r\n", "\n").lstrip(" ").partition("\n\n")
    lines = (data if blank else body).splitlines()
    return "".join(line.strip() for line in lines if not line.startswith("=") and ":" not in line)


def _base64(text: str) -> bytes:
    plain = re.sub(r"\s+", "", text)
    try:
        return base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)
    except binascii.Error as error:
        raise ValueError("no base64") from error


def _of_octets(octets: bytes) -> Key:
    if octets[:1] == b"\x30":
        return _certificate(octets)
    if octets and octets[0] & 0x80:
        return _openpgp(octets)
    raise ValueError("neither a certificate nor an OpenPGP key")


# --- certificates -----------------------------------------------------------------------------------------------------


def _certificate(octets: bytes) -> Key:
    try:
        found = x509.load_der_x509_certificate(octets)
    except ValueError:
        found = pkcs7.load_der_pkcs7_certificates(octets)[0]
    emails = _emails_of(found)
    names = [*_common_names(found.subject), *emails]
    return Key(
        SMIME,
        fingerprint=found.fingerprint(SHA256()).hex().upper(),
        names=tuple(dict.fromkeys(names)) or (found.subject.rfc4514_string(),),
        emails=tuple(email.lower() for email in emails),
        issuer=next(_common_names(found.issuer), found.issuer.rfc4514_string()),
        since=found.not_valid_before_utc,
        until=found.not_valid_after_utc,
        algorithm=_algorithm(found),
    )


def _common_names(name: x509.Name) -> Iterator[str]:
    return (str(each.value) for each in name.get_attributes_for_oid(x509.NameOID.COMMON_NAME))


def _emails_of(found: x509.Certificate) -> list[str]:
    """RFC 8550 section 3: in the subject's alternative name, formerly in the subject."""
    try:
        more = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        emails = more.get_values_for_type(x509.RFC822Name)
    except (x509.ExtensionNotFound, ValueError):
        emails = []
    return emails or [str(each.value) for each in found.subject.get_attributes_for_oid(x509.NameOID.EMAIL_ADDRESS)]


def _algorithm(found: x509.Certificate) -> str:
    key = found.public_key()
    if isinstance(key, rsa.RSAPublicKey):
        return f"RSA {key.key_size}"
    if isinstance(key, ec.EllipticCurvePublicKey):
        return f"EC {key.curve.name}"
    return type(key).__name__.removesuffix("PublicKey")


# --- OpenPGP ----------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Read:
    """What the packets have said so far."""

    fingerprint: str = ""
    created: datetime | None = None
    algorithm: str = ""
    names: list[str] = field(default_factory=list)
    signed: int = -1  # when the newest of its own signatures was made
    lasts: int = 0  # seconds, as that one says; 0: for ever


def _openpgp(octets: bytes) -> Key:
    found = _Read()
    for tag, body in _packets(octets):
        if tag == 6:
            if found.fingerprint:
                break  # the next key
            _public_key(found, body)
        elif tag == 13:
            found.names.append(body.decode("utf-8", "replace")[:200])
        elif tag == 2:
            _signature(found, body)
    if not found.fingerprint or found.created is None:
        raise ValueError("no public key")
    emails = [email.lower() for name in found.names for email in _EMAIL.findall(name)]
    return Key(
        OPENPGP,
        fingerprint=found.fingerprint,
        names=tuple(found.names[:10]),
        emails=tuple(dict.fromkeys(emails)),
        since=found.created,
        until=found.created + timedelta(seconds=found.lasts) if found.lasts else None,
        algorithm=found.algorithm,
    )


def _packets(octets: bytes) -> Iterator[tuple[int, bytes]]:
    """(tag, body), RFC 9580 section 4.2. Keys come in packets of a known length; what does not ends it here."""
    at = 0
    while at < len(octets):
        first = octets[at]
        if not first & 0x80:
            return
        if first & 0x40:
            tag, (size, at) = first & 0x3F, _length(octets, at + 1)
        else:
            tag, width = (first >> 2) & 0x0F, (1, 2, 4, 0)[first & 3]
            size = int.from_bytes(octets[at + 1 : at + 1 + width]) if width else -1
            at += 1 + width
        if size < 0 or at + size > len(octets):
            return
        yield tag, octets[at : at + size]
        at += size


def _length(octets: bytes, at: int) -> tuple[int, int]:
    """(the length that stands at ``at``, where it ends); -1 for one in parts. Subpackets are measured like that too."""
    first = octets[at]
    if first < 192:
        return first, at + 1
    if first < 224:
        return ((first - 192) << 8) + octets[at + 1] + 192, at + 2
    return (int.from_bytes(octets[at + 1 : at + 5]), at + 5) if first == 255 else (-1, at)


def _public_key(found: _Read, body: bytes) -> None:
    """RFC 9580 section 5.5.4: a digest of the packet, by its version."""
    if body[0] == 4:
        head = b"\x99" + len(body).to_bytes(2)
        found.fingerprint = hashlib.sha1(head + body, usedforsecurity=False).hexdigest().upper()
    elif body[0] == 6:
        found.fingerprint = hashlib.sha256(b"\x9b" + len(body).to_bytes(4) + body).hexdigest().upper()
    else:
        raise ValueError(f"a key of version {body[0]}")
    found.created = datetime.fromtimestamp(int.from_bytes(body[1:5]), UTC)
    found.algorithm = _ALGORITHMS.get(body[5], "")


def _signature(found: _Read, body: bytes) -> None:
    """When the key ends, as the newest signature says that names itself as its maker (RFC 9580 section 5.2.3)."""
    if body[0] not in (4, 6) or body[1] not in (0x10, 0x11, 0x12, 0x13, 0x1F):
        return
    width = 2 if body[0] == 4 else 4
    size = int.from_bytes(body[4 : 4 + width])
    hashed = dict(_subpackets(body[4 + width : 4 + width + size]))
    rest = body[4 + width + size :]
    told = dict(_subpackets(rest[width : width + int.from_bytes(rest[:width])])) | hashed
    if not _is_own(found.fingerprint, told):
        return
    made = int.from_bytes(hashed.get(2, b""))
    if made > found.signed:
        found.signed, found.lasts = made, int.from_bytes(hashed.get(9, b"")[:4])


def _subpackets(octets: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at < len(octets):
        first = octets[at]
        if 224 <= first < 255:  # two octets here: there are no parts
            size, at = ((first - 192) << 8) + octets[at + 1] + 192, at + 2
        else:
            size, at = _length(octets, at)
        if size < 1 or at + size > len(octets):
            return
        yield octets[at] & 0x7F, octets[at + 1 : at + size]
        at += size


def _is_own(fingerprint: str, told: Mapping[int, bytes]) -> bool:
    if 33 in told:
        return told[33][1:].hex().upper() == fingerprint
    return 16 in told and fingerprint.endswith(told[16].hex().upper())


def state(key: Key, now: datetime) -> str:
    """ "valid", "expired", "early", or "" where nobody can tell."""
    if key.since is not None and now < key.since:
        return "early"
    if key.until is not None:
        return "valid" if now <= key.until else "expired"
    return "valid" if key.kind == OPENPGP and key.since is not None else ""
