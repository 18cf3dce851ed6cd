"""The submission server of the demo: sign-in required; what is sent to a demo account arrives in its INBOX."""

import asyncio
import logging
from datetime import UTC, datetime
from email.utils import format_datetime

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from demo.accounts import ACCOUNTS, DOMAIN, account_of, account_of_login, address_of, password_matches
from demo.bounce import bounce
from demo.content.people import PEOPLE
from demo.mailboxes import MailStorage

log = logging.getLogger("demo.smtp")
COLLEAGUES = {person.mail for person in PEOPLE.values()}  # they exist, but only on paper: their mail bounces
SIZE_LIMIT = 35 * 1024 * 1024


class Delivery:
    """aiosmtpd's handler: refuses unknown local recipients at once, answers for the outside world with a bounce."""

    def __init__(self, store: MailStorage) -> None:
        self._store = store

    async def handle_MAIL(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, mail_options: list[str]
    ) -> str:
        if not session.authenticated:
            return "530 5.7.0 Authentication required"
        if account_of(address) is None or account_of(address) != session.auth_data:
            return f"553 5.7.1 <{address}>: Sender address rejected: not owned by {session.auth_data}"
        envelope.mail_from = address
        envelope.mail_options.extend(mail_options)
        return "250 2.1.0 Ok"

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, rcpt_options: list[str]
    ) -> str:
        local = address.lower().endswith(f"@{DOMAIN}")
        if local and account_of(address) is None and address.lower() not in COLLEAGUES:
            return f"550 5.1.1 <{address}>: Recipient address rejected: no such person at {DOMAIN}"
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(rcpt_options)
        return "250 2.1.5 Ok"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        now = datetime.now(UTC)
        content = envelope.content
        assert isinstance(content, bytes) and envelope.mail_from is not None
        trace = f"Received: from yurt by mail.{DOMAIN} with ESMTPA; {format_datetime(now)}\r\n"
        message = f"Return-Path: <{envelope.mail_from}>\r\n{trace}".encode() + content
        sender = str(session.auth_data)
        for address in envelope.rcpt_tos:
            owner = account_of(address)
            if owner is not None:
                await self._store.deliver(owner, message)
                continue
            explanation = f"The demo mail server reaches only {', '.join(map(address_of, ACCOUNTS))}"
            notice = bounce(
                content,
                to=address_of(sender),
                recipient=address,
                status="5.4.4",
                explanation=explanation,
                when=now,
            )
            await self._store.deliver(sender, notice)
        log.info("accepted a message for %d recipients", len(envelope.rcpt_tos))
        return "250 2.0.0 Ok: delivered"


def _authenticate(server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: object) -> AuthResult:
    if not isinstance(data, LoginPassword):
        return AuthResult(success=False, handled=False)
    login, password = data.login.decode(errors="replace"), data.password.decode(errors="replace")
    if not password_matches(login, password):
        return AuthResult(success=False, handled=False)
    return AuthResult(success=True, auth_data=account_of_login(login))


def protocol(store: MailStorage, loop: asyncio.AbstractEventLoop) -> SMTP:
    """One connection's protocol object, for `loop.create_server`."""
    return SMTP(
        Delivery(store),
        data_size_limit=SIZE_LIMIT,
        enable_SMTPUTF8=True,
        hostname=f"mail.{DOMAIN}",
        ident="Yurt demo",
        auth_require_tls=False,  # loopback only; that sign-in is required is said in handle_MAIL
        authenticator=_authenticate,
        loop=loop,
    )
