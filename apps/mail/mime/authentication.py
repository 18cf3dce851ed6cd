"""What mail servers on the way have found out about a message (RFC 8601), told by those servers alone that are trusted.

Anybody can write such a field into a message. So three things have to hold: the field names a server of the site
(authserv-id); it stands where the site's own servers have written, above the first Received of somebody else's; and it
is the uppermost one of that server, since what came with the message is always further down. The raw header is read
here and not ``headers.Header``: a name with a blank behind it, or an encoded word for a server, is a trick.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field

from apps.mail.mime.charset import decode as decode_octets

MAX_FIELD = 64 * 1024  # octets of one field that are read
MOST_FIELDS = 300  # trace fields that are looked at
MOST_RESULTS = 100  # of one field

#: Methods that are told; others have no meaning here.
METHODS = ("spf", "dkim", "dmarc", "arc")
VALUES = ("pass", "fail", "softfail", "neutral", "none", "policy", "hardfail", "temperror", "permerror")

_FIELD = re.compile(
    rb"^(received|authentication-results|arc-authentication-results|arc-seal|dkim-signature):"
    rb"([^\r\n]*(?:\r?\n[ \t][^\r\n]*)*)",
    re.IGNORECASE | re.MULTILINE,
)
_BY = re.compile(rb"(?:^|\s)by\s+([^\s;()]+)", re.IGNORECASE)
_TAG = re.compile(rb"(?:^|;)\s*([A-Za-z]+)\s*=([^;]*)")
_PROPERTY = re.compile(r'([A-Za-z][\w-]*)\s*\.\s*([\w-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s";]+))')
_RUN = re.compile(r'[^()"\\;]+')  # of what means nothing by itself
_RESULT = re.compile(r"\s*([A-Za-z][\w-]*)(?:\s*/\s*\d+)?\s*=\s*([A-Za-z]+)")
_REASON = re.compile(r'\breason\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s";]+))', re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Result:
    """One finding: ``dkim=pass header.d=example.test``. Everything in lower case but ``reason``."""

    method: str
    value: str
    properties: tuple[tuple[str, str], ...] = ()
    reason: str = ""

    def get(self, name: str) -> str:
        return next((value for key, value in self.properties if key == name), "")

    @property
    def domain(self) -> str:
        """The domain that it speaks of."""
        names = {
            "spf": ("smtp.mailfrom", "smtp.from", "smtp.helo"),
            "dkim": ("header.d", "header.i", "header.from"),
            "dmarc": ("header.from",),
            "arc": (),
        }
        found = next((value for name in names.get(self.method, ()) if (value := self.get(name))), "")
        return ascii_domain(found.rpartition("@")[2].split(" ")[0].strip("<>"))


@dataclass(frozen=True, slots=True)
class Verdict:
    """What trusted servers say. ``foreign``: servers that say something and are not trusted, or not here."""

    server: str = ""  # the authserv-id, as written; "" where no trusted server says anything
    results: tuple[Result, ...] = ()
    foreign: tuple[str, ...] = ()
    forwarder: str = ""  # who has sealed the chain (RFC 8617), where a trusted server vouches for one that is trusted
    before: tuple[Result, ...] = field(default=())  # what that one found out when it got the message

    def of(self, method: str) -> tuple[Result, ...]:
        return tuple(result for result in self.results if result.method == method)

    def vouches_for(self, domain: str) -> bool:
        """Whether it is proved that the message is from this domain: by DMARC (RFC 7489), else by a signature or an
        envelope of the domain itself or one above it. (Whose a domain below it is, only DMARC's rules can tell.)"""
        domain = ascii_domain(domain)
        if not domain:
            return False
        if dmarc := self.of("dmarc"):
            if any(each.value == "pass" and each.domain in ("", domain) for each in dmarc):
                return True
            if any(each.value in ("fail", "hardfail", "policy") for each in dmarc):
                return False
        proofs = (each.domain for each in (*self.of("dkim"), *self.of("spf")) if each.value == "pass")
        return any(_covers(proof, domain) for proof in proofs)

    @property
    def fails(self) -> bool:
        """The owner of the domain says how to tell its mail, and this is not."""
        return any(each.value in ("fail", "hardfail") for each in self.of("dmarc"))


def ascii_domain(domain: str) -> str:
    """As it travels: lower case, other scripts as ``xn--``; "" for what is no domain."""
    domain = domain.strip().rstrip(".").lower()
    try:
        domain = domain if domain.isascii() else domain.encode("idna").decode("ascii")
    except UnicodeError:
        return ""
    return domain if re.fullmatch(r"[a-z0-9_.-]{1,253}", domain) else ""


def _covers(proof: str, domain: str) -> bool:
    return bool(proof) and (proof == domain or ("." in proof and domain.endswith(f".{proof}")))


@dataclass(frozen=True, slots=True)
class _Field:
    name: str  # lower case
    value: bytes  # unfolded
    hop: int  # how many Received stand above it


def read(header: bytes, *, trusted: Collection[str], own: Collection[str] = ()) -> Verdict:
    """What is found in a raw header block. ``trusted``: authserv-ids; ``own``: further domains of the site, whose
    Received lines are not somebody else's. Time grows with the length of the header, no more."""
    ids = {known for name in trusted if (known := ascii_domain(name))}
    domains = {_domain_of(name) for name in ids} | {name for each in own if (name := ascii_domain(each))}
    fields, end = _trace(header, domains)
    mine: list[tuple[_Field, str, list[Result]]] = []
    foreign: dict[str, None] = {}
    for each in fields:
        if each.name != "authentication-results":
            continue
        server, results = _results(each.value)
        if server and ascii_domain(server) in ids and each.hop <= end:
            mine.append((each, server, results))
        elif server:
            foreign[server[:100]] = None
    verdict = _uppermost(mine, fields, domains)
    verdict = Verdict(verdict.server, verdict.results, tuple(foreign)[:5])
    return _with_chain(verdict, fields, ids)


def uppermost(header: bytes) -> str:
    """The server whose field stands highest, which is not to say that it is to be trusted; "" for none."""
    for match in _FIELD.finditer(header):
        if match[1].lower() == b"authentication-results":
            return _results(re.sub(rb"\r?\n(?=[ \t])", b"", match[2][:MAX_FIELD]))[0]
    return ""


def _trace(header: bytes, domains: Collection[str]) -> tuple[list[_Field], int]:
    """The fields that matter, and below how many Received lines the site's own part ends."""
    fields: list[_Field] = []
    hop, end = 0, MOST_FIELDS
    for match in _FIELD.finditer(header):
        name = match[1].decode("ascii").lower()
        value = re.sub(rb"\r?\n(?=[ \t])", b"", match[2][:MAX_FIELD])
        if name == "received":
            if end == MOST_FIELDS and not _is_own(value, domains):
                end = hop
            hop += 1
        fields.append(_Field(name, value, hop))
        if len(fields) >= MOST_FIELDS:
            break
    return fields, end


def _is_own(received: bytes, domains: Collection[str]) -> bool:
    """Whether a server of the site wrote this Received. A name without a domain, or none, tells nothing against it."""
    match = _BY.search(_without_comments(received.decode("latin-1")).encode("latin-1"))
    name = ascii_domain(match[1].decode("latin-1")) if match else ""
    if "." not in name or name.replace(".", "").isdigit():
        return True
    return any(name == domain or name.endswith(f".{domain}") for domain in domains)


def _domain_of(server: str) -> str:
    """The domain in which a server's neighbours are: ``example.test`` of ``mx.example.test``."""
    rest = server.partition(".")[2]
    labels = rest.split(".")
    return rest if len(labels) > 1 and any(len(label) > 3 for label in labels) else server


def _uppermost(
    mine: Sequence[tuple[_Field, str, list[Result]]], fields: Sequence[_Field], domains: Collection[str]
) -> Verdict:
    """The uppermost field counts. Others of the same server count beside it where a further Received of the site stands
    below them, and of each method the uppermost: some servers write one field for each method."""
    if not mine:
        return Verdict()
    first, server, results = mine[0]
    below = next((each.value for each in fields if each.name == "received" and each.hop == first.hop + 1), None)
    found = list(results)
    if below is not None and _is_own(below, domains):
        for each, name, more in mine[1:]:
            if each.hop == first.hop and ascii_domain(name) == ascii_domain(server):
                known = {result.method for result in found}
                found += [result for result in more if result.method not in known]
    return Verdict(server[:100], tuple(found))


def _with_chain(verdict: Verdict, fields: Sequence[_Field], ids: Collection[str]) -> Verdict:
    """RFC 8617: what a forwarder has found out before it sent the message on. Told only where one of our servers has
    checked the chain, and the last seal is of a server that the site trusts."""
    if not any(result.value == "pass" for result in verdict.of("arc")):
        return verdict
    seals = [tags for each in fields if each.name == "arc-seal" for tags in [_tags(each.value)]]
    last = max(seals, key=lambda tags: _instance(tags.get("i", "")), default={})
    sealer = ascii_domain(last.get("d", ""))
    for each in fields:
        if each.name != "arc-authentication-results":
            continue
        instance, _semicolon, rest = each.value.partition(b";")
        if _instance(instance.partition(b"=")[2].decode("latin-1")) != _instance(last.get("i", "")):
            continue
        server, results = _results(rest)
        name = ascii_domain(server)
        if name in ids and _covers(sealer, name):
            return Verdict(verdict.server, verdict.results, verdict.foreign, server[:100], tuple(results))
    return verdict


def _instance(text: str) -> int:
    text = text.strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) < 4 else 0


def _tags(value: bytes) -> dict[str, str]:
    """A tag list (RFC 6376 section 3.2); of two equal tags the first."""
    found: dict[str, str] = {}
    for match in _TAG.finditer(value):
        found.setdefault(match[1].decode("ascii").lower(), "".join(match[2].decode("latin-1").split()))
    return found


# --- one field --------------------------------------------------------------------------------------------------------


def _results(value: bytes) -> tuple[str, list[Result]]:
    """(authserv-id, what is told). ("", []) for a field of another version, or that is none."""
    text = _without_comments(decode_octets(value))
    head, *rest = _split(text)
    words = head.split()
    if not words or len(words) > 2 or (len(words) == 2 and words[1] != "1"):
        return "", []
    found = [result for item in rest[:MOST_RESULTS] if (result := _result(item)) is not None]
    return words[0].strip('"'), found


def _result(item: str) -> Result | None:
    match = _RESULT.match(item)
    if match is None:
        return None
    method, value = match[1].lower(), match[2].lower()
    if method not in METHODS or value not in VALUES:
        return None
    rest = item[match.end() :]
    properties = tuple(
        (f"{found[1]}.{found[2]}".lower(), (found[3] if found[3] is not None else found[4]).lower())
        for found in _PROPERTY.finditer(rest[:4000])
    )
    reason = _REASON.search(rest[:4000])
    return Result(method, value, properties, (reason[1] or reason[2] or "")[:200] if reason else "")


def _without_comments(text: str) -> str:
    """Comments (RFC 5322 section 3.2.2) nest, and are none in quoted strings. An open one takes all the rest."""
    if "(" not in text:
        return text
    found: list[str] = []
    depth, quoted, position = 0, False, 0
    while position < len(text):
        if run := _RUN.match(text, position):
            found.append("" if depth else run[0])
            position = run.end()
            continue
        char = text[position]
        step = 2 if char == "\\" and (depth or quoted) else 1
        if char == '"' and not depth:
            quoted = not quoted
        if char == "(" and not quoted:
            depth += 1
        if not depth:
            found.append(text[position : position + step])
        if char == ")" and not quoted and depth:
            depth -= 1
            found.append(" " if not depth else "")
        position += step
    return "".join(found)


def _split(text: str) -> Iterator[str]:
    """At semicolons outside of quoted strings."""
    start, quoted, position = 0, False, 0
    while position < len(text):
        if run := _RUN.match(text, position):
            position = run.end()
            continue
        char = text[position]
        if char == "\\" and quoted:
            position += 1
        elif char == '"':
            quoted = not quoted
        elif char == ";" and not quoted:
            yield text[start:position]
            start = position + 1
        position += 1
    yield text[start:]


# --- signatures -------------------------------------------------------------------------------------------------------


def signed_over(header: bytes, verdict: Verdict, names: Collection[str]) -> str:
    """The domain of a signature (RFC 6376) that a trusted server has found good, and that covers all of these fields;
    "" where there is none. A result names its signature by ``header.d``, and some by ``header.b`` and ``header.s``."""
    wanted = {name.lower() for name in names}
    good = [result for result in verdict.of("dkim") if result.value == "pass" and result.get("header.d")]
    for match in _FIELD.finditer(header):
        if match[1].lower() != b"dkim-signature":
            continue
        tags = _tags(re.sub(rb"\r?\n(?=[ \t])", b"", match[2][:MAX_FIELD]))
        if not wanted <= {name.lower() for name in tags.get("h", "").split(":")}:
            continue
        for result in good:
            named = tags.get("b", "").lower().startswith(result.get("header.b")) and bool(tags.get("b"))
            selector = result.get("header.s") in ("", tags.get("s", "").lower())
            if ascii_domain(tags.get("d", "")) == result.domain and named and selector:
                return result.domain
    return ""
