"""Names as they are searched, sorted and compared: in small Latin letters, whatever they were written in.

"Жанар" becomes ``zhanar``, "Łukasz" ``lukasz``, "Γιώργος" ``giorgos``; what is asked for is folded the same way, so
both "Жанар" and "zhanar" find her. The table of the scripts is anyascii's. All keys are ASCII, so every database sorts
them alike.
"""

from __future__ import annotations

import functools
import re

from anyascii import anyascii

_WORD = re.compile(r"[a-z0-9]+")
_OTHERS = re.compile(r"[^0-9]+")
_NO_BREAK = str.maketrans("", "", "'`’ʼʹʺ\"")  # signs within a word: the soft sign, O'Brien
PHONE_DIGITS = 9  # that tell one number from another: what stands before them is the way to dial it
LEAST_DIGITS = 6
_SHORT = 200  # characters: longer texts are notes, which come once


def plain(text: str) -> str:
    if text.isascii():
        return text.lower()
    return _latin(text) if len(text) <= _SHORT else _latin.__wrapped__(text)


@functools.lru_cache(maxsize=1000)  # one name goes into five keys
def _latin(text: str) -> str:
    # Case first: the scripts' tables know small letters best, and "ẞ" or "İ" have several.
    return anyascii(text.casefold()).lower()


def words(text: str) -> list[str]:
    return _WORD.findall(plain(text).translate(_NO_BREAK)) if len(text) > _SHORT else list(_words(text))


@functools.lru_cache(maxsize=1000)
def _words(text: str) -> tuple[str, ...]:
    return tuple(_WORD.findall(plain(text).translate(_NO_BREAK)))


def key(text: str) -> str:
    """One text for all ways to write it: "Müller,  Zoë" and "muller zoe"."""
    return " ".join(words(text))


def sort_key(text: str) -> str:
    """What has no letters at all comes last."""
    return key(text)[:100] or "~"


def name_key(text: str) -> str:
    """The same for "Zoë Müller" and "Müller, Zoë"."""
    return " ".join(sorted(words(text)))


def digits(text: str) -> str:
    """The digits of a telephone number, in any script's signs: "٠١٢" too."""
    if text.isascii():
        return _OTHERS.sub("", text)
    return "".join(str(int(sign)) for sign in text if sign.isdecimal())


def phone_key(text: str) -> str:
    """The same for +996 555 010 142, 00996555010142 and 0555 010142; "" for what is too short to tell."""
    number = digits(re.split(r"(?i)\s*(?:;?ext\.?=?|x)\s*\d+\s*$", text.removeprefix("tel:"))[0])
    return number[-PHONE_DIGITS:].lstrip("0") if len(number) >= LEAST_DIGITS else ""


def email_key(text: str) -> str:
    return text.strip().casefold()[:190]
