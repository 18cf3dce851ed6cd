"""Errors of the mail layers in words: what happened, what still works, what to do."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.translation import gettext_lazy as _

from apps.mail.mailbox.errors import (
    AccountLocked,
    BadArgument,
    HalfMoved,
    MaildropInUse,
    MailError,
    NoKeywords,
    NoSuchMailbox,
    NoSuchMessage,
    NoUniqueIds,
    PrivacyRequired,
    ProviderAway,
    QuotaExceeded,
    ServerUnreachable,
    StoreFull,
    TlsFailed,
    TokensNotTaken,
    TooManyConnections,
    UidValidityChanged,
)
from apps.mail.services.noted import Forgotten
from portal.contracts import Text


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    title: Text
    text: Text
    status: int
    icon: str = "circle-alert"
    works: tuple[Text, ...] = ()  # what can be done meanwhile
    retry: bool = False  # the same again may help
    to_inbox: bool = False
    quotes: bool = False  # with the server's own words


_MEANWHILE: tuple[Text, ...] = (
    _("Your mail is safe: it stays on the mail server"),
    _("Home, preferences and the other parts of the portal work"),
)

_KNOWN: tuple[tuple[type[MailError], Trouble], ...] = (
    (
        AccountLocked,
        Trouble(
            title=_("This account asks for its password"),
            text=_(
                "It is not at hand any more, or its server does not accept it: it was changed, or the password "
                "that you sign in with was, under which it was kept."
            ),
            status=403,
            icon="lock",
        ),
    ),
    (
        PrivacyRequired,
        Trouble(
            title=_("No safe connection to the mail server"),
            text=_("The server accepts no password on a connection that is not encrypted. Tell your administrator."),
            status=502,
            icon="shield-x",
            works=_MEANWHILE,
        ),
    ),
    (
        TlsFailed,
        Trouble(
            title=_("No safe connection to the mail server"),
            text=_(
                "The server could not prove who it is, so nothing was sent to it, and no password either. "
                "Your administrator can see the details in the self-test."
            ),
            status=502,
            icon="shield-x",
            works=_MEANWHILE,
            retry=True,
        ),
    ),
    (
        TokensNotTaken,
        Trouble(
            title=_("The mail server does not take your sign-in"),
            text=_(
                "You have signed in with a provider, and the mail server accepts none of its tokens "
                "(neither OAUTHBEARER nor XOAUTH2). Tell your administrator."
            ),
            status=502,
            icon="shield-x",
            works=_MEANWHILE,
        ),
    ),
    (
        ProviderAway,
        Trouble(
            title=_("Your sign-in can’t be renewed just now"),
            text=_("The provider with which you have signed in does not answer. Your mail opens as soon as it does."),
            status=503,
            icon="server-off",
            works=_MEANWHILE,
            retry=True,
        ),
    ),
    (
        NoUniqueIds,
        Trouble(
            title=_("This mail server can’t be used from here"),
            text=_(
                "It speaks POP3 and cannot tell its messages apart (it has no UIDL). Your mail is on it, and other "
                "programs can fetch it. Tell your administrator."
            ),
            status=502,
            icon="server-off",
            works=_MEANWHILE,
        ),
    ),
    (
        ServerUnreachable,
        Trouble(
            title=_("The mail server isn’t answering"),
            text=_(
                "Nothing is lost. What you wanted to open is still on the mail server, "
                "and opens here as soon as it is back."
            ),
            status=503,
            icon="server-off",
            works=_MEANWHILE,
            retry=True,
        ),
    ),
    (
        MaildropInUse,
        Trouble(
            title=_("Another program is at your mail"),
            text=_(
                "Your mail server lets in one program at a time (POP3), and another one, or another window, is there "
                "just now. Try again in a moment."
            ),
            status=503,
            icon="server-off",
            works=_MEANWHILE,
            retry=True,
        ),
    ),
    (
        TooManyConnections,
        Trouble(
            title=_("The mail server is busy"),
            text=_("All connections that this portal may open to it are in use. Try again in a moment."),
            status=503,
            icon="server-off",
            works=_MEANWHILE,
            retry=True,
        ),
    ),
    (
        UidValidityChanged,
        Trouble(
            title=_("This folder was rebuilt"),
            text=_(
                "The mail server has numbered its messages anew since this page was made. Nothing was touched. "
                "Open the folder again and repeat what you did."
            ),
            status=409,
            icon="rotate-cw",
            to_inbox=True,
        ),
    ),
    (
        NoSuchMessage,
        Trouble(
            title=_("This message isn’t here any more"),
            text=_("It was moved or deleted, perhaps by another program."),
            status=404,
            icon="mail-question-mark",
            to_inbox=True,
        ),
    ),
    (
        NoSuchMailbox,
        Trouble(
            title=_("There is no such folder"),
            text=_("It was renamed or deleted, perhaps by another program."),
            status=404,
            icon="folder-search",
            to_inbox=True,
        ),
    ),
    (
        HalfMoved,
        Trouble(
            title=_("Some messages may be in both folders now"),
            text=_(
                "The connection broke off while they were copied and removed. Nothing is lost. "
                "Look into both folders before you repeat it."
            ),
            status=502,
            icon="triangle-alert",
            to_inbox=True,
        ),
    ),
    (
        Forgotten,
        Trouble(
            title=_("Too much time has passed"),
            text=_("The portal no longer knows which messages were meant. Nothing was touched."),
            status=409,
            icon="rotate-cw",
            to_inbox=True,
        ),
    ),
    (
        StoreFull,
        Trouble(
            title=_("The portal keeps no more mail for you"),
            text=_(
                "All folders but the inbox lie in the portal, and there is no more room for them. Delete some large "
                "messages and empty the trash, or delete for ever."
            ),
            status=507,
            icon="triangle-alert",
            to_inbox=True,
        ),
    ),
    (
        QuotaExceeded,
        Trouble(
            title=_("Your mailbox is full"),
            text=_("The mail server accepts no more messages for you. Delete some large ones and empty the trash."),
            status=507,
            icon="triangle-alert",
            to_inbox=True,
        ),
    ),
    (
        NoKeywords,
        Trouble(
            title=_("Your mail server keeps no such mark"),
            text=_("In this folder it lets messages have certain marks only, and this is none of them."),
            status=409,
            icon="info",
            to_inbox=True,
        ),
    ),
    (
        BadArgument,
        Trouble(
            title=_("The mail server can’t be asked this"),
            text=_("Something in the address or the form is not what this page sends. Nothing was done."),
            status=400,
            to_inbox=True,
        ),
    ),
)
_OTHER = Trouble(
    title=_("The mail server said no"),
    text=_("It did not do what was asked. Nothing else is wrong with the connection to it."),
    status=502,
    icon="server-off",
    works=_MEANWHILE,
    retry=True,
    to_inbox=True,
    quotes=True,
)


def describe(error: MailError) -> Trouble:
    """The first of the known kinds that fits: the order above goes from the special to the general."""
    return next((trouble for kind, trouble in _KNOWN if isinstance(error, kind)), _OTHER)
