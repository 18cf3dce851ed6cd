"""``vectors/auth_results.json``: whose word about a sender counts, and whose does not."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from apps.mail.mime import authentication
from apps.mail.mime.authentication import Verdict
from tests.support.vectors import items

ITEMS = items("auth_results")
OWN = "mx.example.test"
BORDER = "Received: from a.test (a.test [192.0.2.1]) by mx.example.test with ESMTPS; x\r\n"


def read(header: str | bytes, *, trusted: str = OWN) -> Verdict:
    octets = header if isinstance(header, bytes) else header.encode()
    return authentication.read(octets + b"\r\nFrom: boss@bank.test\r\n\r\n", trusted=[trusted])


def values(verdict: Verdict) -> list[tuple[str, str]]:
    return [(each.method, each.value) for each in verdict.results]


def ignored(header: str) -> None:
    verdict = read(header)
    assert (verdict.server, verdict.results) == ("", ())
    assert not verdict.vouches_for("bank.test")


def _pass(header: str) -> None:
    assert [value for _method, value in values(read(header))] in (["pass"], ["pass", "pass", "pass"])


def _fail(header: str) -> None:
    assert [value for _method, value in values(read(header))] == ["fail"]


def _own(header: str) -> None:
    verdict = read(header)
    assert values(verdict) == [("dkim", "pass"), ("spf", "pass"), ("dmarc", "pass")]
    assert verdict.vouches_for("bank.test") and not verdict.vouches_for("evil.test")


def _below_own(_header: str) -> None:
    verdict = read(
        f"Authentication-Results: {OWN}; dmarc=fail header.from=bank.test\r\n{BORDER}"
        "Authentication-Results: evil.test; dmarc=pass header.from=bank.test"
    )
    assert values(verdict) == [("dmarc", "fail")] and verdict.fails
    assert verdict.foreign == ("evil.test",)


def _forged(_header: str) -> None:
    forged = f"Authentication-Results: {OWN}; dmarc=pass header.from=bank.test"
    own = f"Authentication-Results: {OWN}; dmarc=fail header.from=bank.test\r\n"
    foreign = "Received: from c.test by b.test with SMTP; x\r\n"
    for header in (own + BORDER + forged, own + forged, own + foreign + forged, BORDER + own + foreign + forged):
        assert values(read(header)) == [("dmarc", "fail")]
    assert read(BORDER + foreign + forged).server == ""
    assert read(foreign + forged).server == ""


def _quoted(header: str) -> None:
    (result,) = read(header).results
    assert result.domain == "evil.test"


def _align(header: str) -> None:
    verdict = read(header)
    assert values(verdict) == [("dkim", "pass")]
    assert not verdict.vouches_for("bank.test") and verdict.vouches_for("evil.test")


def _multi(header: str) -> None:
    assert read(header).vouches_for("bank.test") and not read(header).vouches_for("a.test")


def _neutral(header: str) -> None:
    verdict = read(header)
    assert not verdict.vouches_for("bank.test") and not verdict.fails


def _no_result(header: str) -> None:
    assert values(read(header)) == []
    assert not read(header).vouches_for("bank.test")


def _idn(header: str) -> None:
    for trusted in ("mx.exämple.test", "mx.xn--exmple-cua.test"):
        assert read(header, trusted=trusted).vouches_for("bank.test")
        assert read("Authentication-Results: mx.xn--exmple-cua.test; dmarc=pass", trusted=trusted).server
    ignored(header)


def _long(_header: str) -> None:
    for filler in (b"; x=y", b"(", b'"', b"; dkim=pass header.d=a.test", b"\\", b" a.b=", b"\r\n "):
        begin = time.process_time()
        read(f"Authentication-Results: {OWN}; dmarc=fail".encode() + filler * (100 * 1024 // len(filler)))
        assert time.process_time() - begin < 1


CHECKS: dict[str, Callable[[str], None]] = {
    "own": _own,
    "foreign": ignored,
    "foreign below own": _below_own,
    "forged own id": _forged,
    "case": _pass,
    "version": _pass,
    "version 2": ignored,
    "none": _no_result,
    "comment": _fail,
    "comment nest": _fail,
    "quoted": _quoted,
    "align": _align,
    "multi": _multi,
    "temperror": _neutral,
    "unknown": _no_result,
    "encoded-word": ignored,
    "idn": _idn,
    "long": _long,
    "ARC": ignored,
    "X-": ignored,
    "empty": ignored,
    "injected by name": ignored,
}


@pytest.mark.parametrize("item", ITEMS, ids=lambda item: item["id"])
def test_whose_word_counts(item: dict[str, str]) -> None:
    CHECKS[item["class"]](item["header"])


def test_one_field_for_each_method_is_read_where_a_received_of_our_own_closes_them() -> None:
    two = f"Authentication-Results: {OWN}; dmarc=pass header.from=bank.test\r\nAuthentication-Results: {OWN}; dkim=pass"
    assert values(read(f"{two} header.d=bank.test\r\n{BORDER}")) == [("dmarc", "pass"), ("dkim", "pass")]
    assert values(read(f"{two} header.d=bank.test\r\nReceived: by far.test; x")) == [("dmarc", "pass")]


def test_who_proves_a_domain() -> None:
    """A signature of the domain above, not of a whole country; and DMARC's own word before all."""
    for found, proved in (
        ("dkim=pass header.d=bank.test", True),
        ("dkim=pass header.d=test", False),
        ("dkim=pass header.d=evilbank.test", False),
        ("spf=pass smtp.mailfrom=bounce@bank.test", True),
        ("spf=softfail smtp.mailfrom=bounce@bank.test", False),
        ("dkim=pass header.d=bank.test; dmarc=fail header.from=mail.bank.test", False),
        ("dmarc=pass header.from=evil.test", False),
    ):
        assert read(f"Authentication-Results: {OWN}; {found}").vouches_for("mail.bank.test") == proved, found


CHAIN = (
    "ARC-Seal: i=2; a=rsa-sha256; cv=pass; d={d}; s=s; b=abc\r\n"
    "ARC-Authentication-Results: i=2; {id}; dkim=pass header.d=bank.test\r\n"
    "ARC-Seal: i=1; a=rsa-sha256; cv=none; d=evil.test; s=s; b=abc\r\n"
    "ARC-Authentication-Results: i=1; lists.example.test; dmarc=pass header.from=bank.test\r\n"
)


@pytest.mark.parametrize(
    ("arc", "d", "server", "told"),
    [
        ("pass", "example.test", "lists.example.test", "lists.example.test"),
        ("pass", "evil.test", "lists.example.test", ""),
        ("pass", "evil.test", "evil.test", ""),
        ("fail", "example.test", "lists.example.test", ""),
    ],
)
def test_a_chain_is_told_only_when_a_trusted_server_has_sealed_it(arc: str, d: str, server: str, told: str) -> None:
    header = f"Authentication-Results: {OWN}; arc={arc}; dmarc=fail header.from=bank.test\r\n{CHAIN}"
    header = header.format(d=d, id=server).encode()
    verdict = authentication.read(header, trusted=[OWN, "lists.example.test"])
    assert verdict.forwarder == told
    assert [each.domain for each in verdict.before] == (["bank.test"] if told else [])


def signed(covers: str, *, d: str = "shop.test", found: str = "pass", b: str = "") -> str:
    header = (
        f"Authentication-Results: {OWN}; dkim={found} header.d=shop.test header.b={b or 'QUJDREVG'}\r\n"
        f"DKIM-Signature: v=1; a=rsa-sha256; d={d}; s=s1; h={covers};\r\n b=QUJDREVGR0hJ\r\n"
    ).encode()
    names = ("List-Unsubscribe", "List-Unsubscribe-Post")
    return authentication.signed_over(header, authentication.read(header, trusted=[OWN]), names)


def test_what_a_good_signature_covers() -> None:
    both = "from:list-unsubscribe:\r\n List-Unsubscribe-Post"
    assert signed(both) == "shop.test"
    assert signed("from:list-unsubscribe") == ""
    assert signed(both, found="fail") == ""
    assert signed(both, d="evil.test") == ""
    assert signed(both, b="WFla") == ""
