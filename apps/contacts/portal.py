from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from apps.contacts import prefs
from apps.contacts.offers import ContactSearch, PersonalBooks
from portal.registry import HelpTopic, NavItem, PortalApp, WellKnown

PORTAL_APP = PortalApp(
    id="contacts",
    title=_("Contacts"),
    urls="apps.contacts.urls",
    nav=(
        NavItem(
            id="contacts.index",
            label=_("Contacts"),
            url_name="contacts:index",
            icon="book-user",
            order=20,
            key="g c",
        ),
    ),
    pref_pages=(prefs.PAGE,),
    help_topics=(
        HelpTopic(id="contacts.people", title=_("Contacts"), template="contacts/help/people.html"),
        HelpTopic(id="contacts.programs", title=_("Contacts on phones"), template="contacts/help/programs.html"),
    ),
    well_known=(WellKnown(name="carddav", url_name="contacts:dav"),),
    transient=("contacts.collection",),
    address_books=(PersonalBooks(),),
    search_providers=(ContactSearch(),),
)
