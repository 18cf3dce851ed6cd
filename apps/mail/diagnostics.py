"""What the self-test finds out about the mail servers. Each step has a short time limit, and no place in the pool of
connections is taken."""

from __future__ import annotations

import ssl
from collections import Counter
from collections.abc import Callable, Generator, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial

from django.conf import settings
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from apps.mail import probe
from apps.mail.mailbox.errors import MailError, SignInRefused
from apps.mail.mailbox.imap.connection import Connection
from apps.mail.mailbox.imap.memory import Memory
from apps.mail.mailbox.imap.store import ImapStore
from apps.mail.mailbox.pop.connection import Connection as PopConnection
from apps.mail.mime import authentication
from apps.mail.services import limits, stores
from portal import mail_servers, net
from portal.contracts import Finding, Level
from portal.mail_servers import Backend

SECONDS = 2.0  # for each step: name, connection, greeting
SIGN_IN_SECONDS = 5.0  # servers keep who has a wrong password waiting on purpose
EXPIRES_SOON = 21  # days
DOVECOT_PER_ACCOUNT = 10  # the usual limit (mail_max_userip_connections), which other programs share
#: Capabilities that make the portal quick. Without one it works, with more traffic.
WANTED = ("SORT", "MOVE", "UIDPLUS", "LIST-STATUS", "SPECIAL-USE", "CONDSTORE", "ESEARCH")
Findings = Iterator[Finding]


def imap() -> Findings:
    """The servers to read from, IMAP or POP3."""
    if not mail_servers.backends():
        yield Finding(Level.ERROR, _("No IMAP server is set."), _("Set IMAP_URL, like imaps://mail.example.org"))
    for backend in mail_servers.backends():
        yield from _named(backend, backend.incoming)
        yield from (_pop3 if backend.is_pop else _imap)(backend)


def _named(backend: Backend, address: str) -> Findings:
    """Of several servers each is called by its name before it is tried."""
    if backend.name:
        names = {"label": backend.label, "name": backend.name, "address": address}
        yield Finding(Level.OK, _("%(label)s (backend %(name)s): %(address)s") % names)


def _imap(backend: Backend) -> Findings:
    found = yield from _reach(backend.server, probe.imap, backend.incoming_ca_file or None, "IMAP")
    if found is None:
        return
    yield from _capabilities(found)
    yield from _tokens({name.removeprefix("AUTH=") for name in found.capabilities if name.startswith("AUTH=")}, "IMAP")
    yield _limits()
    if _is_tested(backend):
        yield from _test_account(backend)


def _pop3(backend: Backend) -> Findings:
    found = yield from _reach(backend.server, probe.pop3, backend.incoming_ca_file or None, "POP3")
    if found is None:
        return
    if found.values:
        yield Finding(Level.OK, _("It offers %(names)s") % {"names": ", ".join(sorted(found.values))})
    if found.values and "UIDL" not in found.values:
        yield Finding(
            Level.ERROR,
            _("The server cannot tell messages apart (UIDL is missing), so the portal cannot use it."),
            _("Switch UIDL on at the POP3 server, or use IMAP."),
        )
    yield from _tokens(set(found.values.get("SASL", "").upper().split()), "POP3")
    if _is_tested(backend):
        yield from _test_pop3(backend)


def smtp() -> Findings:
    found = [each for each in mail_servers.backends() or (mail_servers.of_settings(),) if each.outgoing]
    if not found:
        yield Finding(Level.ERROR, _("No SMTP server is set."), _("Set SMTP_URL, like smtps://mail.example.org"))
    for backend in found:
        yield from _named(backend, backend.outgoing)
        yield from _smtp(backend)


def _smtp(backend: Backend) -> Findings:
    login, password = _smtp_account(backend)
    ask = partial(probe.smtp, login=login, password=password, sign_in_seconds=SIGN_IN_SECONDS)
    found = yield from _reach(backend.way_out, ask, backend.outgoing_ca_file or None, "SMTP")
    if found is None:
        return
    if found.values:
        yield Finding(Level.OK, _("It offers %(names)s") % {"names": ", ".join(sorted(found.values))})
    yield from _size(found)
    if backend.outgoing_auth == "user":
        yield from _tokens(set(found.values.get("AUTH", "").upper().split()), "SMTP")
    if backend.outgoing_auth != "none":
        yield from _smtp_sign_in(found, login, backend)


def senders() -> Findings:
    """Whose word about senders is believed; where nobody's is, what the newest mail of the test account offers."""
    if settings.MAIL_AUTHSERV_IDS:
        names = {"names": ", ".join(settings.MAIL_AUTHSERV_IDS)}
        yield Finding(Level.OK, _("Believed about who has written a message: %(names)s") % names)
        return
    text = _(
        "No mail server is believed about who has written a message: people are not told whether a sender is real."
    )
    cure = _(
        "Set MAIL_AUTHSERV_IDS to the names of your own servers as they stand behind “Authentication-Results:” in mail "
        "that has come in. They have to remove such fields when they come from elsewhere, as servers do by themselves."
    )
    tested = next((each for each in mail_servers.backends() if not each.is_pop and _is_tested(each)), None)
    found = _authserv_ids(tested) if tested is not None else []
    command = f"MAIL_AUTHSERV_IDS={','.join(found)}" if found else ""
    if found:
        text += " " + _("The newest mail of the test account has: %(names)s") % {"names": ", ".join(found)}
    yield Finding(Level.WARNING, text, cure, command)


def _authserv_ids(backend: Backend) -> list[str]:
    """Names that stand above everything else in the newest messages of the test account, most frequent first."""
    target = stores.account(backend, login=settings.SELFTEST_LOGIN, password=settings.SELFTEST_PASSWORD)
    try:
        connection = Connection(replace(target, connect_timeout=SECONDS, read_timeout=SIGN_IN_SECONDS))
    except MailError:
        return []
    try:
        store = ImapStore(connection, Memory())
        page = store.page("INBOX", limit=10)
        details = [store.message("INBOX", row.uid, uidvalidity=page.status.uidvalidity) for row in page.rows]
    except MailError:
        return []
    finally:
        connection.logout()
    named = Counter(name for each in details if (name := authentication.uppermost(each.header)))
    return [name for name, _count in named.most_common(3)]


def _tokens(offered: set[str], kind: str) -> Findings:
    """Where people sign in with a provider. Some servers tell only after STARTTLS, which the probe has done."""
    if "oidc" not in settings.SIGN_IN:
        return
    if taken := sorted(offered & {"OAUTHBEARER", "XOAUTH2"}):
        yield Finding(Level.OK, _("It takes tokens of the provider: %(names)s") % {"names": ", ".join(taken)})
    else:
        text = _("It takes no tokens of the provider with which people sign in.")
        yield Finding(Level.ERROR, text, _("Switch OAUTHBEARER or XOAUTH2 on at the %(kind)s server.") % {"kind": kind})


def _is_tested(backend: Backend) -> bool:
    """The test account is one, and so on one of several servers: that of its domain, or else the first."""
    if not settings.SELFTEST_LOGIN or not backend.name:
        return bool(settings.SELFTEST_LOGIN)
    fits = mail_servers.fitting(settings.SELFTEST_LOGIN)
    return bool(fits) and fits[0] == backend


def _smtp_account(backend: Backend) -> tuple[str, str]:
    """Who signs in there to try it: the site's own login, else the test account; nobody where there is none."""
    if backend.outgoing_auth == "fixed":
        return backend.outgoing_login, backend.outgoing_password
    tried = backend.outgoing_auth == "user" and _is_tested(backend)
    return (settings.SELFTEST_LOGIN, settings.SELFTEST_PASSWORD) if tried else ("", "")


def _size(found: probe.Probe) -> Findings:
    """RFC 1870: without a number, or with 0, the server names no limit."""
    limit = found.values.get("SIZE", "")
    if limit.isdigit() and 0 < int(limit) < settings.MAX_MESSAGE_MB * limits.MEGABYTE:
        yield Finding(
            Level.WARNING,
            _("It accepts messages of at most %(limit).1f MB, but people may write larger ones (%(ours)d MB).")
            % {"limit": int(limit) / limits.MEGABYTE, "ours": settings.MAX_MESSAGE_MB},
            _("Lower MAX_MESSAGE_MB, or raise the server's limit."),
        )


def _smtp_sign_in(found: probe.Probe, login: str, backend: Backend) -> Findings:
    if "AUTH" not in found.values:
        yield Finding(
            Level.ERROR,
            _("The server accepts no sign-in on this connection."),
            _("Name its submission port (587 or 465) in SMTP_URL, or set SMTP_AUTH=none where it needs no sign-in."),
        )
    elif found.refusal and backend.outgoing_auth == "fixed":
        yield Finding(
            Level.ERROR,
            _("The portal's login is refused: %(words)s") % {"words": found.refusal[:120]},
            _("Correct SMTP_LOGIN and SMTP_PASSWORD."),
        )
    elif found.refusal:
        yield Finding(
            Level.ERROR,
            _("The test account is refused: %(words)s") % {"words": found.refusal[:120]},
            _("Correct SELFTEST_LOGIN and SELFTEST_PASSWORD. Whoever reads mail has to be able to send it."),
        )
    elif login:
        yield Finding(Level.OK, _("Signed in"))


def _reach(
    server: net.ServerUrl, ask: Callable[..., probe.Probe], ca_file: str | None, kind: str
) -> Generator[Finding, None, probe.Probe | None]:
    """Name, connection, certificate, greeting: the first step that fails is the last one told."""
    try:
        names = probe.addresses(server)
    except OSError:
        text = _("The name %(host)s cannot be resolved.") % {"host": server.host}
        yield Finding(Level.ERROR, text, _("Correct the host in %(kind)s_URL, or the name server.") % {"kind": kind})
        return None
    if server.host not in names:  # an address needs no name
        text = _("%(host)s is %(addresses)s") % {"host": server.host, "addresses": ", ".join(names[:4])}
        yield Finding(Level.OK, text)
    try:
        found = ask(server, ca_file=ca_file, allow_plain=settings.ALLOW_PLAINTEXT, seconds=SECONDS)
    except (OSError, probe.BadGreeting, probe.NoStartTls) as error:
        yield _unreachable(server, error, kind)
        return None
    yield Finding(Level.OK, _("It answers: %(greeting)s") % {"greeting": found.greeting[:120]})
    yield _certificate(found, server)
    return found


def _unreachable(server: net.ServerUrl, error: Exception, kind: str) -> Finding:
    where = {"host": server.host, "port": server.port, "kind": kind}
    if isinstance(error, ssl.SSLCertVerificationError):
        text = _("The server's certificate is refused: %(reason)s") % {"reason": error.verify_message}
        cure = _(
            "Renew it, use the name it was made for in %(kind)s_URL, or name its authority in %(kind)s_TLS_CA_FILE."
        )
    elif isinstance(error, ssl.SSLError):
        text = _("No TLS connection: %(reason)s") % {"reason": error.reason or error.__class__.__name__}
        cure = _("Is %(port)d the port for TLS? For STARTTLS, %(kind)s_URL has the scheme with +starttls.")
    elif isinstance(error, net.PlainTextRefused):
        text = _("The address is without TLS, and not on this machine.")
        cure = _("Use TLS in %(kind)s_URL, or allow plain text with ALLOW_PLAINTEXT=yes where the network is safe.")
    elif isinstance(error, probe.NoStartTls):
        text = _("The server does not offer STARTTLS.")
        cure = _("Use the port for TLS in %(kind)s_URL.")
    elif isinstance(error, probe.BadGreeting):
        text = _("Something else answers there: %(words)s") % {"words": str(error)[:120]}
        cure = _("Correct the port in %(kind)s_URL.")
    elif isinstance(error, TimeoutError):
        text = _("No answer from %(host)s, port %(port)d, in %(seconds)d seconds.") % {**where, "seconds": SECONDS}
        cure = _("Is the server running, and does the firewall let this machine in?")
    else:
        text = _("No connection to %(host)s, port %(port)d.") % where
        cure = _("Is the server running, and is the port in %(kind)s_URL right?")
    return Finding(Level.ERROR, text, cure % where)


def _certificate(found: probe.Probe, server: net.ServerUrl) -> Finding:
    if found.expires is None:
        if net.is_loopback(server.host):
            return Finding(Level.OK, _("Plain text, on this machine only"))
        cure = _("Switch to TLS as soon as the server can do it.")
        return Finding(Level.WARNING, _("Passwords cross the network in plain text."), cure)
    days = (found.expires - datetime.now(UTC)).days
    until = date_format(found.expires, "SHORT_DATE_FORMAT")
    values = {"tls": found.tls, "days": days, "date": until}
    text = ngettext(
        "%(tls)s, certificate valid for %(days)d more day, until %(date)s",
        "%(tls)s, certificate valid for %(days)d more days, until %(date)s",
        days,
    )
    if days < EXPIRES_SOON:
        return Finding(Level.WARNING, text % values, _("Renew the certificate."))
    return Finding(Level.OK, text % values)


def _capabilities(found: probe.Probe) -> Findings:
    """Before sign-in some servers tell only a part, so what is missing here is no fault yet."""
    here = [name for name in WANTED if name in found.capabilities]
    if here:
        yield Finding(Level.OK, _("It offers %(names)s") % {"names": ", ".join(here)})


def _limits() -> Finding:
    text = _("At most %(account)d connections for one account and %(server)d in all") % {
        "account": settings.IMAP_MAX_PER_ACCOUNT,
        "server": settings.IMAP_MAX_CONNECTIONS,
    }
    if settings.IMAP_MAX_PER_ACCOUNT >= DOVECOT_PER_ACCOUNT:
        cure = _(
            "Mail servers usually allow 10 for one account, and phones need some of them: lower IMAP_MAX_PER_ACCOUNT."
        )
        return Finding(Level.WARNING, text, cure)
    return Finding(Level.OK, text)


def _test_pop3(backend: Backend) -> Findings:
    """Sign in and count, where the site has named an account for it."""
    target = stores.account(backend, login=settings.SELFTEST_LOGIN, password=settings.SELFTEST_PASSWORD)
    try:
        with PopConnection(replace(target, connect_timeout=SECONDS, read_timeout=SIGN_IN_SECONDS)) as connection:
            count = len(connection.listing())
    except SignInRefused:
        cure = _("Correct SELFTEST_LOGIN and SELFTEST_PASSWORD.")
        yield Finding(Level.ERROR, _("The test account is refused."), cure)
    except MailError as error:
        yield _failed(error)
    else:
        text = ngettext("Signed in, %(count)d message", "Signed in, %(count)d messages", count)
        yield Finding(Level.OK, text % {"count": count})


def _test_account(backend: Backend) -> Findings:
    """Sign in, open the inbox and read one row, where the site has named an account for it."""
    target = stores.account(backend, login=settings.SELFTEST_LOGIN, password=settings.SELFTEST_PASSWORD)
    try:
        connection = Connection(replace(target, connect_timeout=SECONDS, read_timeout=SIGN_IN_SECONDS))
    except SignInRefused:
        cure = _("Correct SELFTEST_LOGIN and SELFTEST_PASSWORD.")
        yield Finding(Level.ERROR, _("The test account is refused."), cure)
        return
    except MailError as error:
        yield _failed(error)
        return
    try:
        page = ImapStore(connection, Memory()).page("INBOX", limit=1)
        missing = [name for name in WANTED if name not in connection.capabilities]
    except MailError as error:
        yield _failed(error)
        return
    finally:
        connection.logout()
    count = page.total
    text = ngettext(
        "Signed in, one row read of %(count)d message", "Signed in, one row read of %(count)d messages", count
    )
    yield Finding(Level.OK, text % {"count": count})
    if missing:
        names = {"names": ", ".join(missing)}
        cure = _("The portal works without, with more traffic. A newer version of the server may offer it.")
        yield Finding(Level.WARNING, _("It does not offer %(names)s") % names, cure)


def _failed(error: MailError) -> Finding:
    text = _("The test account cannot be opened: %(error)s") % {"error": error.server_text or str(error)}
    return Finding(Level.ERROR, text, _("The server's own log says more."))
