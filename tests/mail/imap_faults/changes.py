"""The mailbox changes while it is read, and connections end in mid-work."""

from __future__ import annotations

import re

from apps.mail.services import stores
from tests.mail.imap_faults.server import CHANGING, FAULTS, Scene, before, bounded, hang_up, once, say, signed_in, write
from tests.support.imap import Line, plain


@FAULTS.line(26)
def bye_in_mid_fetch(scene: Scene) -> None:
    bye = say(b"* 1 FETCH (UID 1 FLAGS ())\r\n* BYE shutting down\r\n")
    signed_in(scene)
    once(scene.server, rb"UID FETCH .*ENVELOPE", bye)
    assert scene.get().uids == [3, 2, 1], "asked once more"
    scene.cool()
    stores.pool().memory.clear()
    scene.server.faults = {rb"UID FETCH|FETCH": bye}
    away = scene.get()
    assert (away.status, away.uids) == (503, []), "no half of a list"
    assert "isn’t answering" in away.html
    scene.server.faults = {rb"UID FETCH .*(ENVELOPE|HEADER)": bye}
    assert scene.get().uids == [3, 2, 1], "there, though they cannot be shown"
    scene.server.faults.clear()
    assert "Subject 1" in scene.get().html, "and not remembered so"


@FAULTS.line(27)
def reset_after_the_tag(scene: Scene) -> None:
    signed_in(scene)
    once(scene.server, rb"NOOP|LIST", hang_up)
    assert scene.get().status == 200
    for key, do in ((rb"UID MOVE", "archive"), (rb"UID STORE", "flag")):
        scene.server.heard.clear()
        scene.server.faults[key] = hang_up
        assert scene.act(do).status == 503
        assert len([line for line in scene.server.heard if re.match(key, line)]) == 1, "not blindly repeated"
    scene.server.faults[rb"APPEND"] = hang_up
    scene.server.heard.clear()
    page = write(scene).press("save", subject="Kept", text="as typed")
    assert (page.status, page.value("text"), page.value("subject")) == (503, "as typed", "Kept")
    assert len(scene.server.commands(b"APPEND")) == 1


@FAULTS.line(28)
def uidvalidity_changes(scene: Scene) -> None:
    scene.server.capabilities += b" CONDSTORE"
    signed_in(scene)
    usual = scene.server.messages
    for changed in (b"* OK [UIDVALIDITY 8] new\r\n", b"* OK [UIDVALIDITY changed]\r\n"):
        scene.server.messages, scene.server.uidvalidity = usual, 7
        scene.cool()
        assert scene.get().uids == [3, 2, 1]

        def number_anew(line: Line, changed: bytes = changed) -> None:
            scene.server.messages, scene.server.uidvalidity = {1: plain("Another life", number=9)}, 8
            before(changed)(line)

        once(scene.server, rb"UID FETCH", number_anew)
        answer = scene.open(1)
        assert (answer.status, "Another life" in answer.html) == (409, False)
    for answer in (scene.open(1), scene.act("flag"), scene.act("archive")):
        assert (answer.status, "numbered its messages anew" in answer.html) == (409, True)
    assert scene.server.commands(*CHANGING) == []
    once(scene.server, rb"NOOP", before(b"* OK [UIDVALIDITY 8] new\r\n"))
    listed = scene.get()
    assert (listed.uids, "Another life" in listed.html, "Subject 1" in listed.html) == ([1], True, False)


@FAULTS.line(29)
def exists_drops(scene: Scene) -> None:
    scene.server.capabilities += b" CONDSTORE"
    signed_in(scene)
    assert scene.get().uids == [3, 2, 1]
    del scene.server.messages[2]
    once(scene.server, rb"NOOP", before(b"* 2 EXISTS\r\n"))
    assert scene.get().uids == [3, 1]


@FAULTS.line(30)
def expunge_during_a_fetch_by_sequence(scene: Scene) -> None:
    signed_in(scene)
    rows = b"* 1 FETCH (UID 1 FLAGS ())\r\n* 1 EXPUNGE\r\n* 1 FETCH (UID 2 FLAGS ())\r\n* 2 FETCH (UID 3 FLAGS ())\r\n"

    def shifted(line: Line) -> None:
        del scene.server.messages[1]
        line.say(rows + b"%t OK\r\n")

    once(scene.server, rb"FETCH 1:3 \(UID FLAGS\)", shifted)
    listed = scene.get(mode="flat")
    assert listed.uids == [3, 2]
    assert [listed.html.index(f"Subject {uid}") > 0 for uid in (3, 2)]
    scene.act("archive", 2)
    changes = [line for line in scene.server.heard if re.match(rb"(UID )?(STORE|MOVE|COPY|EXPUNGE)", line)]
    assert changes == [b'UID MOVE 2 "Archive"']


@FAULTS.line(31)
def vanished_everywhere(scene: Scene) -> None:
    signed_in(scene)
    scene.server.faults[rb"SELECT"] = before(b"* VANISHED (EARLIER) 1:4294967295\r\n")
    bounded(lambda: scene.get(), 64)
    assert scene.get().uids == [3, 2, 1]
    copied = b"* OK [COPYUID 8 1:4294967295 1:4294967295] x\r\n* ESEARCH UID ALL 1:4294967295\r\n%t OK\r\n"
    scene.server.faults = {rb"UID MOVE": say(copied)}
    bounded(lambda: scene.act("archive"), 64)
