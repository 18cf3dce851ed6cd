"""The languages that can be checked, and those of one person."""

from __future__ import annotations

from collections.abc import Sequence

from django.conf.locale import LANG_INFO
from django.utils import translation

from apps.spellcheck.engines.speller import Speller

SPELLER = Speller()


def name(code: str) -> str:
    """In itself, as people look for it."""
    found = LANG_INFO.get(code) or LANG_INFO.get(code.partition("-")[0])
    if found is None or "name_local" not in found:
        return code
    local = str(found["name_local"])
    country = code.partition("-")[2].upper()
    return f"{local} ({country})" if country and code not in LANG_INFO else local


def choices() -> list[tuple[str, str]]:
    return sorted(((code, name(code)) for code in SPELLER.languages()), key=lambda pair: pair[1].casefold())


def of(chosen: Sequence[str]) -> list[str]:
    """What they have chosen, as far as it is there, else the language of the pages and English."""
    there = SPELLER.languages()
    found = [code for code in chosen if code in there]
    if found:
        return found
    pages = (translation.get_language() or "en").lower()
    wanted = (pages if pages in there else pages.partition("-")[0], "en")
    return [code for code in dict.fromkeys(wanted) if code in there]
