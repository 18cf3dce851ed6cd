"""Which language a paragraph is in, among the few that somebody writes.

The script tells first, then the small words that every sentence has, then endings and letters that are one language's
own. Where these say nothing, the dictionaries are asked which of them knows most.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Sequence

SAMPLE = 120  # words of a paragraph that are looked at
FEW = 3  # words that are too few to be sure
CLEAR = 1.5  # so many times the score of the next one

_SCRIPTS = {
    "CYRILLIC": {"ru", "uk", "bg", "sr", "mk", "be", "kk", "mn"},
    "ARABIC": {"ar", "fa", "ur", "ku"},
    "GREEK": {"el"},
    "HEBREW": {"he", "yi"},
    "DEVANAGARI": {"hi", "mr", "ne"},
    "ARMENIAN": {"hy"},
    "GEORGIAN": {"ka"},
    "HANGUL": {"ko"},
    "THAI": {"th"},
}
_OTHERS = frozenset().union(*_SCRIPTS.values())

_SMALL_WORDS = {
    "en": (
        "the and of to in is it you that was for on are with as at be this have from or had not but what we can "
        "out all your when there how will would could our has been they their i me my please thanks any if an "
        "about which she he his her"
    ),
    "de": (
        "der die und in den von zu das mit sich des auf für ist im dem nicht ein eine als auch es an werden aus "
        "er hat dass sie nach wird bei einer um am sind noch wie einem über so zum war haben nur oder aber vor "
        "zur bis mehr durch man sein wurde wenn ich wir ihr uns mir euch bitte danke sehr schon kann können keine"
    ),
    "fr": (
        "le la les de des et à un une du en que qui dans est pour pas sur au aux plus par je nous vous ne se ce "
        "cette avec il elle on sont mais ou où comme tout été être avoir merci bonjour votre vos notre nos si "
        "leur très bien fait"
    ),
    "es": (
        "el la los las de y que en un una es se no por con para su al lo como más pero sus le ya o este sí porque "
        "esta entre cuando muy sin sobre también me hasta hay donde quien desde todo nos está gracias hola usted "
        "qué mi yo ha fue"
    ),
    "it": (
        "il lo la gli le di e che un una in è per non con si da del della dei delle al alla sono come più ma "
        "anche mi ci se nel nella questo questa io ho ha grazie ciao noi voi hanno essere stato molto tutti "
        "quando"
    ),
    "pt": (
        "o os as de e que do da em um uma para com não por mais dos das como mas foi ao ele se na no nos nas seu "
        "sua ou ser quando muito há já está eu também só pelo pela até isso ela você obrigado são tem"
    ),
    "nl": (
        "de het een en van ik te dat die in is je niet zijn op aan met als voor er maar om hem dan zou of wat "
        "mijn men dit zo door over ze zich bij ook tot uit kan naar heb hebben heeft wij we uw jullie bedankt "
        "geen nog wordt worden"
    ),
    "da": (
        "og i jeg det at en den til er som på de med han af for ikke der var mig sig men et har om vi min havde "
        "ham hun nu over da fra du ud os når alle efter også tak kære går kan skal være dette disse"
    ),
    "nb": (
        "og i jeg det at en den til er som på de med han av for ikke der var meg seg men et har om vi min hadde "
        "ham hun nå over da fra du ut oss når alle etter også takk kan skal være dette disse noe"
    ),
    "sv": (
        "och i att det som en på är av för med till den har de inte om ett han men var jag sig från vi så kan när "
        "år under också efter eller nu sin där vid mot ska skulle kommer ut får finns vara hade alla andra mycket "
        "oss tack hej detta"
    ),
    "pl": (
        "i w na z do się nie że to jest o jak a co po za od ale są dla przez czy ma jego być już tylko tak było "
        "tym może bardzo ja my jej tego oraz proszę dziękuję które który która mnie nas"
    ),
    "cs": (
        "a v na se že je s z do o to ale by jako za po jsem pro tak co aby už jsou jeho jen i jak když má při "
        "nebo také byl byla bylo ve k od děkuji prosím dobrý který která které jsme"
    ),
    "tr": (
        "ve bir bu da de için ile çok ne var daha gibi o ben ama olarak en kadar sonra her şey mi değil olan ya "
        "ki biz siz teşekkürler merhaba iyi olduğu"
    ),
    "hu": (
        "a az és hogy nem is egy meg ez de van csak el már ki volt még azt vagy ha mint én mi kell lesz köszönöm szép"
    ),
    "ro": (
        "și de la în a pe cu nu este un o să că din se mai pentru care ce au ca fi lui sunt dar sau după foarte "
        "mulțumesc"
    ),
    "fi": (
        "ja on ei se että hän oli en mutta ne kun jos niin myös minä ovat tai kuin joka nyt vain olen kiitos hei sitä"
    ),
    "ru": (
        "и в не на я что он с это как а то все она так его но да ты к у же вы за бы по мне было вот от меня еще "
        "нет о из ему для спасибо мы"
    ),
    "uk": "і в не на я що він з це як а то все вона так його але та ви за по є від ще для дякую ми",
    "ar": "في من على إلى أن هذا هذه التي الذي عن مع ما لا كان قد أو ثم كل بعد بين هو هي لم شكرا",
    "fa": "و در به از که این را با است برای آن یک خود تا بر هم نیز شد می های متشکرم",
}
#: Letters and ends of words that a language has and its neighbours have not.
_MARKS = {
    "de": "ß|ung$|keit$|lich$|sch",
    "en": "tion$|ing$|th|wh|ght",
    "fr": "ç|ê|eux$|aux$|oi|ez$",
    "es": "ñ|ción$|dad$|mente$|ll",
    "it": "zione$|gli|tà$|cch|ggi",
    "pt": "ã|õ|ção$|lh|nh",
    "nl": "ij|aa|oo|ee[nrl]|sch",
    "da": "æ|ø|å|hv",
    "nb": "æ|ø|å|kj|hv",
    "sv": "ä|ö|å|sj|tj",
    "pl": "ł|ą|ę|ś|ż|ź|sz|cz|rz",
    "cs": "ě|ř|ů|č|š|ž",
    "tr": "ğ|ş|ı|lar$|ler$",
    "hu": "ő|ű|sz|gy|cs",
    "ro": "ț|ș|ă|ului$",
    "fi": "ää|yy|ssa$|kk|uo",
    "ru": "ы|э|ё|ть$",
    "uk": "і|ї|є|ґ",
    "ar": "^ال|ة$|ى$",
    "fa": "پ|چ|ژ|گ|ی|ک",
}
_FUNCTION = {language: frozenset(words.split()) for language, words in _SMALL_WORDS.items()}
_OWN = {language: re.compile(pattern) for language, pattern in _MARKS.items()}


def detect(words: Sequence[str], languages: Sequence[str], knows: Callable[[str, str], bool]) -> tuple[str, bool]:
    """The likeliest of ``languages`` and whether that is sure. ``knows(language, word)`` asks a dictionary."""
    if len(languages) == 1:
        return languages[0], True
    sample = [word.lower() for word in words[:SAMPLE]]
    able = _of_script(sample, languages)
    if len(able) == 1:
        return able[0], True
    scores = {language: _score(sample, _base(language)) for language in able}
    best, next_ = sorted(able, key=lambda language: -scores[language])[:2]
    if scores[best] > 0 and scores[best] >= CLEAR * scores[next_]:
        return best, len(sample) > FEW or scores[best] >= 2
    known = {language: sum(knows(language, word) for word in words[:SAMPLE]) for language in able}
    best, next_ = sorted(able, key=lambda language: (-known[language], -scores[language]))[:2]
    return best, len(sample) > FEW and known[best] > known[next_]


def _base(language: str) -> str:
    return language.partition("-")[0]


def _of_script(sample: Sequence[str], languages: Sequence[str]) -> list[str]:
    """Those that are written in the script of most of the words; all where none is."""
    scripts = Counter(unicodedata.name(word[0], "").partition(" ")[0] for word in sample)
    most = scripts.most_common(1)[0][0] if scripts else "LATIN"
    there = _SCRIPTS.get(most)
    found = [each for each in languages if (_base(each) in there if there else _base(each) not in _OTHERS)]
    return found or list(languages)


def _score(sample: Sequence[str], language: str) -> float:
    function, own = _FUNCTION.get(language, frozenset()), _OWN.get(language)
    return sum((word in function) + (0.3 if own is not None and own.search(word) else 0.0) for word in sample)
