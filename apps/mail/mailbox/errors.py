"""What can go wrong between the portal and a mail server, as our own errors. Views turn them into words."""

from __future__ import annotations


class MailError(Exception):
    """Base of all mail errors. ``server_text`` is the server's own answer, for the log and for "details"."""

    permanent = False  # True when trying again unchanged cannot help
    account = 0  # with which of somebody's accounts; 0 is the main one, or none in particular

    def __init__(self, message: str = "", *, server_text: str = "") -> None:
        super().__init__(message or self.__class__.__name__)
        self.server_text = server_text


class ServerUnreachable(MailError):
    """No connection: name not found, refused, timed out, or cut in mid-command."""


class ServerTimeout(ServerUnreachable):
    """The server accepted the connection but stopped answering."""


class NotImap(ServerUnreachable):
    """What it says makes no sense, or does not end: the connection was dropped."""


class LineTooLong(NotImap):
    """It said more about one message than fits in a line of ours: others may still be told of."""


class TlsFailed(ServerUnreachable):
    """The connection could not be made safe: wrong certificate or name, no STARTTLS where it is demanded."""

    permanent = True


class PrivacyRequired(TlsFailed):
    """The server takes no password on a connection that is not encrypted."""


class TokensNotTaken(ServerUnreachable):
    """People sign in with a provider, and this server takes no tokens of one (neither OAUTHBEARER nor XOAUTH2)."""

    permanent = True


class ProviderAway(ServerUnreachable):
    """The provider of sign-ins does not answer, and the token at hand is good no more."""


class TooManyConnections(MailError):
    """Every connection this account or server may have is busy."""


class MaildropInUse(TooManyConnections):
    """Another program, or another window, is at the maildrop just now (POP3 lets one in at a time)."""

    proved = False  # the server has said so to a password that was right ([IN-USE], RFC 2449 section 8.1.2)


class NoUniqueIds(ServerUnreachable):
    """The POP3 server has no UIDL: its messages cannot be told apart from one session to the next."""

    permanent = True


class SignInRefused(MailError):
    """The server does not take this user name and password."""

    permanent = True


class AccountLocked(MailError):
    """Another account than the main one, whose password is not at hand, or is refused: nobody else's sign-in is meant.

    ``refused`` tells the two apart."""

    permanent = True

    def __init__(self, account: int, *, refused: bool = False) -> None:
        super().__init__("the password of another account is refused" if refused else "no password is at hand")
        self.account, self.refused = account, refused


class ServerRefused(MailError):
    """The server answered NO or BAD."""

    permanent = True


class QuotaExceeded(ServerRefused):
    """[OVERQUOTA] (RFC 9208)."""


class StoreFull(QuotaExceeded):
    """The portal keeps no more of this person's mail (POP3)."""


class NoSuchMailbox(ServerRefused):
    """The mailbox does not exist (any more)."""


class MailboxExists(ServerRefused):
    """A mailbox of that name is there already."""


class NoKeywords(MailError):
    """Messages of this mailbox cannot be given this keyword: PERMANENTFLAGS has neither it nor \\* (RFC 9051 7.1)."""

    permanent = True


class CannotSort(MailError):
    """The server cannot sort, and the mailbox is too large to be sorted here."""

    permanent = True


class CannotThread(MailError):
    """The mailbox has too many messages to find out which belong together."""

    permanent = True


class UidValidityChanged(MailError):
    """The mailbox was rebuilt: the UIDs in hand mean nothing now, and nothing was done with them."""

    permanent = True


class NoSuchMessage(MailError):
    """There is no message with this UID (any more)."""

    permanent = True


class HalfMoved(MailError):
    """The connection broke off between a copy and the removal of the originals: the same again would double them."""

    permanent = True


class BadArgument(MailError, ValueError):
    """A value that must never reach a server: control characters, an impossible UID, an empty mailbox name."""

    permanent = True
