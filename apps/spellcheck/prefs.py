from __future__ import annotations

from typing import cast

from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from apps.spellcheck.services import languages
from portal.contracts import Json
from portal.prefs import BadValue, Pref, PrefPage, bool_pref


def _read(value: Json) -> tuple[str, ...]:
    if (
        isinstance(value, list)
        and len(value) <= 50
        and all(isinstance(each, str) and len(each) <= 10 for each in value)
    ):
        return tuple(cast("list[str]", value))
    raise BadValue(gettext("Choose from the list."))


LANGUAGES: Pref[tuple[str, ...]] = Pref(
    key="spellcheck.languages",
    label=_("Languages you write in"),
    default=(),
    read=_read,
    write=list,
    field=lambda: forms.MultipleChoiceField(
        required=False, choices=languages.choices, widget=forms.CheckboxSelectMultiple
    ),
    help=_(
        "Each paragraph is checked in the one of these that it is written in. "
        "None: the language of the pages, and English."
    ),
    words=_("dictionary, spelling"),
)
WHILE_WRITING = bool_pref(
    "spellcheck.while_writing", _("Underline words that may be misspelt while I write"), True, words=_("mistakes, live")
)
BEFORE_SENDING = bool_pref(
    "spellcheck.before_sending",
    _("Check before a message is sent"),
    False,
    help=_("You are asked once when words are left that may be misspelt."),
)
CAPITALS = bool_pref("spellcheck.capitals", _("Check words in CAPITALS, too"), False, words=_("upper case"))
BROWSER = bool_pref(
    "spellcheck.browser",
    _("Let my browser check the text as well"),
    False,
    help=_(
        "It underlines by its own dictionaries. Where words are not underlined here while you write, it always may."
    ),
)

PAGE = PrefPage(
    id="spellcheck.page",
    title=_("Spelling"),
    help=_("Which languages are checked, and when."),
    icon="languages",
    order=50,
    prefs=(LANGUAGES, WHILE_WRITING, BEFORE_SENDING, CAPITALS, BROWSER),
)
#: No preferences stand there: the page is drawn by its own view.
DICTIONARY = PrefPage(
    id="spellcheck.dictionary",
    title=_("My dictionary"),
    help=_("Words of your own that are right."),
    icon="book-open",
    order=51,
    url_name="spellcheck:dictionary",
    prefs=(),
)
