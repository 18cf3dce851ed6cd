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
from itertools import islice

from django.db import transaction
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_variables

from apps.auth.factors import pskc, ways
from apps.auth.factors.models import CodeDevice

MOST = 20_000
LONGEST_SERIAL = 64  # characters
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


@sensitive_variables("secret")
def read(content: bytes, secret: str = "") -> list[Card]:
    """``secret``: see ``pskc``. Raises ``BadFile``."""
    text = content.lstrip(b"\xef\xbb\xbf\xfe\xff\0 \r\n\t")
    found = _pskc(content, secret) if text.startswith(b"<") else _csv(content)
    cards = list(islice(found, MOST + 1))
    if len(cards) > MOST:
        raise BadFile(_("The file lists more than %(most)d cards. Divide it.") % {"most": MOST})
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
        rows = list(islice(csv.DictReader(io.StringIO(content.decode("utf-8-sig"))), MOST + 1))
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
    serial = _serial(values.get("serial", ""))
    try:
        counter, digits = int(values.get("counter") or 0), int(values.get("digits") or 6)
    except ValueError:
        raise ValueError(_("counter or digits is no number.")) from None
    return _checked(Card(serial, _key(values.get("key", "")), counter, digits, values.get("login", "")))


def _serial(text: str) -> str:
    if not text:
        raise ValueError(_("there is no serial number."))
    if len(text) > LONGEST_SERIAL or not text.isprintable():
        raise ValueError(_("the serial number is too long, or has characters that cannot be shown."))
    return text


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


def _pskc(content: bytes, secret: str) -> Iterator[Card]:
    problems = []
    try:
        for number, package in enumerate(pskc.packages(content, secret), 1):
            try:
                read_ = package()
                yield _checked(Card(_serial(read_.serial), read_.key, read_.counter, read_.digits, read_.login))
            except ValueError as error:
                problems.append(_("Key %(number)d: %(problem)s") % {"number": number, "problem": error})
    except pskc.Unreadable as error:
        raise BadFile(str(error)) from None
    if problems:
        raise BadFile(*problems[:20])
