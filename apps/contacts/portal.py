from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from apps.contacts import blocks, person_parts, prefs
from apps.contacts.holdings import HOLDINGS
from apps.contacts.offers import ContactSearch, Copies, PersonalBooks, places
from apps.contacts.own import HandedOut
from apps.contacts.services import subscriptions
from apps.contacts.taker import CardFiles
from portal.contracts import Shortcut
from portal.registry import Block, DelegationKind, HelpTopic, NavItem, PersonPart, PortalApp, WellKnown

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
    blocks=(
        Block(
            id="contacts.birthdays",
            title=_("Birthdays"),
            template="contacts/blocks/birthdays.html",
            context=blocks.near,
            icon="calendar",
            default=True,
            order=40,
        ),
    ),
    pref_pages=(prefs.PAGE,),
    shortcuts=(
        Shortcut(key="c", label=_("New contact")),
        Shortcut(key="e", label=_("Edit")),
        Shortcut(key="j", label=_("Next contact"), roundcube="k"),
        Shortcut(key="k", label=_("Previous contact"), roundcube="j"),
    ),
    places=places,
    help_topics=(
        HelpTopic(id="contacts.people", title=_("Contacts"), template="contacts/help/people.html"),
        HelpTopic(id="contacts.programs", title=_("Contacts on phones"), template="contacts/help/programs.html"),
    ),
    well_known=(WellKnown(name="carddav", url_name="contacts:dav"),),
    transient=("contacts.collection",),
    address_books=(PersonalBooks(),),
    card_taker=Copies(),
    own_cards=HandedOut(),
    file_takers=(CardFiles(),),
    delegations=(
        DelegationKind(
            id=subscriptions.KIND,
            label=_("Refreshing a subscribed address book"),
            revoke=subscriptions.revoke,
            url_name="contacts:books",
        ),
    ),
    person_parts=(
        PersonPart(
            id="contacts.cards",
            title=_("In address books"),
            template="contacts/parts/cards.html",
            context=person_parts.cards,
            order=10,
            icon="book-user",
        ),
        PersonPart(
            id="contacts.keys",
            title=_("Keys"),
            template="contacts/parts/keys.html",
            context=person_parts.keys,
            order=40,
            icon="key-round",
        ),
    ),
    search_providers=(ContactSearch(),),
    holdings=HOLDINGS,
)
