"""Before the password is sent, and what is answered to it."""

from __future__ import annotations

import re
import ssl

import pytest

from apps.mail.mailbox import errors
from apps.mail.mailbox.account import Account
from apps.mail.mailbox.imap.connection import Connection
from apps.mail.services import trouble
from portal.net import parse_server_url
from scripts.servers import tls
from tests.mail.imap_faults.server import FAULTS, LITTLE, Scene, say, signed_in, stall
from tests.support.scripted import scripted


def refused_before_any_password(scene: Scene) -> None:
    answer = scene.begin("imap+starttls").sign_in()
    assert answer.status == 403
    assert "no safe connection to the mail server" in answer.html
    assert scene.server.commands(b"LOGIN", b"AUTHENTICATE") == []


@FAULTS.line(39)
def preauth(scene: Scene) -> None:
    scene.server.greeting = b"* PREAUTH [CAPABILITY IMAP4rev1 STARTTLS] in already\r\n"
    refused_before_any_password(scene)


@FAULTS.line(40)
def words_after_starttls(scene: Scene) -> None:
    scene.server.capabilities += b" STARTTLS"
    scene.server.faults[rb"STARTTLS"] = say(b"%t OK begin\r\n* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\n")
    refused_before_any_password(scene)


@FAULTS.line(41)
def no_starttls(scene: Scene) -> None:
    refused_before_any_password(scene)


@FAULTS.line(42)
def certificates(scene: Scene) -> None:
    folder = scene.folder
    authority = tls.make_authority(folder / "ours")
    other = tls.make_authority(folder / "other")
    chains = {
        "self-signed": (authority, other, other.with_suffix(".key")),
        "another host": (
            authority,
            (chain := tls.issue(folder / "ours", names="DNS:x.test")),
            chain.with_suffix(".key"),
        ),
        "expired": (authority, (old := tls.issue(folder / "ours", "old", days=-1)), old.with_suffix(".key")),
    }
    for name, (ca_file, chain, key) in chains.items():
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(chain, key)
        heard: list[bytes] = []

        def script(client, context=context, heard=heard) -> None:
            with context.wrap_socket(client, server_side=True) as safe:
                safe.sendall(b"* OK [CAPABILITY IMAP4rev1] hello\r\n")
                heard.append(safe.recv(100))

        with scripted(script) as port, pytest.raises(errors.TlsFailed):
            server = parse_server_url(f"imaps://localhost:{port}", services={"imap": 143, "imaps": 993})
            Connection(Account(server=server, login="a", password="secret", ca_file=str(ca_file)))
        assert heard in ([], [b""]), name


@FAULTS.line(43)
def referral(scene: Scene) -> None:
    scene.server.faults[rb"LOGIN"] = say(b"%t NO [REFERRAL imap://anna@evil.test/] go there\r\n")
    assert scene.sign_in().status == 403
    scene.server.faults[rb"LOGIN"] = say(b"%t OK [REFERRAL imap://anna@evil.test/] better there\r\n")
    signed_in(scene)
    assert scene.get().uids == [3, 2, 1]


@FAULTS.line(62)
def slow_sign_in(scene: Scene) -> None:
    scene.begin(patience=LITTLE / 4).server.faults[rb"LOGIN"] = stall
    for _ in range(2):
        answer = scene.sign_in()
        assert answer.status == 403
        assert "cannot be reached" in answer.html
        assert "wrong" not in answer.html
    scene.begin().server.faults.clear()
    assert scene.sign_in().status == 302, "nothing was counted"


@FAULTS.line(63)
def three_refusals(scene: Scene) -> None:
    texts = []
    for code in (b"AUTHENTICATIONFAILED", b"UNAVAILABLE", b"PRIVACYREQUIRED"):
        scene.server.faults[rb"LOGIN"] = say(b"%t NO [" + code + b"] no\r\n")
        answer = scene.sign_in()
        assert answer.status == 403
        texts.append(re.search(r'role="alert"[^>]*>(.*?)</div>', answer.html, re.S)[1])  # type: ignore[index]
    assert len(set(texts)) == 3, texts
    found = [trouble.describe(kind()) for kind in (errors.ServerUnreachable, errors.PrivacyRequired, errors.TlsFailed)]
    assert len({str(one.text) for one in found}) == 3
