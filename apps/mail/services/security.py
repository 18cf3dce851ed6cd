"""What speaks for a message and against it, line by line: what it says, what is known about that, and what to do.

Nothing is asked of the mail server: it is all in what the page has read. A line of ``Grade.WARNING`` is rare and says
that somebody should stop; one that is only worth knowing is a note.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, pgettext, pgettext_lazy

from apps.mail.mime import addresses, authentication, headers, lists, risky, trackers
from apps.mail.mime.authentication import Result, Verdict
from apps.mail.mime.risky import Risk
from apps.mail.models import own_address
from apps.mail.services import strangers
from apps.mail.services.reading import Opened
from apps.mail.services.strangers import Sender
from portal import lookalikes, mail_servers
from portal.contracts import Address, Text
from portal.http import PortalRequest

MOST_NAMED = 5  # links, trackers or files that a line names
OWN_ROLES = frozenset({"sent", "drafts"})  # folders of what the reader has written


class Grade(enum.StrEnum):
    FINE = "ok"
    PLAIN = ""
    NOTE = "note"
    WARNING = "bad"


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """``text``: a sentence; ``evidence``: what it was seen by, as it stands there; ``short``: for the summary."""

    kind: str
    grade: Grade
    label: Text
    text: str
    evidence: tuple[str, ...] = ()
    advice: str = ""
    short: str = ""

    @property
    def is_warning(self) -> bool:
        return self.grade == Grade.WARNING


@dataclass(frozen=True, slots=True)
class Panel:
    lines: tuple[Line, ...]
    known: Sender
    verdict: Verdict

    @property
    def head(self) -> Line:
        """The line that the summary shows: the first warning, else what is proved, else the first note."""
        for grade in (Grade.WARNING, Grade.FINE, Grade.NOTE):
            found = next((line for line in self.lines if line.grade == grade and line.short), None)
            if found is not None:
                return found
        return next(line for line in self.lines if line.short)

    @property
    def further(self) -> int:
        """How many warnings there are besides."""
        return max(0, sum(line.is_warning for line in self.lines) - 1)


def panel(request: PortalRequest, opened: Opened, *, role: str) -> Panel | None:
    """None for what the reader has written, and for a message that came inside another: of that one nobody knows how
    it came."""
    if opened.inside or role in OWN_ROLES:
        return None
    own = own_address(request.user)
    verdict = verdict_of(opened.detail.header)
    people = opened.envelope.from_
    first = people[0] if people else Address("")
    known = strangers.sender(request.user, own, first) if "@" in first.email else Sender()
    lines = [
        _who(opened, people),
        _checked(verdict, people, is_staff=request.user.is_staff),
        *(() if opened.delivery else _known(known, first)),
        *_answers(opened, people),
        *_links(opened),
        *_trackers(opened),
        *_files(opened),
    ]
    return Panel(tuple(lines), known, verdict)


def verdict_of(header: bytes) -> Verdict:
    """What the site's own servers say of a message with this raw header."""
    own = [*mail_servers.domains(), *(each.server.host for each in mail_servers.backends())]
    return authentication.read(header, trusted=settings.MAIL_AUTHSERV_IDS, own=own)


# --- who --------------------------------------------------------------------------------------------------------------


def _who(opened: Opened, people: Sequence[Address]) -> Line:
    label = pgettext("message header", "From")
    shown = addresses.format(people[:MOST_NAMED])
    if not people:
        text = _("The message does not say who has written it.")
        return Line(kind="who", grade=Grade.NOTE, label=label, text=text, short=_("No sender named"))
    if len(people) > 1 or len(opened.fields.all("From")) > 1:
        return Line(
            kind="who",
            grade=Grade.WARNING,
            label=label,
            text=_("The message names several senders. Programs disagree about which of them to show."),
            evidence=(shown,),
            advice=_("Ask one of them in another way whether the message is theirs."),
            short=_("Several senders"),
        )
    if reason := _tricks(opened, people[0]):
        return Line(
            kind="who",
            grade=Grade.WARNING,
            label=label,
            text=reason,
            evidence=(shown,),
            advice=_("Look at the address itself, letter by letter. If in doubt, ask in another way."),
            short=_("The sender’s name or address is disguised"),
        )
    sender = opened.envelope.sender
    by = sender and sender[0].email.casefold() != people[0].email.casefold()
    return Line(
        kind="who",
        grade=Grade.PLAIN,
        label=label,
        text=_("The message says that it is from %(who)s.") % {"who": shown},
        evidence=(_("Sent for them by %(who)s") % {"who": addresses.format(sender[:1])},) if by else (),
    )


def _tricks(opened: Opened, person: Address) -> str:
    raw = headers.decode(opened.fields.get("From"))
    if addresses.turns(raw):
        return _("The name holds hidden signs that turn or cut the writing.")
    if "\ufffd" in person.email or not addresses.is_valid(person.email):
        return _("The address is none that mail can be sent to.")
    local, _at, domain = person.email.rpartition("@")
    found = lookalikes.foreign_letters(f"{person.name} {local} {lookalikes.domain_of(f'@{domain}')}")
    if found:
        return _("Letters of another alphabet stand in for Latin ones: %(letters)s") % {"letters": " ".join(found)}
    return ""


def _known(known: Sender, person: Address) -> Iterator[Line]:
    label = pgettext_lazy("security panel", "Known")
    values = {"who": person.email}
    if known.sign is not None:
        yield Line(
            kind=known.sign.kind.value,
            grade=Grade.WARNING,
            label=pgettext_lazy("security panel", "Looks like"),
            text=known.sign.text,
            evidence=(person.email,),
            advice=_("Ask whoever it seems to be in another way, before you answer or do what it says."),
            short=_("May not be who it seems to be"),
        )
    if known.contact is not None:
        text = _("%(who)s is in your address books.") % values
    elif known.written_to:
        text = _("You have written to %(who)s before.") % values
    elif known.near:
        text = _("%(who)s is an address of your own organisation.") % values
    elif "@" not in person.email:
        return
    else:
        yield Line(
            kind="first",
            grade=Grade.NOTE,
            label=label,
            text=_("You have never written to %(who)s, and the address is in none of your address books.") % values,
            advice=_("With a first message, be slow to open files, follow links or send money."),
            short=_("First contact"),
        )
        return
    yield Line(kind="known", grade=Grade.PLAIN, label=label, text=text)


# --- what the servers say ---------------------------------------------------------------------------------------------

_VALUES: dict[str, Text] = {
    "pass": pgettext_lazy("result of a check", "passed"),
    "fail": pgettext_lazy("result of a check", "failed"),
    "hardfail": pgettext_lazy("result of a check", "failed"),
    "softfail": pgettext_lazy("result of a check", "probably failed"),
    "neutral": pgettext_lazy("result of a check", "nothing said"),
    "none": pgettext_lazy("result of a check", "nothing to check"),
    "policy": pgettext_lazy("result of a check", "not accepted"),
    "temperror": pgettext_lazy("result of a check", "could not be checked just then"),
    "permerror": pgettext_lazy("result of a check", "could not be checked"),
}
_METHODS: dict[str, Text] = {
    "spf": gettext_lazy("SPF, whether the server may send for %(domain)s: %(result)s"),
    "dkim": gettext_lazy("DKIM, a signature of %(domain)s: %(result)s"),
    "dmarc": gettext_lazy("DMARC, the rules of %(domain)s: %(result)s"),
}


def _checked(verdict: Verdict, people: Sequence[Address], *, is_staff: bool) -> Line:
    label = pgettext("security panel", "Checks")
    domain = lookalikes.domain_of(people[0].email) if people and "@" in people[0].email else ""
    if not verdict.server:
        return _unchecked(verdict, label, is_staff=is_staff)
    values = {"server": verdict.server, "domain": domain}
    told = tuple(_said(verdict.results))
    if verdict.forwarder:
        told += (_("%(server)s had forwarded the message, and found before that:") % {"server": verdict.forwarder},)
        told += tuple(_said(verdict.before))
    if len(people) == 1 and verdict.vouches_for(domain):
        text = _("%(server)s has checked it: the message is really from %(domain)s.") % values
        short = _("Really from %(domain)s") % values
        return Line(kind="checked", grade=Grade.FINE, label=label, text=text, evidence=told, short=short)
    if verdict.fails:
        return Line(
            kind="checked",
            grade=Grade.WARNING,
            label=label,
            text=_("%(server)s has checked it: by the rules of %(domain)s the message is not from there.") % values,
            evidence=told,
            advice=_("Trust nothing in it that you cannot find out in another way."),
            short=_("Not from %(domain)s, by its own rules") % values,
        )
    return Line(
        kind="checked",
        grade=Grade.NOTE,
        label=label,
        text=_("%(server)s has found no proof that the message is from %(domain)s.") % values
        if domain
        else _("%(server)s has found no proof of who has written.") % values,
        evidence=told,
        advice=_("Many honest senders have none. Be careful when it asks for something."),
        short=_("Sender not proved"),
    )


def _unchecked(verdict: Verdict, label: Text, *, is_staff: bool) -> Line:
    foreign = tuple(_("Not believed: what %(server)s says") % {"server": name} for name in verdict.foreign[:3])
    if settings.MAIL_AUTHSERV_IDS:
        text, advice = _("None of this site’s mail servers says whether the sender is real."), ""
    else:
        text = _("Nobody has checked whether the sender is real: this site names no mail server to be believed.")
        advice = _("Set MAIL_AUTHSERV_IDS; the self-test says how.") if is_staff else ""
    return Line(
        kind="checked",
        grade=Grade.PLAIN,
        label=label,
        text=text,
        evidence=foreign,
        advice=advice,
        short=_("Sender not checked"),
    )


def _said(results: Sequence[Result]) -> Iterator[str]:
    for result in results:
        if result.method in _METHODS:
            values = {"domain": result.domain or "?", "result": _VALUES[result.value]}
            yield str(_METHODS[result.method]) % values


# --- what it wants ----------------------------------------------------------------------------------------------------


def _answers(opened: Opened, people: Sequence[Address]) -> Iterator[Line]:
    """Reply-To at another domain. A list that takes answers itself does what lists do."""
    if not people:
        return
    domains = {lookalikes.domain_of(person.email) for person in people}
    elsewhere = [each for each in opened.envelope.reply_to if lookalikes.domain_of(each.email) not in domains]
    if not elsewhere:
        return
    posts = {addresses.clean_email(each.partition(":")[2].partition("?")[0]).casefold() for each in _posts(opened)}
    to_list = all(each.email.casefold() in posts for each in elsewhere)
    yield Line(
        kind="reply-to",
        grade=Grade.PLAIN if to_list else Grade.NOTE,
        label=pgettext("security panel", "Answers"),
        text=_("Answers go to the mailing list.") if to_list else _("Answers go to another domain than the sender’s."),
        evidence=(addresses.format(elsewhere[:MOST_NAMED]),),
        advice="" if to_list else _("Look at the address before you send an answer."),
        short=_("Answers go elsewhere"),
    )


def _posts(opened: Opened) -> list[str]:
    return [each for each in lists.addresses_of(opened.fields, "List-Post") if each.startswith("mailto:")]


def _links(opened: Opened) -> Iterator[Line]:
    if not (found := opened.mismatches):
        return
    counted = all(trackers.of(f"https://{each.host}/") is not None for each in found)
    text = ngettext(
        "%(count)d link shows one address and leads to another.",
        "%(count)d links show one address and lead to another.",
        len(found),
    )
    yield Line(
        kind="links",
        grade=Grade.NOTE if counted else Grade.WARNING,
        label=pgettext("security panel", "Links"),
        text=text % {"count": len(found)},
        evidence=tuple(f"{each.shown} → {each.host}" for each in found[:MOST_NAMED]),
        advice=_("They lead over a service that counts clicks.")
        if counted
        else _("Do not sign in anywhere by such a link: type the address you know."),
        short=_("Links lead elsewhere"),
    )


def _trackers(opened: Opened) -> Iterator[Line]:
    if not (found := opened.trackers):
        return
    names = list(dict.fromkeys(name or host for name, host in found))
    text = ngettext(
        "%(names)s would learn that you have opened the message, and when.",
        "%(names)s would learn that you have opened the message, and when.",
        len(names),
    )
    yield Line(
        kind="trackers",
        grade=Grade.PLAIN,
        label=pgettext("security panel", "Trackers"),
        text=text % {"names": ", ".join(names[:MOST_NAMED])},
        evidence=tuple(host for _name, host in found[:MOST_NAMED]),
        advice=_("Nobody is told anything while the images are blocked."),
        short=_("Tracked"),
    )


_RISKS: dict[Risk, Text] = {
    Risk.DISGUISED: gettext_lazy("%(name)s is a program, and named to look like something else."),
    Risk.PROGRAM: gettext_lazy("%(name)s is a program: opened, it can do anything on your computer."),
    Risk.MACROS: gettext_lazy("%(name)s can hold small programs (macros)."),
    Risk.IMAGE: gettext_lazy("%(name)s is a disk image: what is in it is not checked as other files are."),
    Risk.PAGE: gettext_lazy("%(name)s opens as a web page. What asks for a password there is not who it seems to be."),
    Risk.PACKED: gettext_lazy("%(name)s is an archive, and named for a program that is in it."),
}
_HARMFUL = (Risk.DISGUISED, Risk.PROGRAM, Risk.PACKED, Risk.IMAGE)


def _files(opened: Opened) -> Iterator[Line]:
    found = [(file.name, risk) for file in opened.attachments if (risk := risky.of(file.part.filename)) is not None]
    if not found:
        return
    found.sort(key=lambda each: each[1] not in _HARMFUL)
    harmful = found[0][1] in _HARMFUL
    name, risk = found[0]
    others = [str(_RISKS[risk]) % {"name": name} for name, risk in found[1:MOST_NAMED]]
    yield Line(
        kind="files",
        grade=Grade.WARNING if harmful else Grade.NOTE,
        label=pgettext("security panel", "Files"),
        text=str(_RISKS[risk]) % {"name": name},
        evidence=tuple(others),
        advice=_("Open it only if you have asked for it, and know from whom it is."),
        short=_("A dangerous file") if harmful else _("A file to be careful with"),
    )
