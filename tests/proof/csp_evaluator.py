"""The checks of the CSP Evaluator (csp-evaluator.withgoogle.com), from their public descriptions, without it."""

from __future__ import annotations

import base64
import binascii
import ipaddress
import re
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

HIGH, MEDIUM, SYNTAX, INFO = "high", "medium", "syntax", "info"
DIRECTIVES = {
    *("child-src", "connect-src", "default-src", "font-src", "frame-src", "img-src", "media-src", "object-src"),
    *("script-src", "script-src-attr", "script-src-elem", "style-src", "style-src-attr", "style-src-elem"),
    *("manifest-src", "worker-src", "prefetch-src", "base-uri", "form-action", "frame-ancestors", "sandbox"),
    *("report-to", "report-uri", "require-trusted-types-for", "trusted-types", "upgrade-insecure-requests"),
    *("block-all-mixed-content", "plugin-types", "reflected-xss", "referrer", "disown-opener", "require-sri-for"),
}
DEPRECATED = {
    *("block-all-mixed-content", "plugin-types", "reflected-xss", "referrer", "disown-opener", "prefetch-src"),
    *("require-sri-for", "report-uri"),
}
KEYWORDS = {
    *("'self'", "'none'", "'unsafe-inline'", "'unsafe-eval'", "'wasm-unsafe-eval'", "'unsafe-hashes'"),
    *("'strict-dynamic'", "'report-sample'", "'inline-speculation-rules'", "'script'", "'allow-duplicates'"),
}
#: Hosts of which anybody can have a script run: by JSONP, by an old AngularJS, or because everybody's files lie there.
BYPASSES = {
    *("ajax.googleapis.com", "www.google.com", "accounts.google.com", "www.googleapis.com", "www.google-analytics.com"),
    *(
        "www.googletagmanager.com",
        "maps.googleapis.com",
        "www.youtube.com",
        "www.gstatic.com",
        "storage.googleapis.com",
    ),
    *("cdnjs.cloudflare.com", "cdn.jsdelivr.net", "unpkg.com", "code.angularjs.org", "raw.githubusercontent.com"),
    *("api.github.com", "gist.github.com", "d3js.org", "yandex.st", "yastatic.net", "graph.facebook.com"),
    *("connect.facebook.net", "api.twitter.com", "s3.amazonaws.com", "cloudfront.net", "herokuapp.com"),
}
#: Where a source decides what runs.
RUNS = ("script-src", "object-src", "base-uri")
_NONCE = re.compile(r"'nonce-(.*)'")
_HASH = re.compile(r"'sha(?:256|384|512)-.+'")


def policy(text: str) -> dict[str, list[str]]:
    """A policy's directives (CSP3 section 2.2.1): names in small letters; of two of one name the first counts."""
    found: dict[str, list[str]] = {}
    for part in text.split(";"):
        name, *values = part.split() or [""]
        if name:
            found.setdefault(name.lower(), values)
    return found


@dataclass(frozen=True)
class Finding:
    severity: str
    rule: str
    directive: str
    value: str = ""


def evaluate(text: str) -> list[Finding]:
    found = policy(text)
    checks = (_missing, _unsafe, _broad, _bypasses, _addresses, _nonces, _syntax, _deprecated, _advice)
    return [finding for check in checks for finding in check(found)]


def _effective(found: dict[str, list[str]], name: str) -> tuple[str, list[str]] | None:
    """The directive that decides, and its sources; ``base-uri`` has no other one behind it."""
    for each in (name,) if name == "base-uri" else (name, "default-src"):
        if each in found:
            return each, found[each]
    return None


def _deciding(found: dict[str, list[str]]) -> Iterator[tuple[str, list[str]]]:
    """Without repeats; those for elements and attributes replace ``script-src`` for these."""
    seen = set()
    for name in (*RUNS, "script-src-elem", "script-src-attr"):
        decides = _effective(found, name) if name in RUNS else ((name, found[name]) if name in found else None)
        if decides and decides[0] not in seen:
            seen.add(decides[0])
            yield decides


def _is_strict(sources: list[str]) -> bool:
    return any(_NONCE.fullmatch(source) or _HASH.fullmatch(source) for source in sources)


def _missing(found: dict[str, list[str]]) -> Iterator[Finding]:
    for name in ("script-src", "object-src"):
        if _effective(found, name) is None:
            yield Finding(HIGH, "missing", name)
    _name, scripts = _effective(found, "script-src") or ("", [])
    if _is_strict(scripts) and "base-uri" not in found:  # another base leads the scripts that may run elsewhere
        yield Finding(HIGH, "missing", "base-uri")


def _unsafe(found: dict[str, list[str]]) -> Iterator[Finding]:
    for name, sources in _deciding(found):
        if "'unsafe-inline'" in sources and not _is_strict(sources):
            yield Finding(HIGH, "unsafe-inline", name)
        if "'unsafe-eval'" in sources:
            yield Finding(MEDIUM, "unsafe-eval", name)
        if "'unsafe-hashes'" in sources:
            yield Finding(MEDIUM, "unsafe-hashes", name)


def _broad(found: dict[str, list[str]]) -> Iterator[Finding]:
    for name, sources in _deciding(found):
        if "'strict-dynamic'" in sources:
            continue
        for source in sources:
            if re.fullmatch(r"(?:https?|data|blob|ftp|filesystem):", source, re.IGNORECASE):
                yield Finding(HIGH, "plain-scheme", name, source)
            elif re.fullmatch(r"(?:\w+://)?\*(?:\.\*)?(?::\*)?", source):
                yield Finding(HIGH, "wildcard", name, source)


def _hosts(sources: list[str]) -> Iterator[tuple[str, str]]:
    """(source, host) of those that name one."""
    for source in sources:
        if not source.startswith("'") and not source.endswith(":"):
            try:
                yield source, (urlsplit(source if "://" in source else f"//{source}").hostname or "").removeprefix("*.")
            except ValueError:
                yield source, source


def _bypasses(found: dict[str, list[str]]) -> Iterator[Finding]:
    for name, sources in _deciding(found):
        if name == "base-uri" or "'strict-dynamic'" in sources:
            continue
        for source, host in _hosts(sources):
            if any(host == known or host.endswith(f".{known}") or known.endswith(f".{host}") for known in BYPASSES):
                yield Finding(HIGH, "bypass", name, source)
            elif host:
                yield Finding(INFO, "allow-listed-host", name, source)


def _addresses(found: dict[str, list[str]]) -> Iterator[Finding]:
    for name, sources in found.items():
        for source, host in _hosts(sources):
            if source.lower().startswith("http://"):
                yield Finding(MEDIUM, "http-source", name, source)
            if host == "localhost" or _is_address(host):
                yield Finding(INFO, "ip-source", name, source)


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _nonces(found: dict[str, list[str]]) -> Iterator[Finding]:
    for name, sources in found.items():
        for source in sources:
            nonce = _NONCE.fullmatch(source)
            if nonce is None:
                continue
            if len(nonce[1]) < 8:
                yield Finding(MEDIUM, "short-nonce", name, source)
            try:
                base64.b64decode(nonce[1].replace("-", "+").replace("_", "/") + "===", validate=True)
            except (binascii.Error, ValueError):
                yield Finding(INFO, "nonce-characters", name, source)


def _syntax(found: dict[str, list[str]]) -> Iterator[Finding]:
    for name, values in found.items():
        if name not in DIRECTIVES:
            yield Finding(SYNTAX, "unknown-directive", name)
        for value in values:
            if value.lower() in DIRECTIVES - {"sandbox"}:
                yield Finding(SYNTAX, "missing-semicolon", name, value)
            bare = value.strip("'")
            known = value in KEYWORDS or _NONCE.fullmatch(value) or _HASH.fullmatch(value)
            if value.startswith("'") and not known:
                yield Finding(SYNTAX, "unknown-keyword", name, value)
            if not value.startswith("'") and name not in ("sandbox", "trusted-types"):
                quoted = f"'{bare.lower()}'"
                if quoted in KEYWORDS - {"'script'"} or re.match(r"(?:nonce|sha\d{3})-", bare):
                    yield Finding(SYNTAX, "unquoted-keyword", name, value)


def _deprecated(found: dict[str, list[str]]) -> Iterator[Finding]:
    for name in found:
        if name in DEPRECATED:
            yield Finding(INFO, "deprecated", name)


def _advice(found: dict[str, list[str]]) -> Iterator[Finding]:
    decides = _effective(found, "script-src")
    if "require-trusted-types-for" not in found:
        yield Finding(INFO, "no-trusted-types", "require-trusted-types-for")
    if decides and "'self'" in decides[1] and not _is_strict(decides[1]):
        yield Finding(INFO, "self-hosts-what-it-serves", decides[0])  # its own JSONP, Angular or uploads would run
    if decides and "'strict-dynamic'" in decides[1] and not _is_strict(decides[1]):
        yield Finding(INFO, "strict-dynamic-alone", decides[0])
