"""The preferences of contacts."""

from __future__ import annotations

from django.conf.locale import LANG_INFO
from django.utils.translation import gettext_lazy as _

from apps.contacts import folding
from apps.contacts.collating import LANGUAGES
from portal.prefs import Choices, PrefPage, bool_pref, choice_pref, int_pref

ORDER = choice_pref(
    "contacts.order",
    _("Sort people by"),
    "given",
    choices=[("given", _("given name")), ("family", _("family name"))],
)
NAMES = choice_pref(
    "contacts.names",
    _("In lists, show names as"),
    "given",
    choices=[("given", _("given name first")), ("family", _("family name first"))],
)


def _sorting() -> Choices:
    languages = [(code, str(LANG_INFO[code]["name_local"]).capitalize()) for code in LANGUAGES]
    return [("", _("The language of the pages")), *sorted(languages, key=lambda each: folding.key(each[1]))]


SORTING = choice_pref(
    "contacts.sorting",
    _("Sort names by the rules of"),
    "",
    choices=_sorting,
    help=_(
        "Swedish has Å, Ä and Ö after Z, Cyrillic has В before Г. Names in other scripts stand among the Latin ones."
    ),
    words=_("alphabet, collation, locale"),
)
PAGE_SIZE = choice_pref(
    "contacts.page_size",
    _("Contacts per page"),
    "100",
    choices=[("50", "50"), ("100", "100"), ("200", "200")],
)
ENDLESS = bool_pref(
    "contacts.endless",
    _("Load more contacts as I scroll"),
    True,
    help=_("Instead of page by page. The pages stay reachable below the list."),
    words=_("endless, infinite"),
)
COLLECT = bool_pref(
    "contacts.collect",
    _("Collect the people I write to"),
    False,
    help=_("Whoever is in none of your address books yet goes into one of their own, “Written to”. Senders never do."),
    words=_("collected, recipients, automatic"),
)
BIRTHDAY_DAYS = int_pref(
    "contacts.birthday_days",
    _("Days ahead that birthdays are shown"),
    30,
    minimum=1,
    maximum=365,
    help=_("On the home page; anniversaries too."),
    words=_("birthday, anniversary, block"),
)

PAGE = PrefPage(
    id="contacts.page",
    title=_("Contacts"),
    help=_("How your address books are shown, and what goes into them by itself."),
    prefs=(ORDER, SORTING, NAMES, PAGE_SIZE, ENDLESS, COLLECT, BIRTHDAY_DAYS),
    icon="book-user",
    order=60,
)
