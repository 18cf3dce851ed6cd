"""The judges of headers (``observatory``, ``csp_evaluator``) bite: each rule on a bad example, none on a good one."""

from __future__ import annotations

import pytest

from tests.proof import csp_evaluator, observatory
from tests.proof.csp_evaluator import HIGH, INFO, MEDIUM, SYNTAX
from tests.support.front import Answer

GOOD = {
    "Content-Type": "text/html",
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; base-uri 'none'; frame-ancestors 'none'",
    "Set-Cookie": "__Host-session=x; Secure; HttpOnly; SameSite=Lax; Path=/",
    "Referrer-Policy": "no-referrer",
    "Strict-Transport-Security": "max-age=31536000; includeSubDomains",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
}


def answer(body: str = "", hops: tuple[str, ...] | None = None, **changes: str) -> Answer:
    headers = GOOD | {name.replace("_", "-"): value for name, value in changes.items()}
    kept = tuple((name, value) for name, value in headers.items() if value)
    return Answer("https://mail.example.org/", 200, kept, body.encode(), hops)


def test_a_good_page_gets_all_there_is() -> None:
    assert observatory.score(answer()) == 100 + 10 + 5 + 5 + 5 + 10
    assert observatory.grade(observatory.score(answer())) == "A+"


def test_nothing_at_all_fails() -> None:
    bare = Answer("https://mail.example.org/", 200, (("Content-Type", "text/html"),), b"", ())
    assert observatory.grade(observatory.score(bare)) == "F"  # 100 - 25 - 20 - 20 - 5 - 20


def test_what_adds_counts_only_from_90_on() -> None:
    assert observatory.score(answer(Strict_Transport_Security="")) == 80


def test_every_letter() -> None:
    letters = [
        observatory.grade(points) for points in (135, 100, 99, 90, 89, 84, 79, 69, 64, 59, 49, 44, 39, 29, 24, 0)
    ]
    assert letters == ["A+", "A+", "A", "A", "A-", "B+", "B", "B-", "C+", "C", "C-", "D+", "D", "D-", "F", "F"]


CSP = "Content_Security_Policy"
SELF, FAR = "<script src='/a.js'></script>", "<script src='https://cdn.example.com/a.js'{}></script>"


@pytest.mark.parametrize(
    ("result", "changes"),
    [
        ("csp-not-implemented", {CSP: ""}),
        ("csp-header-invalid", {CSP: "defualt-src 'none'"}),
        ("csp-implemented-with-unsafe-inline", {CSP: "default-src 'none'; script-src 'unsafe-inline'"}),
        ("csp-implemented-with-unsafe-inline", {CSP: "default-src *"}),
        ("csp-implemented-with-unsafe-inline", {CSP: "default-src 'none'; object-src data:"}),
        ("csp-implemented-with-unsafe-inline", {CSP: "img-src 'none'"}),
        ("csp-implemented-with-no-unsafe", {CSP: "default-src 'self'; script-src 'unsafe-inline' 'nonce-abcdefgh'"}),
        ("csp-implemented-with-unsafe-eval", {CSP: "default-src 'none'; script-src 'self' 'unsafe-eval'"}),
        ("csp-implemented-with-insecure-scheme", {CSP: "default-src 'none'; script-src http://a.test"}),
        (
            "csp-implemented-with-insecure-scheme-in-passive-content-only",
            {CSP: "default-src 'none'; img-src http://a.test"},
        ),
        (
            "csp-implemented-with-unsafe-inline-in-style-src-only",
            {CSP: "default-src 'none'; style-src 'unsafe-inline'"},
        ),
        (
            "csp-implemented-with-unsafe-inline-in-style-src-only",
            {CSP: "default-src 'none'; style-src-attr 'unsafe-inline'"},
        ),
        ("csp-implemented-with-no-unsafe", {CSP: "default-src 'self'"}),
        ("csp-implemented-with-no-unsafe-default-src-none", {}),
        ("cookies-not-found", {"Set_Cookie": ""}),
        ("cookies-session-without-secure-flag", {"Set_Cookie": "session=x; HttpOnly", "Strict_Transport_Security": ""}),
        ("cookies-session-without-secure-flag-but-protected-by-hsts", {"Set_Cookie": "session=x; HttpOnly"}),
        ("cookies-without-secure-flag", {"Set_Cookie": "a=x", "Strict_Transport_Security": ""}),
        ("cookies-without-secure-flag-but-protected-by-hsts", {"Set_Cookie": "a=x; SameSite=Lax"}),
        ("cookies-session-without-httponly-flag", {"Set_Cookie": "session=x; Secure; SameSite=Lax"}),
        ("cookies-samesite-flag-invalid", {"Set_Cookie": "a=x; Secure; SameSite=Never"}),
        ("cookies-anticsrf-without-samesite-flag", {"Set_Cookie": "csrf=x; Secure"}),
        ("cookies-secure-with-httponly-sessions", {"Set_Cookie": "a=x; Secure"}),
        ("cross-origin-resource-sharing-not-implemented", {}),
        ("cross-origin-resource-sharing-implemented-with-public-access", {"Access_Control_Allow_Origin": "*"}),
        (
            "cross-origin-resource-sharing-implemented-with-restricted-access",
            {"Access_Control_Allow_Origin": "https://friend.test", "Access_Control_Allow_Credentials": "true"},
        ),
        (
            "cross-origin-resource-sharing-implemented-with-universal-access",
            {"Access_Control_Allow_Origin": "https://stranger.test", "Access_Control_Allow_Credentials": "true"},
        ),
        ("redirection-not-needed-no-http", {}),
        ("redirection-missing", {"hops": ()}),
        ("redirection-not-to-https", {"hops": ("http://mail.example.org/a",)}),
        (
            "redirection-not-to-https-on-initial-redirection",
            {"hops": ("http://mail.example.org/a", "https://mail.example.org/")},
        ),
        ("redirection-off-host-from-http", {"hops": ("https://www.example.org/",)}),
        ("redirection-to-https", {"hops": ("https://mail.example.org/",)}),
        ("referrer-policy-not-implemented", {"Referrer_Policy": ""}),
        ("referrer-policy-header-invalid", {"Referrer_Policy": "nobody"}),
        ("referrer-policy-unsafe", {"Referrer_Policy": "no-referrer, unsafe-url"}),
        ("referrer-policy-private", {"Referrer_Policy": "same-origin"}),
        ("hsts-not-implemented", {"Strict_Transport_Security": ""}),
        ("hsts-header-invalid", {"Strict_Transport_Security": "includeSubDomains"}),
        ("hsts-implemented-max-age-less-than-six-months", {"Strict_Transport_Security": "max-age=86400"}),
        ("sri-not-implemented-response-not-html", {"Content_Type": "image/png"}),
        ("sri-not-implemented-but-no-scripts-loaded", {}),
        ("sri-not-implemented-but-all-scripts-loaded-from-secure-origin", {"body": SELF}),
        ("sri-implemented-and-all-scripts-loaded-securely", {"body": "<script src=/a.js integrity=sha256-x></script>"}),
        ("sri-not-implemented-but-external-scripts-loaded-securely", {"body": FAR.format("")}),
        ("sri-implemented-and-external-scripts-loaded-securely", {"body": FAR.format(" integrity=sha256-x")}),
        (
            "sri-not-implemented-and-external-scripts-not-loaded-securely",
            {"body": SELF + "<script src=//cdn.example.com/a.js></script>"},
        ),
        (
            "sri-implemented-but-external-scripts-not-loaded-securely",
            {"body": "<script src=http://cdn.example.com/a.js integrity=sha256-x></script>"},
        ),
        ("x-content-type-options-not-implemented", {"X_Content_Type_Options": ""}),
        ("x-content-type-options-header-invalid", {"X_Content_Type_Options": "sniff"}),
        ("x-frame-options-implemented-via-csp", {}),
        ("x-frame-options-not-implemented", {CSP: "default-src 'none'"}),
        ("x-frame-options-sameorigin-or-deny", {CSP: "default-src 'none'", "X_Frame_Options": "DENY"}),
        ("x-frame-options-allow-from-origin", {CSP: "default-src 'none'", "X_Frame_Options": "ALLOW-FROM https://a"}),
        ("x-frame-options-header-invalid", {CSP: "default-src 'none'", "X_Frame_Options": "ALLOWALL"}),
        ("corp-not-implemented", {"Cross_Origin_Resource_Policy": ""}),
        ("corp-implemented-with-cross-origin", {"Cross_Origin_Resource_Policy": "cross-origin"}),
        ("corp-implemented-with-same-site", {"Cross_Origin_Resource_Policy": "same-site"}),
        ("corp-header-invalid", {"Cross_Origin_Resource_Policy": "nobody"}),
    ],
)
def test_a_result_of_the_observatory(result: str, changes: dict[str, str]) -> None:
    assert result in observatory.results(answer(**changes))


def test_every_result_has_its_example() -> None:
    """No modifier stands there that nothing leads to."""
    (mark,) = (m for m in test_a_result_of_the_observatory.pytestmark if m.name == "parametrize")
    shown = {result for result, _changes in mark.args[1]} | observatory.results(answer()).keys()
    assert shown == observatory.MODIFIERS.keys()


STRICT = "script-src 'self'; object-src 'none'; base-uri 'none'; "


@pytest.mark.parametrize(
    ("severity", "rule", "text"),
    [
        (HIGH, "missing", "object-src 'none'; base-uri 'none'"),
        (HIGH, "missing", "script-src 'self'; base-uri 'none'"),
        (HIGH, "missing", "default-src 'none'; script-src 'nonce-abcdefgh'"),
        (HIGH, "unsafe-inline", "default-src 'self' 'unsafe-inline'; base-uri 'none'"),
        (HIGH, "unsafe-inline", STRICT + "script-src-elem 'unsafe-inline'"),
        (HIGH, "plain-scheme", "script-src https:; object-src 'none'; base-uri 'none'"),
        (HIGH, "plain-scheme", "script-src 'self'; object-src data:; base-uri 'none'"),
        (HIGH, "plain-scheme", "default-src http:; base-uri 'none'"),
        (HIGH, "wildcard", "script-src *; object-src 'none'; base-uri 'none'"),
        (HIGH, "wildcard", "script-src https://*; object-src 'none'; base-uri 'none'"),
        (HIGH, "wildcard", "script-src 'self'; object-src 'none'; base-uri *"),
        (HIGH, "bypass", "script-src https://ajax.googleapis.com/ajax/; object-src 'none'; base-uri 'none'"),
        (HIGH, "bypass", "script-src *.googleapis.com; object-src 'none'; base-uri 'none'"),
        (HIGH, "bypass", "script-src x.cloudfront.net; object-src 'none'; base-uri 'none'"),
        (MEDIUM, "unsafe-eval", "script-src 'self' 'unsafe-eval'; object-src 'none'; base-uri 'none'"),
        (MEDIUM, "unsafe-hashes", "script-src 'sha256-x' 'unsafe-hashes'; object-src 'none'; base-uri 'none'"),
        (MEDIUM, "short-nonce", "script-src 'nonce-abc'; object-src 'none'; base-uri 'none'"),
        (MEDIUM, "http-source", STRICT + "img-src http://a.test"),
        (SYNTAX, "unknown-directive", STRICT + "defualt-src 'none'"),
        (SYNTAX, "missing-semicolon", "script-src 'self' object-src 'none'; base-uri 'none'"),
        (SYNTAX, "unknown-keyword", STRICT + "img-src 'sefl'"),
        (SYNTAX, "unquoted-keyword", STRICT + "img-src self"),
        (SYNTAX, "unquoted-keyword", STRICT + "style-src nonce-abcdefgh"),
        (INFO, "ip-source", STRICT + "img-src https://192.0.2.1"),
        (INFO, "ip-source", STRICT + "connect-src localhost:8000"),
        (INFO, "nonce-characters", "script-src 'nonce-!!!!!!!!'; object-src 'none'; base-uri 'none'"),
        (INFO, "allow-listed-host", "script-src https://static.example.org; object-src 'none'; base-uri 'none'"),
        (INFO, "deprecated", STRICT + "plugin-types application/pdf"),
        (INFO, "deprecated", STRICT + "report-uri /csp"),
        (INFO, "no-trusted-types", STRICT),
        (INFO, "self-hosts-what-it-serves", STRICT),
        (INFO, "strict-dynamic-alone", "script-src 'strict-dynamic'; object-src 'none'; base-uri 'none'"),
    ],
)
def test_a_finding_of_the_evaluator(severity: str, rule: str, text: str) -> None:
    assert (severity, rule) in {(found.severity, found.rule) for found in csp_evaluator.evaluate(text)}


@pytest.mark.parametrize(
    "text",
    [
        STRICT + "require-trusted-types-for 'script'",
        "default-src 'none'; base-uri 'none'; sandbox allow-popups",
        "script-src 'nonce-aGVsbG8gd29ybGQ=' 'unsafe-inline' https: 'strict-dynamic'; base-uri 'none'; "
        "object-src 'none'; require-trusted-types-for 'script'",
    ],
)
def test_what_is_strict_passes(text: str) -> None:
    assert [found for found in csp_evaluator.evaluate(text) if found.severity != INFO] == []
