"""What is said of a message: its envelope, its structure, its date, its flags."""

from __future__ import annotations

import re

from tests.mail.imap_faults.server import FAULTS, Scene, signed_in


@FAULTS.each("ENVELOPE")
def an_envelope(scene: Scene, item: dict[str, str]) -> None:
    found = re.search(r"ENVELOPE (.*)\)\Z", item["server"], re.S)
    assert found
    scene.server.messages[1].envelope = found[1].encode()
    signed_in(scene)
    listed = scene.get()
    assert (listed.status, listed.uids) == (200, [3, 2, 1])
    assert "Subject 3" in listed.html and "Subject 2" in listed.html
    opened = scene.open()
    assert (opened.status, "Some words." in opened.html) == (200, True)
    if item["id"] in ("imap_faults-001", "imap_faults-008"):
        assert "Subject 1" in listed.html, "read from the header instead"
    if item["id"] == "imap_faults-007":
        assert "raw ä" in listed.html
    assert "flagged" in scene.act("flag").html or scene.server.commands(b"UID STORE") == [
        b"UID STORE 1 +FLAGS.SILENT (\\Flagged)"
    ]


def _structure_of(item: dict[str, str]) -> bytes:
    text = item["server"]
    part = b'("text" "plain" NIL NIL NIL "7bit" 1 1)'
    if "x500 nested" in text:
        return b"(" * 500 + part + b' "mixed")' * 500
    if "20000 parts" in text:
        return b"(" + part * 20_000 + b' "mixed")'
    found = re.search(r"BODYSTRUCTURE (.*)\)\Z", text, re.S)
    assert found
    return found[1].encode()


@FAULTS.each("BODYSTRUCTURE")
def a_structure(scene: Scene, item: dict[str, str]) -> None:
    scene.server.messages[1].structure = _structure_of(item)
    signed_in(scene)
    listed = scene.get()
    assert (listed.status, listed.uids) == (200, [3, 2, 1])
    assert all(f"Subject {uid}" in listed.html for uid in (1, 2, 3))
    opened = scene.open()
    assert opened.status == 200
    assert "Subject 1" in opened.html
    believed = {"imap_faults-012", "imap_faults-018", "imap_faults-019", "imap_faults-024", "imap_faults-025"}
    assert "Some words." in opened.html or item["id"] in believed, "else from the message itself"
    assert len(opened.html) < 3_000_000
    for path in (
        ("source/", "message.eml") if "20000" in item["server"] else ("source/", "print/", "reply/", "message.eml")
    ):
        assert scene.get(f"/mail/INBOX/1/{path}", v=7).status == 200, path


@FAULTS.line(56)
def impossible_date(scene: Scene) -> None:
    scene.server.messages[1].date = b"99-Foo-2026 88:00:00 +0000"
    scene.server.messages[2].date = b""
    signed_in(scene)
    answer = scene.get()
    assert sorted(answer.uids) == [1, 2, 3]
    assert "1970" not in answer.html
    assert answer.html.count('datetime="2026-01-05') == 3, "the day in the header"


@FAULTS.line(57)
def many_keywords(scene: Scene) -> None:
    scene.server.messages[1].flags = " ".join(f"$keyword{number}" for number in range(500))
    signed_in(scene)
    assert scene.get().uids == [3, 2, 1]
    assert scene.open().status == 200
