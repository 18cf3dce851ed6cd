from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from apps.mail import blocks, diagnostics, list_prefs, person_parts, prefs
from apps.mail.holdings import HOLDINGS, reseal_account_keys
from apps.mail.keys import SHORTCUTS
from apps.mail.offers import (
    MailComposer,
    MailSearch,
    RecentRecipients,
    folder_places,
    revoke_import,
    revoke_sending,
)
from portal.registry import Block, DelegationKind, Diagnostic, NavItem, PersonPart, PortalApp, Sealed

PORTAL_APP = PortalApp(
    id="mail",
    title=_("Mail"),
    urls="apps.mail.urls",
    content_urls="apps.mail.content_urls",
    nav=(
        NavItem(
            id="mail.index",
            label=_("Mail"),
            url_name="mail:index",
            icon="mail",
            order=10,
            key="g i",
            visible=blocks.has_mailbox,
            badge=blocks.unread_badge,
        ),
    ),
    blocks=(
        Block(
            id="mail.unread",
            title=_("Newest unread messages"),
            template="mail/blocks/unread.html",
            context=blocks.newest_unread,
            icon="mail",
            default=True,
            order=10,
            width=2,
            refresh_seconds=300,
            visible=blocks.has_mailbox,
        ),
        Block(
            id="mail.folders",
            title=_("Folders"),
            template="mail/blocks/folders.html",
            context=blocks.folder_counts,
            icon="folder",
            default=True,
            order=20,
            refresh_seconds=300,
            visible=blocks.has_mailbox,
        ),
    ),
    shortcuts=SHORTCUTS,
    places=folder_places,
    pref_pages=(
        list_prefs.LISTS,
        prefs.READING,
        prefs.COMPOSING,
        prefs.ACCOUNTS,
        prefs.IDENTITIES,
        prefs.TEMPLATES,
    ),
    address_books=(RecentRecipients(),),
    person_parts=(
        PersonPart(
            id="mail.conversations",
            title=_("Recent conversations"),
            template="mail/parts/conversations.html",
            context=person_parts.conversations,
            lately=person_parts.said_lately,
            order=20,
            icon="mail",
        ),
        PersonPart(
            id="mail.files",
            title=_("Files exchanged"),
            template="mail/parts/files.html",
            context=person_parts.files,
            lately=person_parts.files_lately,
            order=30,
            icon="paperclip",
        ),
    ),
    search_providers=(MailSearch(),),
    composer=MailComposer(),
    diagnostics=(
        Diagnostic(id="mail.imap", label=_("IMAP server"), run=diagnostics.imap, order=30),
        Diagnostic(id="mail.smtp", label=_("SMTP server"), run=diagnostics.smtp, order=40),
        Diagnostic(id="mail.senders", label=_("Checks of senders"), run=diagnostics.senders, order=45),
    ),
    delegations=(
        DelegationKind(
            id="mail.outbox", label=_("Message waiting to be sent"), revoke=revoke_sending, url_name="mail:outbox"
        ),
        DelegationKind(
            id="mail.import", label=_("Messages being imported"), revoke=revoke_import, url_name="mail:transfers"
        ),
    ),
    sealed=(Sealed(label="keys to further mail accounts", reseal=reseal_account_keys),),
    holdings=HOLDINGS,
    folders=("pop",),
    transient=("mail.outboxmessage", "mail.transfer", "mail.transfernote"),
    stylesheets=("mail/css/mail.css", "mail/css/search.css"),
)
