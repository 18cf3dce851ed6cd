"""What spelling offers to the pages on which people write."""

from __future__ import annotations

from collections.abc import Sequence

from django.http import HttpRequest, QueryDict

from apps.spellcheck import prefs
from apps.spellcheck.services import checking, dictionaries, languages
from portal.contracts import Misspelling, WritingPart

WORD, CHOICE = "spell_word", "spell_to"  # fields of the review, in pairs
ADD, IGNORE, INSTEAD = "+", "-", "="


class Words:
    """Dictionaries of this machine, and words of one's own."""

    id = "spellcheck.words"

    def check(self, request: HttpRequest, text: str) -> Sequence[Misspelling]:
        return checking.check(request, text)

    def asks_before_sending(self, request: HttpRequest) -> bool:
        return checking.prefs_of(request)[prefs.BEFORE_SENDING]

    def beside(self, request: HttpRequest) -> WritingPart | None:
        chosen = checking.prefs_of(request)
        written = chosen[prefs.LANGUAGES]
        mine = languages.of(written)
        if not mine:
            return None
        one = request.POST.get(checking.LANGUAGE, "")
        listed = mine if not one or one in mine else [*mine, one]
        context = {
            "languages": [(code, languages.name(code)) for code in listed],
            "names": ", ".join(languages.name(code) for code in mine),
            "language": one,
            "ignored": request.POST.get(checking.IGNORED, "")[: checking.MOST_IGNORED],
            "live": chosen[prefs.WHILE_WRITING],
            "browser": chosen[prefs.BROWSER],
        }
        sheet, script = "spellcheck/css/writing.css", "spellcheck/js/writing.js"
        return WritingPart("spellcheck/beside.html", context, stylesheets=(sheet,), scripts=(script,))

    def review(self, request: HttpRequest, text: str) -> WritingPart | None:
        found = checking.check(request, text)
        if not found:
            return None
        words = checking.reviewed(found)
        return WritingPart("spellcheck/review.html", {"words": words, "pieces": _pieces(text, found)})

    def corrected(self, request: HttpRequest, text: str) -> str:
        instead, add, ignore = {}, [], []
        pairs = zip(request.POST.getlist(WORD), request.POST.getlist(CHOICE), strict=False)
        for word, choice in list(pairs)[: checking.REVIEWED]:
            if choice.startswith(INSTEAD):
                instead[word] = choice.removeprefix(INSTEAD)
            elif choice == ADD:
                add.append(word)
            elif choice == IGNORE:
                ignore.append(word)
        if add:
            dictionaries.add(request.user, add)  # type: ignore[arg-type]  # nobody else has a page to write on
        if ignore and isinstance(request.POST, QueryDict):
            post = request.POST.copy()
            post[checking.IGNORED] = " ".join([post.get(checking.IGNORED, ""), *ignore]).strip()
            request.POST = post  # type: ignore[assignment]  # django-stubs: immutable
        return checking.replaced(text, instead)


def _pieces(text: str, found: Sequence[Misspelling]) -> list[tuple[str, bool]]:
    """The text in pieces, those that are wrong marked."""
    pieces, place = [], 0
    for each in found:
        pieces += [(text[place : each.offset], False), (each.word, True)]
        place = each.offset + len(each.word)
    return [(piece, wrong) for piece, wrong in (*pieces, (text[place:], False)) if piece]
