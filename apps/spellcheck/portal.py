from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from apps.spellcheck import prefs
from apps.spellcheck.offers import Words
from portal.registry import HelpTopic, Holding, PortalApp, Table

PORTAL_APP = PortalApp(
    id="spellcheck",
    title=_("Spelling"),
    urls="apps.spellcheck.urls",
    pref_pages=(prefs.PAGE, prefs.DICTIONARY),
    help_topics=(HelpTopic(id="spellcheck.spelling", title=_("Spelling"), template="spellcheck/help/spelling.html"),),
    spell_checkers=(Words(),),
    holdings=(
        Holding(
            id="spellcheck.words",
            label=_("Words of your dictionary"),
            tables=(Table(model="spellcheck.word"),),
            order=300,
        ),
    ),
)
