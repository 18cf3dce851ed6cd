"""The self-test's check of the directory."""

from __future__ import annotations

from collections.abc import Iterator

from django.utils.translation import gettext as _

from apps.auth.ldap import groups
from apps.auth.ldap.backend import site_directory
from apps.auth.ldap.directory import Session
from portal.contracts import Finding, Level
from portal.ldap.connection import Unavailable

SECONDS = 5.0


def ldap() -> Iterator[Finding]:
    """Connection, certificate, the portal's own sign-in, and whether anybody is found."""
    try:
        with site_directory(read_timeout=SECONDS, patience=SECONDS).open() as session:
            yield Finding(Level.OK, _("It answers, and the portal may ask it."))
            found = session.anybody()
            yield from _groups(session)
    except Unavailable as error:
        text = (_("No safe connection: %(reason)s") if error.unsafe else _("It cannot be asked: %(reason)s")) % {
            "reason": error
        }
        cure = (
            _("Use the name that its certificate was made for in LDAP_URL, or name its authority in LDAP_TLS_CA_FILE.")
            if error.unsafe
            else _("Is the server running, and are LDAP_URL, LDAP_BASE, LDAP_BIND_DN and LDAP_BIND_PASSWORD right?")
        )
        yield Finding(Level.ERROR, text, cure)
        return
    if found:
        yield Finding(Level.OK, _("People are found there."))
    else:
        yield Finding(Level.ERROR, _("Nobody is found there."), _("Correct LDAP_BASE and LDAP_USER_FILTER."))


def _groups(session: Session) -> Iterator[Finding]:
    """Raises ``Unavailable``."""
    if not groups.wanted():
        return
    if not groups.any_there(session):
        yield Finding(Level.ERROR, _("No group is found there."), _("Correct LDAP_GROUP_BASE and LDAP_GROUP_FILTER."))
        return
    yield Finding(Level.OK, _("Groups are found there."))
    for name in groups.untied(session)[:10]:
        yield Finding(
            Level.WARNING,
            _("The group %(name)s is one of the directory and one of the portal, and nobody comes from there.")
            % {"name": name},
            _("Tie the two in the administration, under Groups from the directory, or give one another name."),
        )
