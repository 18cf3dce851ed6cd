from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from apps.contacts import prefs
from apps.contacts.holdings import HOLDINGS
from apps.contacts.offers import ContactSearch, Copies, PersonalBooks
from apps.contacts.services import subscriptions
from apps.contacts.taker import CardFiles
from portal.registry import DelegationKind, HelpTopic, NavItem, PortalApp, WellKnown

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
    card_taker=Copies(),
    file_takers=(CardFiles(),),
    delegations=(
        DelegationKind(
            id=subscriptions.KIND,
            label=_("Refreshing a subscribed address book"),
            revoke=subscriptions.revoke,
            url_name="contacts:books",
        ),
    ),
    search_providers=(ContactSearch(),),
    holdings=HOLDINGS,
)
