"""The servers of somebody's mail address: what its domain tells, or else what they are usually called.

Three ways, in this order: the settings file of the Thunderbird format at the domain itself, over HTTPS; SRV records
(RFC 6186, RFC 8314); the usual host names, where something answers that proves by its certificate to be that host.
Nobody else is asked: no list of providers elsewhere learns who reads mail where. Everything goes through
``portal.outward`` and ``other_accounts.reached``: no way leads into the inner network.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from urllib.parse import urljoin, urlsplit
from xml.etree import ElementTree

import dns.exception
import dns.resolver
from defusedxml.ElementTree import fromstring
from django.conf import settings
from django.utils.translation import gettext as _

from apps.mail import probe
from apps.mail.services import other_accounts
from portal import fanout, outward
from portal.net import BadServerUrl, ServerUrl

SECONDS = 8.0  # for the file and the records; as long again for guesses
EACH = 4.0
MOST = 64 * 1024  # octets of a file
MOST_REDIRECTS = 2
MOST_SERVERS = 10

_SCHEMES = {
    ("imap", "SSL"): "imaps",
    ("imap", "STARTTLS"): "imap+starttls",
    ("imap", "plain"): "imap",
    ("pop3", "SSL"): "pop3s",
    ("pop3", "STARTTLS"): "pop3+starttls",
    ("pop3", "plain"): "pop3",
    ("smtp", "SSL"): "smtps",
    ("smtp", "STARTTLS"): "smtp+starttls",
    ("smtp", "plain"): "smtp",
}
#: Services by the scheme they mean, the best first; whether TLS begins at once or by STARTTLS is the port's affair.
_RECORDS = {
    "_imaps": "imaps",
    "_imap": "imap+starttls",
    "_pop3s": "pop3s",
    "_submissions": "smtps",
    "_submission": "smtp+starttls",
}
_GUESSES = {
    "incoming": (("imaps", "imap", 993), ("imaps", "mail", 993), ("imap+starttls", "mail", 143), ("pop3s", "pop", 995)),
    "outgoing": (("smtps", "smtp", 465), ("smtp+starttls", "smtp", 587), ("smtps", "mail", 465)),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """Something that was looked at, and what it told, for people."""

    what: str
    result: str
    good: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """``login`` and its like may be "": then it is tried with the whole address, and with what stands before the @."""

    incoming: str = ""
    login: str = ""
    outgoing: str = ""
    outgoing_login: str = ""
    steps: tuple[Step, ...] = ()
    certain: bool = False  # the domain itself says so over a connection that proves it, or the hosts are its own


def look(email: str) -> Found:
    """Raises nothing: what was not found is "" and has its steps."""
    domain = _domain_of(email)
    if not domain:
        return Found(steps=(Step(what=email, result=_("This is no mail address.")),))
    calls: dict[str, Callable[[], Found]] = {url: partial(_from_file, url, email) for url in places(domain)}
    calls["srv"] = partial(_from_records, domain)
    answers = {each.id: each for each in fanout.collect(calls, budget=SECONDS, what="autoconfig")}
    steps: list[Step] = []
    for name in calls:
        value = answers[name].value
        if value is None:
            steps.append(Step(what=name if name != "srv" else _records_of(domain), result=_("No answer in time.")))
            continue
        steps += value.steps
        if value.incoming:
            return replace(value, steps=tuple(steps))
    guessed = _guess(domain)
    return replace(guessed, steps=(*steps, *guessed.steps))


def _domain_of(email: str) -> str:
    _local, at, domain = email.strip().rpartition("@")
    try:
        return domain.encode("idna").decode("ascii").lower() if at else ""
    except UnicodeError:
        return ""


def is_within(host: str, domain: str) -> bool:
    return host.lower() == domain or host.lower().endswith(f".{domain}")


# the file


def places(domain: str) -> list[str]:
    """Without the address of who asks: servers write down what they are asked for."""
    return [
        f"https://autoconfig.{domain}/mail/config-v1.1.xml",
        f"https://{domain}/.well-known/autoconfig/mail/config-v1.1.xml",
    ]


def _from_file(url: str, email: str) -> Found:
    try:
        answer = _fetched(url)
    except outward.Trouble:
        return Found(steps=(Step(what=url, result=_("Nothing there.")),))
    found = parsed(answer.body, email) if answer.status == 200 else Found()
    if not found.incoming:
        said = _("Nothing there.") if answer.status != 200 else _("No settings that this portal can use.")
        return Found(steps=(Step(what=url, result=said),))
    step = Step(what=url, result=_told(found), good=True)
    return replace(found, steps=(step,), certain=True)


def _fetched(url: str) -> outward.Answer:
    """Redirects are followed to addresses of the same kind: what began with HTTPS ends with it."""
    until = time.monotonic() + EACH
    for _number in range(MOST_REDIRECTS + 1):
        answer = outward.ask("GET", url, headers={"Accept": "text/xml, application/xml"}, most=MOST, until=until)
        if answer.status not in (301, 302, 303, 307, 308) or not (onward := answer.headers.get("Location")):
            return answer
        target = urljoin(url, onward)
        if urlsplit(target).scheme != urlsplit(url).scheme:
            raise outward.Trouble("plain")
        url = target
    raise outward.Trouble("broken")


def parsed(octets: bytes, email: str) -> Found:
    """The reading of a file of that format; empty for what is none. Entities are nobody's settings."""
    try:
        provider = fromstring(octets, forbid_dtd=True).find("emailProvider")
    except (ElementTree.ParseError, ValueError):
        return Found()
    if provider is None:
        return Found()
    incoming = _servers(provider, "incomingServer", ("imap", "pop3"), email)
    outgoing = _servers(provider, "outgoingServer", ("smtp",), email)
    if not incoming:
        return Found()
    first_out = outgoing[0] if outgoing else ("", "")
    return Found(incoming=incoming[0][0], login=incoming[0][1], outgoing=first_out[0], outgoing_login=first_out[1])


def _servers(provider: ElementTree.Element, tag: str, types: Sequence[str], email: str) -> list[tuple[str, str]]:
    """(address, login) of those that take a password, in the file's order, IMAP before POP3."""
    found: list[tuple[int, str, str]] = []
    for element in provider.findall(tag)[:MOST_SERVERS]:
        told = {child.tag: (child.text or "").strip() for child in element}
        ways = [(child.text or "").strip() for child in element.findall("authentication")]
        scheme = _SCHEMES.get((element.get("type", ""), told.get("socketType", "")))
        if scheme is None or element.get("type") not in types or (ways and not any("password" in way for way in ways)):
            continue
        url = f"{scheme}://{told.get('hostname', '')}:{told.get('port', '')}"
        if _is_usable(url):
            found.append((types.index(element.get("type", "")), url, _filled(told.get("username", ""), email)))
    return [(url, login) for _rank, url, login in sorted(found, key=lambda each: each[0])]


def _is_usable(url: str) -> bool:
    try:
        server = server_of(url)
    except BadServerUrl:
        return False
    return server.security != "plain" or settings.ALLOW_PLAINTEXT


def server_of(url: str) -> ServerUrl:
    """Raises ``BadServerUrl``."""
    return other_accounts.outgoing_server(url) if url.startswith("smtp") else other_accounts.incoming_server(url)


def _filled(username: str, email: str) -> str:
    local, _at, domain = email.rpartition("@")
    for name, value in (("%EMAILADDRESS%", email), ("%EMAILLOCALPART%", local), ("%EMAILDOMAIN%", domain)):
        username = username.replace(name, value)
    return "" if "%" in username else username[:254]


# records


def resolver() -> dns.resolver.Resolver:
    return dns.resolver.Resolver()


def _records_of(domain: str) -> str:
    return _("SRV records of %(domain)s") % {"domain": domain}


def _from_records(domain: str) -> Found:
    until = time.monotonic() + SECONDS - 1
    urls = dict(_asked(domain, until))
    incoming = next((urls[name] for name in ("_imaps", "_imap", "_pop3s") if name in urls), "")
    outgoing = next((urls[name] for name in ("_submissions", "_submission") if name in urls), "")
    if not incoming:
        return Found(steps=(Step(what=_records_of(domain), result=_("Nothing there.")),))
    found = Found(incoming=incoming, outgoing=outgoing)
    step = Step(what=_records_of(domain), result=_told(found), good=True)
    hosts = [server_of(url).host for url in (incoming, outgoing) if url]
    return replace(found, steps=(step,), certain=all(is_within(host, domain) for host in hosts))


def _asked(domain: str, until: float) -> Iterator[tuple[str, str]]:
    ask = resolver()
    for name, scheme in _RECORDS.items():
        left = until - time.monotonic()
        if left <= 0:
            return
        try:
            answer = ask.resolve(f"{name}._tcp.{domain}", "SRV", lifetime=min(2.0, left), search=False)
        except (dns.exception.DNSException, OSError):
            continue
        best = sorted(answer, key=lambda record: (record.priority, -record.weight))[:1]
        for record in best:
            host = str(record.target).rstrip(".").lower()  # "." says that there is no such service (RFC 2782)
            url = f"{scheme}://{host}:{record.port}"
            if host and _is_usable(url):
                yield name, url


# guesses


def _guess(domain: str) -> Found:
    calls = {
        f"{way} {number}": partial(_answers, f"{scheme}://{name}.{domain}:{port}")
        for way, guesses in _GUESSES.items()
        for number, (scheme, name, port) in enumerate(guesses)
    }
    answers = {each.id: each.value for each in fanout.collect(calls, budget=SECONDS, what="autoconfig guess")}
    found = {way: next((url for key in calls if key.startswith(way) and (url := answers[key])), "") for way in _GUESSES}
    what = _("Usual names such as imap.%(domain)s") % {"domain": domain}
    if not found["incoming"]:
        return Found(steps=(Step(what=what, result=_("Nothing there.")),))
    guessed = Found(incoming=found["incoming"], outgoing=found["outgoing"], certain=True)
    return replace(guessed, steps=(Step(what=what, result=_told(guessed), good=True),))


def _answers(url: str) -> str:
    """The address where a server of this kind is there, which no password is shown; else ""."""
    server = server_of(url)
    if other_accounts.refusal(server):
        return ""
    ask = {"imap": probe.imap, "smtp": probe.smtp, "pop3": probe.pop3}[server.scheme]
    try:
        addresses = other_accounts.reached(server)
        ca_file = other_accounts.ca_file_of(server)
        ask(server, ca_file=ca_file, allow_plain=False, seconds=EACH, addresses=addresses, and_system=True)
    except (OSError, probe.BadGreeting, probe.NoStartTls):
        return ""
    return url


def _told(found: Found) -> str:
    return ", ".join(filter(None, (found.incoming, found.outgoing)))
