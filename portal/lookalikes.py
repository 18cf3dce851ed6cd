"""Names and addresses that are easily taken for somebody else's.

Nothing here asks anybody: who is known comes from whoever calls. A sign says that somebody should look twice, never
that an address is bad.
"""

from __future__ import annotations

import enum
import re
import unicodedata
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from django.utils.translation import gettext as _

from portal.contracts import Address

#: Letters that look like Latin ones in most fonts, after case folding: the part of Unicode's table of confusables
#: (UTS 39) that domains and names are forged with. Signs beside each other stand for the same Latin letters.
_TABLE = {
    "a": "аɑαａ",
    "b": "ьЬβｂ",
    "c": "сϲⅽ",
    "d": "ԁⅾɗ",
    "e": "еҽεє",
    "f": "ƒꞙ",
    "g": "ɡց",
    "h": "һհ",
    "i": "іıɩιӏ1l|ⅰǀļĺľłІ!",
    "j": "јʝ",
    "k": "кκķ",
    "m": "мⅿ",
    "n": "ոпη",
    "o": "о0οօσ٥۵ס๐ⲟ",
    "p": "рρ",
    "q": "ԛզ",
    "r": "гᴦ",
    "s": "ѕꜱ5",
    "t": "тτ",
    "u": "υսᴜц",
    "v": "ѵνᴠ",
    "w": "ԝաѡω",
    "x": "хχ",
    "y": "уүγ",
    "z": "ᴢ",
    "-": "‐‑‒–—−﹣－",
}
_PLAIN = str.maketrans({sign: letter for letter, signs in _TABLE.items() for sign in signs})
_PAIRS = (("rn", "m"), ("vv", "w"), ("cj", "g"), ("cl", "d"), ("nn", "m"))
_ADDRESS = re.compile(r"[^\s<>()\"',;:]+@[^\s<>()\"',;:]+\.[^\s<>()\"',;:]+")
_WORDS = re.compile(r"\w+")
SHORTEST = 5  # letters of a name among which one other is still the same name at first sight
MOST_LETTERS = 100


class Kind(enum.StrEnum):
    HIDDEN = "hidden"  # another address stands where the name should be
    DOMAIN = "domain"  # the domain looks like a known one
    NAME = "name"  # somebody known has this name, and another address
    FIRST = "first"  # nobody knows it yet


@dataclass(frozen=True, slots=True)
class Sign:
    kind: Kind
    like: str = ""  # the address or domain that it might be taken for

    @property
    def is_warning(self) -> bool:
        return self.kind != Kind.FIRST

    @property
    def text(self) -> str:
        """In words."""
        if self.kind == Kind.HIDDEN:
            return _("The name contains another address: %(like)s") % {"like": self.like}
        if self.kind == Kind.DOMAIN:
            return _("This address looks like one of %(like)s, and is not") % {"like": self.like}
        if self.kind == Kind.NAME:
            return _("You know this name with another address: %(like)s") % {"like": self.like}
        return _("You have not written to this address before")


def sign_of(address: Address, *, known: Iterable[Address], domains: Collection[str], own: str = "") -> Sign | None:
    """What speaks for looking twice at this address, or None.

    ``known``: people by whose names and addresses it is judged; whoever is there is not judged. ``domains``: those that
    the reader deals with. ``own``: the reader's, whose addresses their organisation gives out.
    """
    email, domain, people = address.email.casefold(), domain_of(address.email), list(known)
    if any(person.email.casefold() == email for person in people):
        return None
    if hidden := _hidden(address):
        return Sign(Kind.HIDDEN, hidden)
    dealt_with = {each.casefold() for each in domains} | ({own.casefold()} if own else set())
    if domain not in dealt_with:
        for each in sorted(dealt_with):
            if looks_like(domain, each):
                return Sign(Kind.DOMAIN, each)
    if own and domain == own.casefold():
        return None
    name = name_key(address.name)
    same = (person for person in people if name and name_key(person.name) == name)
    return next((Sign(Kind.NAME, person.email) for person in same), None)


def domain_of(email: str) -> str:
    """In Unicode: of ``xn--`` nobody sees what it looks like."""
    domain = email.rpartition("@")[2].casefold().rstrip(".")
    if "xn--" in domain:
        try:
            return domain.encode("ascii").decode("idna")
        except UnicodeError:
            return domain
    return domain


def skeleton(text: str) -> str:
    """The same for texts that look alike."""
    text = unicodedata.normalize("NFKD", text[:MOST_LETTERS].casefold()).casefold()
    text = "".join(char for char in text if not unicodedata.combining(char)).translate(_PLAIN)
    for pair, letter in _PAIRS:
        text = text.replace(pair, letter)
    return text


def name_key(name: str) -> str:
    """The same for names that look alike, whichever word comes first; "" for what is no name."""
    words = _WORDS.findall(_ADDRESS.sub(" ", name))
    return " ".join(sorted(skeleton(word) for word in words))


def looks_like(domain: str, known: str) -> bool:
    """Whether this domain could be taken for that one, and is another."""
    domain, known = domain_of(f"@{domain}"), domain_of(f"@{known}")
    if domain == known or not domain or not known:
        return False
    if skeleton(domain) == skeleton(known):
        return True
    if domain.startswith(f"{known}.") or domain.endswith(f".{known}"):
        return domain.startswith(f"{known}.") and "." in known
    label, _dot, top = domain.rpartition(".")
    known_label, _dot, known_top = known.rpartition(".")
    if label == known_label:  # the same name in another country
        return max(len(top), len(known_top)) > 2 and _one_off(top, known_top)
    longest = max((each for each in known_label.split(".")), key=len, default="")
    return len(longest) >= SHORTEST and _one_off(domain, known) and not _numbered(domain, known)


#: Scripts whose letters are taken for each other's. (Others are written side by side in honest words.)
_ALIKE = ("LATIN", "CYRILLIC", "GREEK", "ARMENIAN", "CHEROKEE", "COPTIC")


def foreign_letters(text: str) -> str:
    """Letters that pass for others: those of another script in a word of Latin ones, or a word that is wholly of
    letters which look Latin and are not; each once, "" for none."""
    found: dict[str, None] = {}
    for word in _WORDS.findall(text[:1000]):
        scripts = {char: _script(char) for char in word if char.isalpha()}
        used = set(scripts.values()) & set(_ALIKE)
        passes = bool(used) and "LATIN" not in used and len(word) > 1 and skeleton(word).isascii()
        if len(used) > 1 or passes:
            found |= {char: None for char, script in scripts.items() if script in _ALIKE and script != "LATIN"}
    return "".join(found)


def _script(char: str) -> str:
    return unicodedata.name(char, "").partition(" ")[0]


def _hidden(address: Address) -> str:
    """An address in the name that is another one."""
    for found in _ADDRESS.findall(address.name):
        if found.casefold() != address.email.casefold():
            return str(found)
    return ""


def _numbered(one: str, other: str) -> bool:
    """mail1.felt.example and mail2.felt.example: whoever has the one has the other."""
    return re.sub(r"\d+", "0", one) == re.sub(r"\d+", "0", other)


def _one_off(one: str, other: str) -> bool:
    """One letter is other, missing, too many, or changed places with the next."""
    if abs(len(one) - len(other)) > 1 or one == other:
        return False
    start = next((at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
    a, b = one[start:], other[start:]
    if len(one) == len(other):
        return a[1:] == b[1:] or (a[:2] == b[1::-1] and a[2:] == b[2:])
    longer, shorter = (a, b) if len(a) > len(b) else (b, a)
    return longer[1:] == shorter
