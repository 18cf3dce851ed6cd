"""The scoring of the Mozilla HTTP Observatory, without the Observatory.

From its public description ("Tests & Scoring" at developer.mozilla.org/observatory): each test has one result, each
result moves the score of 100; what adds to it counts only where the score is 90 without. Every page is judged here, not
the first one alone, and an HSTS preload list is not asked.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from http.cookies import CookieError, SimpleCookie
from urllib.parse import urljoin, urlsplit

from selectolax.lexbor import LexborHTMLParser

from tests.proof.csp_evaluator import DIRECTIVES, policy
from tests.support.front import Answer

SIX_MONTHS = 15_768_000
EXTRA_CREDIT = 90
GRADES = (
    *((100, "A+"), (90, "A"), (85, "A-"), (80, "B+"), (70, "B"), (65, "B-"), (60, "C+"), (50, "C"), (45, "C-")),
    *((40, "D+"), (30, "D"), (25, "D-"), (0, "F")),
)
MODIFIERS = {
    "csp-implemented-with-no-unsafe-default-src-none": 10,
    "csp-implemented-with-no-unsafe": 5,
    "csp-implemented-with-unsafe-inline-in-style-src-only": 0,
    "csp-implemented-with-insecure-scheme-in-passive-content-only": -10,
    "csp-implemented-with-unsafe-eval": -10,
    "csp-implemented-with-unsafe-inline": -20,
    "csp-implemented-with-insecure-scheme": -20,
    "csp-header-invalid": -25,
    "csp-not-implemented": -25,
    "cookies-secure-with-httponly-sessions-and-samesite": 5,
    "cookies-secure-with-httponly-sessions": 0,
    "cookies-not-found": 0,
    "cookies-without-secure-flag-but-protected-by-hsts": -5,
    "cookies-session-without-secure-flag-but-protected-by-hsts": -10,
    "cookies-without-secure-flag": -20,
    "cookies-samesite-flag-invalid": -20,
    "cookies-anticsrf-without-samesite-flag": -20,
    "cookies-session-without-httponly-flag": -30,
    "cookies-session-without-secure-flag": -40,
    "cross-origin-resource-sharing-not-implemented": 0,
    "cross-origin-resource-sharing-implemented-with-public-access": 0,
    "cross-origin-resource-sharing-implemented-with-restricted-access": 0,
    "cross-origin-resource-sharing-implemented-with-universal-access": -50,
    "redirection-to-https": 0,
    "redirection-not-needed-no-http": 0,
    "redirection-off-host-from-http": -5,
    "redirection-not-to-https-on-initial-redirection": -10,
    "redirection-not-to-https": -20,
    "redirection-missing": -20,
    "referrer-policy-private": 5,
    "referrer-policy-not-implemented": 0,
    "referrer-policy-unsafe": -5,
    "referrer-policy-header-invalid": -5,
    "hsts-implemented-max-age-at-least-six-months": 0,
    "hsts-implemented-max-age-less-than-six-months": -10,
    "hsts-not-implemented": -20,
    "hsts-header-invalid": -20,
    "sri-implemented-and-all-scripts-loaded-securely": 5,
    "sri-implemented-and-external-scripts-loaded-securely": 5,
    "sri-not-implemented-response-not-html": 0,
    "sri-not-implemented-but-no-scripts-loaded": 0,
    "sri-not-implemented-but-all-scripts-loaded-from-secure-origin": 0,
    "sri-not-implemented-but-external-scripts-loaded-securely": -5,
    "sri-implemented-but-external-scripts-not-loaded-securely": -20,
    "sri-not-implemented-and-external-scripts-not-loaded-securely": -50,
    "x-content-type-options-nosniff": 0,
    "x-content-type-options-not-implemented": -5,
    "x-content-type-options-header-invalid": -5,
    "x-frame-options-implemented-via-csp": 5,
    "x-frame-options-sameorigin-or-deny": 0,
    "x-frame-options-allow-from-origin": 0,
    "x-frame-options-not-implemented": -20,
    "x-frame-options-header-invalid": -20,
    "corp-implemented-with-same-origin": 10,
    "corp-implemented-with-same-site": 10,
    "corp-implemented-with-cross-origin": 0,
    "corp-not-implemented": 0,
    "corp-header-invalid": -5,
}
PASSIVE = {"img-src", "media-src"}
#: Sources that let in nearly anything.
BROAD = re.compile(r"\*|(?:https?|ftp|blob|data|wss?):|(?:https?|wss?)://\*(?:\.\*)?", re.IGNORECASE)
INSECURE = re.compile(r"(?:http|ftp|ws):", re.IGNORECASE)


def csp(answer: Answer) -> str:
    text = answer.get("Content-Security-Policy")
    if not text:
        return "csp-not-implemented"
    found = policy(text)
    if not found.keys() <= DIRECTIVES:
        return "csp-header-invalid"
    default = found.get("default-src")
    scripts = found.get("script-src", default)
    objects = found.get("object-src", default)
    strict = bool(scripts) and any(re.match(r"'(?:nonce|sha\d+)-", source) for source in scripts)
    if scripts is None or objects is None or any(BROAD.fullmatch(source) for source in [*scripts, *objects]):
        return "csp-implemented-with-unsafe-inline"
    if "'unsafe-inline'" in scripts and not strict:
        return "csp-implemented-with-unsafe-inline"
    active = [source for name, sources in found.items() if name not in PASSIVE for source in sources]
    if any(INSECURE.match(source) for source in active):
        return "csp-implemented-with-insecure-scheme"
    if "'unsafe-eval'" in scripts:
        return "csp-implemented-with-unsafe-eval"
    if any(INSECURE.match(source) for name in PASSIVE for source in found.get(name, [])):
        return "csp-implemented-with-insecure-scheme-in-passive-content-only"
    styles = [source for name in found if name.startswith("style-src") for source in found[name]]
    if any(source == "'unsafe-inline'" or BROAD.fullmatch(source) for source in styles or default or []):
        return "csp-implemented-with-unsafe-inline-in-style-src-only"
    none = default is not None and default in ([], ["'none'"])
    return "csp-implemented-with-no-unsafe" + ("-default-src-none" if none else "")


def cookies(answer: Answer) -> str:
    lines = answer.all("Set-Cookie")
    if not lines:
        return "cookies-not-found"
    protected = hsts(answer).startswith("hsts-implemented")
    worst = ["cookies-secure-with-httponly-sessions-and-samesite"]
    for line in lines:
        try:
            ((name, found),) = SimpleCookie(line).items()
        except (CookieError, ValueError):
            name, found = line.partition("=")[0], None
        is_session, is_csrf = re.search("sess|login", name, re.I), re.search("csrf|xsrf", name, re.I)
        same_site = found["samesite"].lower() if found else ""
        if not found or not found["secure"]:
            kind = "cookies-session-without-secure-flag" if is_session else "cookies-without-secure-flag"
            worst.append(kind + ("-but-protected-by-hsts" if protected else ""))
        if is_session and not (found and found["httponly"]):
            worst.append("cookies-session-without-httponly-flag")
        if "samesite" in line.lower() and same_site not in ("lax", "strict", "none"):
            worst.append("cookies-samesite-flag-invalid")
        elif not same_site or same_site == "none":
            worst.append(
                "cookies-anticsrf-without-samesite-flag" if is_csrf else "cookies-secure-with-httponly-sessions"
            )
    return min(worst, key=MODIFIERS.__getitem__)


def cors(answer: Answer) -> str:
    """The answer is one to a request with ``Origin: https://stranger.test``."""
    allowed = answer.get("Access-Control-Allow-Origin")
    prefix = "cross-origin-resource-sharing-"
    if not allowed:
        return prefix + "not-implemented"
    if allowed == "*":
        return prefix + "implemented-with-public-access"
    with_credentials = answer.get("Access-Control-Allow-Credentials").lower() == "true"
    universal = allowed in ("https://stranger.test", "null") and with_credentials
    return prefix + ("implemented-with-universal-access" if universal else "implemented-with-restricted-access")


def redirection(answer: Answer) -> str:
    if answer.hops is None:
        return "redirection-not-needed-no-http"
    if not answer.hops:
        return "redirection-missing"
    first, last = urlsplit(answer.hops[0]), urlsplit(answer.hops[-1])
    if last.scheme != "https":
        return "redirection-not-to-https"
    if first.scheme != "https":
        return "redirection-not-to-https-on-initial-redirection"
    same = first.hostname == urlsplit(answer.url).hostname
    return "redirection-to-https" if same else "redirection-off-host-from-http"


PRIVATE = {"no-referrer", "same-origin", "strict-origin", "strict-origin-when-cross-origin"}
TELLING = {"origin", "origin-when-cross-origin", "unsafe-url", "no-referrer-when-downgrade"}


def referrer(answer: Answer) -> str:
    known = [word for word in re.split(r"\s*,\s*", answer.get("Referrer-Policy").lower()) if word in PRIVATE | TELLING]
    if not answer.get("Referrer-Policy"):
        return "referrer-policy-not-implemented"
    if not known:
        return "referrer-policy-header-invalid"
    return "referrer-policy-private" if known[-1] in PRIVATE else "referrer-policy-unsafe"


def hsts(answer: Answer) -> str:
    text = answer.get("Strict-Transport-Security")
    if not text:
        return "hsts-not-implemented"
    age = re.fullmatch(r'(?:.*;)?\s*max-age\s*=\s*"?(\d+)"?\s*(?:;.*)?', text, re.IGNORECASE)
    if age is None or "," in text:
        return "hsts-header-invalid"
    long = int(age[1]) >= SIX_MONTHS
    return f"hsts-implemented-max-age-{'at-least' if long else 'less-than'}-six-months"


def sri(answer: Answer) -> str:
    if not answer.is_html:
        return "sri-not-implemented-response-not-html"
    scripts = [node.attributes for node in LexborHTMLParser(answer.body.decode()).css("script[src]")]
    if not scripts:
        return "sri-not-implemented-but-no-scripts-loaded"
    home = urlsplit(answer.url).netloc
    addresses = [(str(script["src"]), "integrity" in script) for script in scripts]
    whole = [(urlsplit(urljoin(answer.url, src)), src, has) for src, has in addresses]
    foreign = [
        (url.scheme == "https" and not src.startswith("//"), has) for url, src, has in whole if url.netloc != home
    ]
    if not foreign:
        every = all(has for _src, has in addresses)
        return (
            "sri-implemented-and-all-scripts-loaded-securely"
            if every
            else "sri-not-implemented-but-all-scripts-loaded-from-secure-origin"
        )
    secure, has_all = all(safe for safe, _has in foreign), all(has for _safe, has in foreign)
    if has_all:
        return "sri-implemented-" + (
            "and-external-scripts-loaded-securely" if secure else "but-external-scripts-not-loaded-securely"
        )
    return "sri-not-implemented-" + (
        "but-external-scripts-loaded-securely" if secure else "and-external-scripts-not-loaded-securely"
    )


def content_type(answer: Answer) -> str:
    text = answer.get("X-Content-Type-Options").lower()
    if not text:
        return "x-content-type-options-not-implemented"
    return "x-content-type-options-nosniff" if text == "nosniff" else "x-content-type-options-header-invalid"


def framing(answer: Answer) -> str:
    if "frame-ancestors" in policy(answer.get("Content-Security-Policy")):
        return "x-frame-options-implemented-via-csp"
    text = answer.get("X-Frame-Options").lower()
    if not text:
        return "x-frame-options-not-implemented"
    if text in ("deny", "sameorigin"):
        return "x-frame-options-sameorigin-or-deny"
    return "x-frame-options-allow-from-origin" if text.startswith("allow-from ") else "x-frame-options-header-invalid"


def corp(answer: Answer) -> str:
    text = answer.get("Cross-Origin-Resource-Policy").lower()
    if not text:
        return "corp-not-implemented"
    return (
        f"corp-implemented-with-{text}"
        if text in ("same-origin", "same-site", "cross-origin")
        else "corp-header-invalid"
    )


TESTS: tuple[Callable[[Answer], str], ...] = (
    *(csp, cookies, cors, redirection, referrer),
    *(hsts, sri, content_type, framing, corp),
)


def results(answer: Answer) -> dict[str, int]:
    """The result of each test, and what it adds or takes."""
    return {result: MODIFIERS[result] for result in (test(answer) for test in TESTS)}


def score(answer: Answer) -> int:
    moved = results(answer).values()
    without = 100 + sum(each for each in moved if each < 0)
    return max(0, without + sum(each for each in moved if each > 0) if without >= EXTRA_CREDIT else without)


def grade(points: int) -> str:
    return next(letter for least, letter in GRADES if points >= least)
