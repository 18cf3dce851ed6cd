"""The self-test's check of the directories: whether each answers, whom it shows, and which index it lacks."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Iterator

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from apps.directory.lookup import words
from apps.directory.lookup.client import Client, NobodyAsks
from apps.directory.services import directories, outlines
from portal.contracts import Finding, Level
from portal.ldap import filters, names
from portal.ldap.connection import Unavailable
from portal.ldap.session import Session
from portal.ldap.sources import Source

SECONDS = 8.0  # of ten that a check has
FEW = 1000  # people: among so few a look at all of them takes no time
MOST_LOOKS = 400_000  # at an entry, in one question without an index
SLOW = 2.5  # times as long as the same question by what is indexed everywhere, and
NOTICEABLE = 0.03  # seconds


def check() -> Iterator[Finding]:
    for client in directories.clients().values():
        yield from _one(client)


def _one(client: Client) -> Iterator[Finding]:
    name = client.source.name
    values = {"directory": name, "host": client.server.host}
    try:
        started = time.monotonic()
        count = client.ask(lambda session: _count(session, client.source), seconds=SECONDS)
        milliseconds = round((time.monotonic() - started) * 1000)
    except NobodyAsks:
        text = _("%(directory)s is asked with people's own passwords: nothing can be tried here.")
        yield Finding(Level.OK, text % values)
        return
    except Unavailable as error:
        yield _unavailable(name, error)
        return
    safe = {"tls": "TLS", "starttls": "StartTLS"}.get(client.server.security, _("no encryption"))
    text = _("%(directory)s: %(host)s answers in %(ms)d ms (%(safe)s).")
    yield Finding(Level.OK, text % {**values, "ms": milliseconds, "safe": safe})
    if not count:
        setting = f"DIRECTORY_{name.upper()}_"
        cure = _("Correct %(base)s and %(filter)s.") % {"base": f"{setting}BASE", "filter": f"{setting}FILTER"}
        yield Finding(Level.ERROR, _("%(directory)s: nobody is found.") % values, cure)
        return
    known = outlines.current(client, wait=SECONDS / 2)
    total = len(known.people) if known else count
    if known or count < FEW:
        text = ngettext("%(n)d person is shown.", "%(n)d people are shown.", total)
    else:
        text = ngettext("%(n)d person and more are shown.", "%(n)d people and more are shown.", total)
    yield Finding(Level.OK, text % {"n": total})
    try:
        missing = client.ask(lambda session: lacking(session, client.source, total), seconds=SECONDS)
    except Unavailable:
        yield Finding(
            Level.WARNING,
            _("%(directory)s takes too long for the questions of a search.") % values,
            _("Give it indexes on what is searched: names, mail, title, telephone, room and department."),
        )
        return
    yield from _about_indexes(client.source, missing)


def _about_indexes(source: Source, missing: dict[str, str]) -> Iterator[Finding]:
    if not missing:
        yield Finding(Level.OK, _("What is searched is indexed, or is found as fast."))
        return
    lines = "".join(f"add: olcDbIndex\nolcDbIndex: {name} {kinds}\n-\n" for name, kinds in missing.items())
    where = "dn: olcDatabase={1}mdb,cn=config\nchangetype: modify\n"
    yield Finding(
        Level.WARNING,
        ngettext("There is no index for %(names)s.", "There are no indexes for %(names)s.", len(missing))
        % {"names": ", ".join(missing)},
        _("Every search looks at all entries until there is. In OpenLDAP they are built while it runs:"),
        f"ldapmodify -Y EXTERNAL -H ldapi:/// <<'END'\n{where}{lines}END",
    )


def _unavailable(name: str, error: Unavailable) -> Finding:
    prefix = "LDAP_" if name == "ldap" else f"DIRECTORY_{name.upper()}_"
    names = {"url": f"{prefix}URL", "ca": f"{prefix}TLS_CA_FILE", "dn": f"{prefix}BIND_DN", "base": f"{prefix}BASE"}
    values = {"directory": name, "reason": str(error)}
    if error.unsafe:
        cure = _("Use the name that its certificate was made for in %(url)s, or name its authority in %(ca)s.") % names
        return Finding(Level.ERROR, _("%(directory)s: no safe connection: %(reason)s") % values, cure)
    if error.refused:
        cure = _("Correct %(dn)s and its password.") % names
    else:
        cure = _("Is the server running, and are %(url)s and %(base)s right?") % names
    return Finding(Level.ERROR, _("%(directory)s cannot be asked: %(reason)s") % values, cure)


def _count(session: Session, source: Source) -> int:
    """As far as ``FEW``."""
    return sum(1 for _entry in session.search(source.base, source.person_filter, most=FEW))


# --- indexes ----------------------------------------------------------------------------------------------------------


def lacking(session: Session, source: Source, people: int) -> dict[str, str]:
    """Attributes that are searched and have no index, with the kinds that they need. As the server's own settings say
    it where they may be read (slapd-config(5)), else by the time that a question takes which finds nobody."""
    wanted = _wanted(source)
    told = _told(session, source)
    if told is not None:
        has = {name: told.get(name.lower(), set()) for name in wanted}
        return {name: kinds for name, kinds in wanted.items() if not set(kinds.split(",")) <= has[name]}
    if people < FEW or source.preset.anr:  # Active Directory has those it needs, and resolves names itself
        return {}
    nowhere = [f"qz{number:02}" for number in range(max(5, min(100, MOST_LOOKS // people)))]
    until = time.monotonic() + SECONDS / 2
    found = {}
    for name, kinds in wanted.items():
        if time.monotonic() > until:
            break  # what has been found is enough to begin with
        if _is_slow(session, source, name, kinds, nowhere):
            found[name] = kinds
    return found


def _wanted(source: Source) -> dict[str, str]:
    searched = words.attributes(source, (*words.NAMES, *words.OTHERS))
    exactly = [name for field in ("login", "key", "manager") for name in source.attributes.get(field, ())[:1]]
    return dict.fromkeys(exactly, "eq") | dict.fromkeys(searched, "eq,sub")


def _is_slow(session: Session, source: Source, name: str, kinds: str, nowhere: list[str]) -> bool:
    """Many words that nobody has in one question: with an index there is nothing to look at, without one everybody is
    looked at for each. The best of five counts, beside the best of a question that is quick: whatever else a machine
    does only makes both longer."""
    if "sub" in kinds:
        which = filters.either(filters.contains(name, each) for each in nowhere)
    elif name.lower() == "entryuuid":  # takes only what is one, and other attributes only names
        ids = (f"00000000-0000-4000-8000-{number:012}" for number in range(len(nowhere)))
        which = filters.either(filters.equals(name, each) for each in ids)
    else:
        which = filters.either(filters.equals(name, f"cn={each},{source.base}") for each in nowhere)
    indexed = filters.either(filters.equals("objectClass", each) for each in nowhere)  # it always is
    quick = min(_seconds(session, source, indexed) for _time in range(3))
    took = float("inf")
    for _time in range(5):
        took = min(took, _seconds(session, source, which))
        if took < max(quick * SLOW, NOTICEABLE):
            return False
    return True


def _seconds(session: Session, source: Source, which: str) -> float:
    started = time.monotonic()
    for _entry in session.search(source.base, which, most=1):
        pass
    return time.monotonic() - started


def _told(session: Session, source: Source) -> dict[str, set[str]] | None:
    """Indexes by attribute in lower case, None where the settings are not to be seen. ``index cn eq`` and a line with
    no kinds, which has the default ones."""
    try:
        entries = list(session.search("cn=config", filters.present("olcDbIndex"), ("olcDbIndex", "olcSuffix"), most=20))
    except Unavailable:
        return None
    here = [entry for entry in entries if any(_holds(suffix, source.base) for suffix in entry.texts("olcSuffix"))]
    return indexes(line for entry in here for line in entry.texts("olcDbIndex")) if here else None


def indexes(lines: Iterable[str]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    default: set[str] = set()
    for line in lines:
        names, _blank, kinds = re.sub(r"^\{\d+\}", "", line).strip().partition(" ")
        given = {_KINDS.get(kind.strip(), kind.strip()) for kind in kinds.split(",") if kind.strip()}
        for name in names.lower().split(","):
            if name == "default":
                default = given
            else:
                found.setdefault(name, set()).update(given or default)
    return found


_KINDS = {"subany": "sub", "subinitial": "sub-initial", "subfinal": "sub-final", "substr": "sub"}


def _holds(suffix: str, base: str) -> bool:
    return names.below(base, suffix) is not None
