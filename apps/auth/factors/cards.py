"""Cards that show codes by count, as their maker lists them: CSV, or PSKC (RFC 6030).

Both are read whole before a card is written down; what is wrong with a line is told by its number, and nothing of the
file is kept then.
"""

from __future__ import annotations

import base64
import binascii
import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from xml.etree import ElementTree

from django.db import transaction
from django.utils.translation import gettext as _

from apps.auth.factors import ways
from apps.auth.factors.models import CodeDevice

MOST = 20_000
_PSKC = "{urn:ietf:params:xml:ns:keyprov:pskc}"
_DIGITS = range(6, 9)


class BadFile(Exception):
    """``problems`` says what is wrong, line by line; the words are for people."""

    def __init__(self, *problems: str) -> None:
        super().__init__(" ".join(problems))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class Card:
    serial: str
    key: bytes = field(repr=False)
    counter: int = 0
    digits: int = 6
    login: str = ""  # whom it belongs to, where the list says it


def read(content: bytes) -> list[Card]:
    """Raises ``BadFile``."""
    text = content.lstrip(b"\xef\xbb\xbf \r\n\t")
    cards = list(_pskc(content) if text.startswith(b"<") else _csv(content))
    if not cards:
        raise BadFile(_("The file lists no card."))
    if len({card.serial for card in cards}) < len(cards):
        raise BadFile(_("The file names a serial number twice."))
    return cards


def keep(cards: list[Card]) -> tuple[int, list[str]]:
    """How many are new, and the serial numbers that are known already: those stay as they are."""
    from apps.auth.factors import proofs

    known = set(CodeDevice.objects.filter(kind=ways.HOTP).values_list("serial", flat=True))
    fresh = [card for card in cards if card.serial not in known]
    with transaction.atomic():
        for card in fresh:
            owner = next(iter(proofs.named(card.login)), None) if card.login else None
            device = CodeDevice(
                kind=ways.HOTP, serial=card.serial, counter=card.counter, digits=card.digits, user=owner, confirmed=True
            )
            device.put_key(card.key)
            device.save()
    return len(fresh), [card.serial for card in cards if card.serial in known]


def _csv(content: bytes) -> Iterator[Card]:
    """Columns serial, key (hexadecimal or base32), counter, digits, login; the last three may be missing."""
    try:
        rows = list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"))))[: MOST + 1]
    except (UnicodeDecodeError, csv.Error):
        raise BadFile(_("The file is neither CSV in UTF-8 nor PSKC.")) from None
    problems = []
    for number, row in enumerate(rows, 2):
        values = {(name or "").strip().lower(): (value or "").strip() for name, value in row.items() if name}
        try:
            yield _card(values)
        except ValueError as error:
            problems.append(_("Line %(number)d: %(problem)s") % {"number": number, "problem": error})
    if problems:
        raise BadFile(*problems[:20])


def _card(values: dict[str, str]) -> Card:
    if not values.get("serial"):
        raise ValueError(_("there is no serial number."))
    try:
        counter, digits = int(values.get("counter") or 0), int(values.get("digits") or 6)
    except ValueError:
        raise ValueError(_("counter or digits is no number.")) from None
    return _checked(Card(values["serial"][:64], _key(values.get("key", "")), counter, digits, values.get("login", "")))


def _checked(card: Card) -> Card:
    if card.digits not in _DIGITS or not 0 <= card.counter < 2**62:
        raise ValueError(_("counter or digits is out of range."))
    if len(card.key) < 16:  # RFC 4226 section 4, R6
        raise ValueError(_("the key is shorter than 128 bits."))
    return card


def _key(text: str) -> bytes:
    text = "".join(text.split())
    for read_ in (bytes.fromhex, _base32):
        try:
            return read_(text)
        except (ValueError, binascii.Error):
            continue
    raise ValueError(_("the key is neither hexadecimal nor base32."))


def _base32(text: str) -> bytes:
    return base64.b32decode(text.upper() + "=" * (-len(text) % 8))


def _pskc(content: bytes) -> Iterator[Card]:
    """RFC 6030, keys in the clear (section 4.2); a DTD is refused, as nothing honest needs one."""
    if b"<!DOCTYPE" in content or b"<!ENTITY" in content:
        raise BadFile(_("The file has a document type declaration, which is not read."))
    try:
        root = ElementTree.fromstring(content)  # noqa: S314 - no DTD, so no entities
    except ElementTree.ParseError:
        raise BadFile(_("The file is no well-formed XML.")) from None
    problems = []
    for number, package in enumerate(root.iter(f"{_PSKC}KeyPackage"), 1):
        try:
            yield _package(package)
        except ValueError as error:
            problems.append(_("Key %(number)d: %(problem)s") % {"number": number, "problem": error})
    if problems:
        raise BadFile(*problems[:20])


def _package(package: ElementTree.Element) -> Card:
    def text(path: str) -> str:
        return (package.findtext("/".join(f"{_PSKC}{name}" for name in path.split("/"))) or "").strip()

    key = package.find(f"{_PSKC}Key")
    if key is None or "hotp" not in key.get("Algorithm", "").lower():
        raise ValueError(_("it is none for codes by count (HOTP)."))
    if not text("Key/Data/Secret/PlainValue"):
        raise ValueError(_("its key is encrypted; ask the maker for a file with keys in the clear."))
    try:
        octets = base64.b64decode(text("Key/Data/Secret/PlainValue"), validate=True)
        counter = int(text("Key/Data/Counter/PlainValue") or 0)
        format_ = key.find(f"{_PSKC}AlgorithmParameters/{_PSKC}ResponseFormat")
        digits = int(format_.get("Length", "6") if format_ is not None else 6)
    except ValueError:
        raise ValueError(_("counter or digits is no number.")) from None
    serial = text("DeviceInfo/SerialNo") or key.get("Id", "")
    if not serial:
        raise ValueError(_("there is no serial number."))
    return _checked(Card(serial[:64], octets, counter, digits, text("Key/UserId")))
