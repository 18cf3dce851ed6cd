"""Whether the servers of another account let its owner in: really asked, and said in words."""

from __future__ import annotations

from django.conf import settings
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_variables

from apps.mail import submission
from apps.mail.account_models import OtherAccount
from apps.mail.mailbox.errors import BadArgument, MailError, ServerTimeout, SignInRefused, TlsFailed, TooManyConnections
from apps.mail.services import other_accounts
from apps.mail.services.stores import check_password
from portal.net import BadServerUrl
from portal.throttle import Gates, Throttle


class NotLetIn(Exception):
    """``text``: why, for people. ``login``: the name or the password is what is wrong."""

    def __init__(self, text: str, *, login: bool = False) -> None:
        super().__init__(text)
        self.text, self.login = text, login


def _gates(row: OtherAccount) -> Gates:
    """Nobody guesses at passwords elsewhere by way of this form."""
    what = f"other account {row.login.casefold()} at {row.incoming}"
    return Gates([Throttle(what=what, who=f"user {row.user_id}"), Throttle.of_login(what)])


@sensitive_variables("password")
def reading(row: OtherAccount, password: str) -> None:
    """Raises ``NotLetIn``."""
    try:
        server = other_accounts.incoming_server(row.incoming)
    except BadServerUrl as error:
        raise NotLetIn(_("This is no address of a server.")) from error
    if why := other_accounts.refusal(server):
        raise NotLetIn(why)
    gates = _gates(row)
    if wait := gates.enter():
        raise NotLetIn(_("Too many wrong passwords. Try again in %(seconds)d seconds.") % {"seconds": wait})
    try:
        with other_accounts.place():
            check_password(other_accounts.account_with(row, password))
    except (SignInRefused, BadArgument) as error:
        raise NotLetIn(
            _("%(host)s does not accept this user name and password.") % _host(server.host), login=True
        ) from error
    except MailError as error:
        gates.withdraw()
        raise NotLetIn(_in_words(error) % _host(server.host)) from error
    gates.passed()


def _host(host: str) -> dict[str, str]:
    return {"host": host}


def _in_words(error: MailError) -> str:
    if isinstance(error, TlsFailed):
        return _("%(host)s could not prove who it is, so no password was sent to it.")
    if isinstance(error, TooManyConnections):
        return _("Too many accounts are being checked just now. Try again in a moment.")
    if isinstance(error, ServerTimeout):
        return _("%(host)s does not answer.")
    return _("%(host)s cannot be reached, or is no mail server that may be asked from here.")


@sensitive_variables("password")
def sending(row: OtherAccount, password: str) -> None:
    """Raises ``NotLetIn``."""
    if not row.outgoing:
        return
    try:
        server, addresses = other_accounts.way_out(row)
    except OSError as error:
        raise NotLetIn(_("The server for sending cannot be reached, or may not be asked from here.")) from error
    host = _host(server.host)
    try:
        submission.sign_in(
            server,
            login=row.sending_login,
            password=password,
            ca_file=other_accounts.ca_file_of(server),
            and_system=not other_accounts.is_own(server),
            addresses=addresses,
            allow_plain=settings.ALLOW_PLAINTEXT,
            timeouts=(other_accounts.CONNECT_SECONDS, other_accounts.READ_SECONDS),
        )
    except submission.SignInRefused as error:
        raise NotLetIn(_("%(host)s does not accept this user name and password.") % host, login=True) from error
    except submission.TlsFailed as error:
        raise NotLetIn(_("%(host)s could not prove who it is, so no password was sent to it.") % host) from error
    except submission.SubmissionError as error:
        raise NotLetIn(_("%(host)s does not answer, or is no server for sending.") % host) from error
