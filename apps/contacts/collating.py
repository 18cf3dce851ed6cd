"""The order of names by the rules of a language: Å after Z for Swedes, Ж after Е for whoever reads Cyrillic.

A key (``key``) is ASCII letters and digits, so every database sorts it alike and an index can hold it. Letters that a
language does not set apart are written as ``folding`` writes them, but for z, which is ``za``: ``zb`` and so on are
for letters that come after z. What is set apart from another letter becomes that one, ``zz`` and a letter of
its own, which is behind whatever may follow the other: ``azza`` for the Polish ą. Letters of a script that is the
language's own become a nought and two letters, which stand before all Latin ones, as Unicode's rules put them (CLDR,
``[reorder]``): ``0bc``. Names in other scripts stand among the Latin ones, by transliteration.

The tables say what CLDR's collations say of single letters; ``tests/contacts/test_collating.py`` compares them with
those of a browser (ECMA-402 ``Intl.Collator``).
"""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from apps.contacts import folding

LATIN = "abcdefghijklmnopqrstuvwxyz"
LENGTH = 100  # characters of a key
#: "z<å<ä=æ": å comes after z, then ä, and æ where ä does. Two letters may be one: "h<ch".
TAILORED: Mapping[str, str] = {
    "az": "c<ç e<ə g<ğ h<x<ı k<q o<ö s<ş u<ü",
    "cs": "c<č h<ch r<ř s<š z<ž",
    "cy": "c<ch d<dd f<ff g<ng l<ll p<ph r<rh t<th",
    "da": "d=đ y=ü=ű z<æ=ä<ø=ö=ő<å=aa",
    "eo": "c<ĉ g<ĝ h<ĥ j<ĵ s<ŝ u<ŭ",
    "es": "n<ñ",
    "et": "s<š<z<ž w<õ<ä<ö<ü",
    "fi": "d=đ y=ü z<å<ä=æ<ö=ø",
    "hr": "c<č<ć d<dž<đ l<lj n<nj s<š z<ž",
    "hu": "c<cs d<dz<dzs g<gy l<ly n<ny o<ö=ő s<sz t<ty u<ü=ű z<zs",
    "is": "a<á d<đ=ð e<é i<í o<ó u<ú y<ý z<þ<æ=ä<ö=ø<å",
    "lt": "c<č i=y s<š z<ž",
    "lv": "a<ā c<č e<ē g<ģ i<y<ī k<ķ l<ļ n<ņ s<š u<ū z<ž",
    "nb": "d=đ y=ü z<æ=ä<ø=ö=ő=œ<å=aa",
    "pl": "a<ą c<ć e<ę l<ł n<ń o<ó s<ś z<ź<ż",
    "ro": "a<ă<â i<î s<ș=ş t<ț=ţ",
    "sk": "a<ä c<č h<ch o<ô s<š z<ž",
    "sl": "c<č<ć d<đ s<š z<ž",
    "sq": "c<ç d<dh e<ë g<gj l<ll n<nj r<rr s<sh t<th x<xh z<zh",
    "sv": "d=đ y=ü=ű z<å<ä=æ<ö=ø=ő=œ",
    "tr": "c<ç g<ğ h<ı o<ö s<ş u<ü",
    "vi": "a<ă<â d<đ e<ê o<ô<ơ u<ư",
}
_CYRILLIC = (
    "а ә б в гѓ ґ ғ д ђ еёѐ є ж з ѕ иѝ і ї й ј кќ қ л љ м н ң њ о ө п р с т ћ уў ү ұ ф х һ ц ч џ ш щ ъ ы ь э ю я"
)
_ARABIC = "ب پ ت{} ث ج چ ح خ د ذ ر ز ژ س ش ص ض ط ظ ع غ ف ق كک گ ل م ن"
#: Letters of a script in its order; those that stand together are told apart by nothing.
SCRIPTS: Mapping[str, str] = {
    "cyrillic": _CYRILLIC,
    "greek": "α β γ δ ε ζ η θ ι κ λ μ ν ξ ο π ρ σς τ υ φ χ ψ ω",
    "hebrew": "א ב ג ד ה ו ז ח ט י כך ל מם נן ס ע פף צץ ק ר ש ת",
    "armenian": "ա բ գ դ եև զ է ը թ ժ ի լ խ ծ կ հ ձ ղ ճ մ յ ն շ ո չ պ ջ ռ ս վ տ ր ց ւ փ ք օ ֆ",
    "georgian": "ა ბ გ დ ე ვ ზ თ ი კ ლ მ ნ ო პ ჟ რ ს ტ უ ფ ქ ღ ყ შ ჩ ც ძ წ ჭ ხ ჯ ჰ",
    "arabic": f"اأإؤئء {_ARABIC.format('ة')} ه و يىی",
    "persian": f"آ اأإؤئء {_ARABIC.format('')} و هة یيى",
    "kana": "あぁ いぃ うぅ えぇ おぉ か き く け こ さ し す せ そ た ち つっ て と な に ぬ ね の は ひ ふ へ ほ "
    "ま み む め も やゃ ゆゅ よょ ら り る れ ろ わゎ を ん",
    "hangul": "가 까 나 다 따 라 마 바 빠 사 싸 아 자 짜 차 카 타 파 하",
}
#: Of a script that several languages write: which of its letters each of them has.
ALPHABETS: Mapping[str, str] = {
    "be": "абвгдежзійклмнопрстуфхцчшыьэюя",
    "bg": "абвгдежзийклмнопрстуфхцчшщъьюя",
    "kk": "аәбвгғдежзийкқлмнңоөпрстуұүфхһцчшщъыіьэюя",
    "ky": "абвгдежзийклмнңоөпрстуүфхцчшщъыьэюя",
    "mk": "абвгдежзѕијклљмнњопрстуфхцчџш",
    "mn": "абвгдежзийклмноөпрстуүфхцчшщъыьэюя",
    "ru": "абвгдежзийклмнопрстуфхцчшщъыьэюя",
    "sr": "абвгдђежзијклљмнњопрстћуфхцчџш",
    "uk": "абвгґдеєжзиіїйклмнопрстуфхцчшщьюя",
    "ar": "ابتثجحخدذرزسشصضطظعغفقكلمنهوي",
    "fa": "آابپتثجچحخدذرزژسشصضطظعغفقکگلمنوهی",
}
NATIVE: Mapping[str, str] = {
    **dict.fromkeys(("be", "bg", "kk", "ky", "mk", "mn", "ru", "sr", "uk"), "cyrillic"),
    "ar": "arabic",
    "el": "greek",
    "fa": "persian",
    "he": "hebrew",
    "hy": "armenian",
    "ja": "kana",
    "ka": "georgian",
    "ko": "hangul",
}
LANGUAGES = tuple(sorted([*TAILORED, *NATIVE]))
_SYLLABLES, _OF_ONE = range(0xAC00, 0xD7A4), 588  # Hangul: those with the same first consonant follow each other
_KATAKANA = {code: code - 0x60 for code in range(0x30A1, 0x30F7)}
_OWN = re.compile(r"0[a-z]{2}")


def _two(number: int) -> str:
    return LATIN[number // 26] + LATIN[number % 26]


def _script_codes() -> dict[str, dict[str, str]]:
    """By script: the code of each letter. No two scripts have the same, so a key tells whose letter it begins with."""
    found: dict[str, dict[str, str]] = {}
    number = 0
    for script, letters in SCRIPTS.items():
        found[script] = {}
        for alike in letters.split():
            found[script] |= dict.fromkeys(alike, f"0{_two(number)}")
            number += 1
    found["arabic"]["آ"] = found["arabic"]["ا"] * 2  # a long one
    return found


_CODES = _script_codes()
_OWN_LETTERS = {code: letter for codes in _CODES.values() for letter, code in reversed(codes.items())}


@dataclass(frozen=True, slots=True)
class Letter:
    """One to which a list can be turned."""

    text: str  # as it is shown: "Å"
    key: str  # what names with it begin with, at least


@dataclass(frozen=True)
class Rules:
    """Of one language; those of "" know nothing but the Latin alphabet."""

    language: str

    @functools.cached_property
    def codes(self) -> dict[str, str]:
        if self.language in NATIVE:
            return _CODES[NATIVE[self.language]]
        return dict(_tailored(TAILORED.get(self.language, "")))

    @functools.cached_property
    def _units(self) -> re.Pattern[str] | None:
        several = sorted(self.codes, key=len, reverse=True)
        return re.compile(f"({'|'.join(map(re.escape, several))})") if several else None

    def key(self, text: str) -> str:
        """What ``text`` is sorted by; "~", the last of all, where it has neither letters nor digits."""
        if self._units is None:
            return folding.sort_key(text).replace("z", "za")[:LENGTH]
        parts = self._units.split(self._small(text))
        spelt = (self.codes[part] if at % 2 else _latin(part) for at, part in enumerate(parts) if part)
        return folding.sort_key("".join(spelt))

    def _small(self, text: str) -> str:
        if self.language in {"az", "tr"}:
            text = text.replace("I", "ı").replace("İ", "i")
        text = unicodedata.normalize("NFC", text.casefold())
        if self.language not in NATIVE:
            return text
        if self.language == "ko":
            return "".join(map(_syllable, text))
        return "".join(map(self._bare, text.translate(_KATAKANA) if self.language == "ja" else text))

    def _bare(self, sign: str) -> str:
        """Without accents and vowel points, except in letters of their own."""
        if sign.isascii() or sign in self.codes:
            return sign
        first = unicodedata.normalize("NFD", sign)[0]
        if first in self.codes:
            return first
        return "" if unicodedata.category(sign) == "Mn" else sign

    @functools.cached_property
    def letters(self) -> list[Letter]:
        """The alphabet; after a script of one's own the Latin one."""
        # Of several that are one letter the first is shown: Æ, not Ä, to Danes.
        alphabet = ALPHABETS.get(self.language)
        units = reversed([unit for unit in self.codes if alphabet is None or unit in alphabet])
        own = {self.codes[unit]: unit for unit in units if len(self.codes[unit]) > 1}
        latin = {_latin(letter): letter for letter in LATIN if letter not in self.codes}
        return [Letter(self._capital(unit), code) for code, unit in sorted({**own, **latin}.items())]

    def _capital(self, unit: str) -> str:
        return "İ" if unit == "i" and self.language in {"az", "tr"} else _capital(unit)

    @functools.cached_property
    def _by_key(self) -> dict[str, str]:
        return {letter.key: letter.text for letter in self.letters if len(letter.key) > 1}

    def letter_of(self, key: str) -> str:
        """The letter under which a name with this key stands: "Å", or "#" for what begins with no letter."""
        if _OWN.match(key):
            return _capital(_OWN_LETTERS.get(key[:3], "#"))
        for length in (4, 2):  # azza; zb
            if (found := self._by_key.get(key[:length])) is not None:
                return found
        return self._capital(key[0]) if key[:1].isalpha() else "#"


def _capital(unit: str) -> str:
    return unit if "ა" <= unit <= "ჰ" else unit.capitalize()  # Georgian capitals are for headlines


def _tailored(table: str) -> Iterator[tuple[str, str]]:
    for group in table.split():
        base, *further = re.findall(r"[<=]?[^<=]+", group)
        code, number = base, 0
        for each in further:
            if each[0] == "<":
                number += 1
                code = f"z{LATIN[number]}" if base == "z" else f"{base}zz{LATIN[number - 1]}"
            yield each[1:], code


def _latin(text: str) -> str:
    return folding.plain(text).replace("z", "za")


def _syllable(sign: str) -> str:
    if ord(sign) not in _SYLLABLES:
        return sign
    first, rest = divmod(ord(sign) - _SYLLABLES.start, _OF_ONE)
    return chr(_SYLLABLES.start + first * _OF_ONE) + _two(rest)


@functools.cache
def rules(language: str) -> Rules:
    """Of a language as preferences know it: "pt-br" has those of "pt"; what is in no table those of ""."""
    code = language.lower().partition("-")[0]
    code = {"no": "nb", "nn": "nb", "bs": "hr", "iw": "he"}.get(code, code)
    return Rules(code if code in TAILORED or code in NATIVE else "")
