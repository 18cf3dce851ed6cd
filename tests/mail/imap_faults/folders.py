"""Odd names and lists of folders."""

from __future__ import annotations

import re

from apps.mail.models import Identity
from tests.mail.imap_faults.server import FAULTS, Scene, say, send, signed_in
from tests.support.imap import Line
from tests.support.smtp import faulty_post


def listing(scene: Scene, *folders: bytes) -> Scene:
    scene.server.folders += folders
    return signed_in(scene)


@FAULTS.line(46)
def nil_delimiter(scene: Scene) -> None:
    listing(scene, b'() NIL "a/b"')
    assert "a/b</span>" in scene.get().html
    assert scene.get("/mail/a~2fb/").status == 200


@FAULTS.line(47)
def crlf_in_a_name(scene: Scene) -> None:
    def lists(line: Line) -> None:
        line.say(b'* LIST () "/" {6}\r\na\r\nb<i\r\n')
        line.usual()

    signed_in(scene)
    scene.server.faults[rb"LIST"] = lists
    answer = scene.get()
    assert (answer.status, "a␍␊b&lt;i" in answer.html) == (200, True)
    assert "a\r\nb" not in answer.html


@FAULTS.line(48)
def fifty_thousand_folders(scene: Scene, count: int = 2_000) -> None:
    listing(scene, *(b'(\\HasNoChildren) "/" "list.%05d"' % number for number in range(count)))
    scene.server.faults[rb"STATUS"] = say(b"%t NO not now\r\n")
    answer = scene.get()
    assert answer.status == 200
    assert answer.uids == [3, 2, 1]
    assert len(answer.html) < 3_000_000
    assert "list.00007" in answer.html
    assert f"{count + 5 - 1000} more folders" in answer.html
    assert scene.get(f"/mail/list.{count - 1:05d}/").status == 200
    assert f"list.{count - 1:05d}</a>" in scene.get("/mail/@/folders/manage/", page=count // 250 + 1).html
    del scene.server.folders[5:]


@FAULTS.line(49)
def broken_utf7(scene: Scene) -> None:
    listing(scene, b'() "/" "Bad&name"', b'() "/" "Half&AP"')
    html = scene.get().html
    assert "Bad&amp;name" in html and "Half&amp;AP" in html
    for name in (b"Bad&name", b"Half&AP"):
        path = re.search(rf'href="(/mail/[^"]*{name[-2:].decode()}/)"', html)
        assert path
        assert scene.get(path[1]).status == 200
        assert b'SELECT "%b"' % name in scene.server.heard


@FAULTS.line(50)
def two_encodings(scene: Scene) -> None:
    listing(scene, b'() "/" "Caf&AOk-s"', '() "/" "Cafés"'.encode())
    html = scene.get().html
    assert html.count(">Cafés<") == 2
    paths = set(re.findall(r'href="(/mail/Caf[^"]*/)"', html))
    assert len(paths) == 2
    for path in paths:
        scene.server.heard.clear()
        assert scene.get(path).status == 200
        assert [line for line in scene.server.heard if line.startswith(b"SELECT")]


@FAULTS.line(51)
def noselect_parent(scene: Scene) -> None:
    listing(scene, b'(\\Noselect \\HasChildren) "/" "Top"', b'() "/" "Top/below"')
    html = scene.get().html
    assert 'href="/mail/Top~2fbelow/"' in html
    assert 'href="/mail/Top/"' not in html
    assert "<details" in html


@FAULTS.line(52)
def two_sent_folders(scene: Scene) -> None:
    scene.server.folders = [b'() "/" INBOX', b'(\\Sent) "/" "One"', b'(\\Sent) "/" "Two"', b'() "/" "Drafts"']
    signed_in(scene)
    scene.settings.MAIL_DOMAIN = "example.test"  # type: ignore[attr-defined]
    with faulty_post() as post:
        scene.settings.SMTP_URL = post.url  # type: ignore[attr-defined]
        for wanted, mailbox in (("", b"One"), ("Two", b"Two")):
            Identity.objects.filter(user=scene.user).delete()
            Identity.objects.create(user=scene.user, email="anna@example.test", sent_mailbox=wanted)
            send(scene)
            assert scene.server.stored[-1][0] == mailbox
