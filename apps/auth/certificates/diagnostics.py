"""The self-test's look at certificates: what ends soon, while there is time to do something about it."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from datetime import datetime, timedelta

from cryptography import x509
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from apps.auth.certificates import store
from apps.auth.certificates.models import IssuedCertificate
from apps.auth.certificates.store import AuthorityError
from portal.contracts import Finding, Level

COMMAND = ".venv/bin/python manage.py ca"
ROOT_EARLY, ISSUED_EARLY, CRL_EARLY = timedelta(days=365), timedelta(days=30), timedelta(days=7)


def certificates() -> Iterator[Finding]:
    """The authority, what it has issued, and its revocation list."""
    if not store.exists():
        yield Finding(Level.OK, _("This site has no authority of its own"))
        return
    try:
        end = store.root().not_valid_after_utc
    except AuthorityError:
        yield Finding(
            Level.ERROR,
            _("%(path)s is no certificate.") % {"path": store.root_file()},
            _("Put it back from where you keep what is in no backup."),
        )
        return
    found = [*_root(end), *_readable_by_others(), *_servers(), *_people(), *_revocations()]
    yield from found or [Finding(Level.OK, _("The authority holds until %(date)s") % {"date": _date(end)})]


def _root(end: datetime) -> Iterator[Finding]:
    if end - timezone.now() < ROOT_EARLY:
        yield Finding(
            Level.ERROR if end < timezone.now() else Level.WARNING,
            _("The authority ends on %(date)s, and with it all that it has issued.") % {"date": _date(end)},
            _("Move its folder away, make a new one, and issue and install everything anew."),
            f"mv {store.folder()} {store.folder()}-old && {COMMAND} init",
        )


def _readable_by_others() -> Iterator[Finding]:
    for path in sorted(store.folder().rglob("*.key")):
        if path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            yield Finding(
                Level.ERROR,
                _("%(path)s holds keys, and others on this machine may read it.") % {"path": path},
                _("Make it readable for the portal's own user only."),
                f"chmod 600 {path}",
            )


def _servers() -> Iterator[Finding]:
    for row in _ending(IssuedCertificate.Kind.SERVER):
        over = row.expires < timezone.now()
        yield Finding(
            Level.ERROR if over else Level.WARNING,
            _("The certificate of %(name)s ends on %(date)s.") % {"name": row.subject, "date": _date(row.expires)},
            _("Issue a new one, and let the server load it. That of make run TLS=1 is renewed when it starts."),
            f"{COMMAND} server {row.subject}",
        )


def _people() -> Iterator[Finding]:
    rows = [row for row in _ending(IssuedCertificate.Kind.CLIENT) if row.expires > timezone.now()]
    if rows:
        text = ngettext(
            "The certificate of %(count)d person ends within %(days)d days, first %(name)s.",
            "The certificates of %(count)d people end within %(days)d days, first %(name)s.",
            len(rows),
        )
        yield Finding(
            Level.WARNING,
            text % {"count": len(rows), "days": ISSUED_EARLY.days, "name": rows[0].subject},
            _("They make new ones under Preferences > Certificates, or you do in the administration pages."),
        )


def _ending(kind: str) -> list[IssuedCertificate]:
    """The newest of each name, as far as it is over soon: those before it have been replaced."""
    newest: dict[tuple[str, int | None], IssuedCertificate] = {}
    for row in IssuedCertificate.objects.filter(kind=kind, revoked=None).order_by("expires"):
        newest[row.subject, row.user_id] = row
    soon = timezone.now() + ISSUED_EARLY
    return sorted((row for row in newest.values() if row.expires < soon), key=lambda row: row.expires)


def _revocations() -> Iterator[Finding]:
    try:
        end = x509.load_pem_x509_crl(store.crl_file().read_bytes()).next_update_utc
    except (OSError, ValueError):
        end = None
    if end is not None and end - timezone.now() > CRL_EARLY:
        return
    if end is None:
        text = _("There is no list of revoked certificates.")
    else:
        text = _("The list of revoked certificates holds until %(date)s.") % {"date": _date(end)}
    yield Finding(
        Level.WARNING if end is not None and end > timezone.now() else Level.ERROR,
        text,
        _("A web server that reads it refuses every certificate then. The worker renews it each day; do it now:"),
        f"{COMMAND} crl",
    )


def _date(moment: datetime) -> str:
    return date_format(timezone.localtime(moment), "DATE_FORMAT")
