"""Before the password is sent, and what is answered to it."""

from __future__ import annotations

import re

import pytest

from apps.mail.mailbox import errors
from apps.mail.services import trouble
from tests.mail.imap_faults.server import FAULTS, LITTLE, Scene, say, signed_in, stall
from tests.portal.bad_tls import CLIENTS, Certificates, serving


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
    client, made = CLIENTS["IMAP"], Certificates(scene.folder)
    for set_up in ("self-signed", "wrong host", "expired"):
        with serving(client, made, set_up, "tls") as server, pytest.raises(errors.TlsFailed):
            client.sign_in(server.url, str(made.authority))
        assert server.heard == b"", set_up


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
