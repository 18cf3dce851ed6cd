"""What can go wrong between the portal and the submission server, as our own errors."""

from __future__ import annotations

import ssl

from portal import net


class SubmissionError(Exception):
    """The message was not sent, to nobody. ``server_text`` is the server's own answer, for the log and "details"."""

    permanent = False  # True when trying again unchanged cannot help

    def __init__(self, message: str = "", *, code: int = 0, server_text: str = "") -> None:
        super().__init__(message or self.__class__.__name__)
        self.code = code
        self.server_text = server_text


class ServerUnreachable(SubmissionError):
    """No connection, or it was lost before the message was complete."""


class ServerTimeout(ServerUnreachable):
    """The server stopped answering before the message was complete."""


class TlsFailed(SubmissionError):
    """The connection could not be made safe."""

    permanent = True


class SignInRefused(SubmissionError):
    """The server does not take this login and password, or offers no way to give them."""

    permanent = True


class TokensOver(SubmissionError):
    """The provider renews this sign-in no more: its person has to sign in again. Until then the message waits."""


class TokensAway(SubmissionError):
    """The provider of sign-ins does not answer, and the token at hand is good no more."""


class SenderRefused(SubmissionError):
    """The server does not take mail from this address."""

    permanent = True


class MessageTooLarge(SubmissionError):
    """Larger than the server takes; ``limit`` in octets, 0 where it is not known."""

    permanent = True

    def __init__(self, message: str = "", *, limit: int = 0, code: int = 0, server_text: str = "") -> None:
        super().__init__(message, code=code, server_text=server_text)
        self.limit = limit


class MessageRefused(SubmissionError):
    """The server has seen the message and does not take it; ``permanent`` by its code."""


class BadMessage(SubmissionError, ValueError):
    """What must never be sent: NUL octets, an impossible sender, a password with line breaks."""

    permanent = True


class OutcomeUnknown(SubmissionError):
    """The message was complete when the connection was lost: it may have been sent. Sending it again may double it."""


def network_error(error: OSError) -> SubmissionError:
    text = str(error)
    if isinstance(error, (ssl.SSLError, net.PlainTextRefused)) and not isinstance(error, ssl.SSLEOFError):
        return TlsFailed(text, server_text=text)
    if isinstance(error, TimeoutError):
        return ServerTimeout("the server does not answer", server_text=text)
    return ServerUnreachable("the server cannot be reached", server_text=text)
