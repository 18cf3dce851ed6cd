"""What the server does not store, or says with other words than it should."""

from __future__ import annotations

from apps.mail.models import OutboxMessage
from apps.mail.services import sweeping
from tests.mail.imap_faults.server import CHANGING, FAULTS, Scene, once, say, send, signed_in, write
from tests.support.imap import Line
from tests.support.smtp import faulty_post


@FAULTS.line(36)
def an_alert_with_html(scene: Scene) -> None:
    signed_in(scene)
    scene.server.faults[rb"SELECT"] = say(b"%t NO [SERVERBUG] <b>ask</b> <script>alert(1)</script>\r\n")
    answer = scene.get()
    assert answer.status == 502
    assert "&lt;b&gt;ask&lt;/b&gt;" in answer.html and "<script>alert" not in answer.html
    scene.server.faults[rb"SELECT"] = say(b"%t NO [ALERT] <b>gone</b>\r\n")
    assert "<b>gone" not in scene.get().html


@FAULTS.line(37)
def over_quota(scene: Scene) -> None:
    signed_in(scene)
    scene.server.faults[rb"APPEND"] = say(b"%t NO [OVERQUOTA] full\r\n")
    page = write(scene).press("save", subject="Kept", text="as typed")
    assert (page.status, page.value("text"), page.value("subject")) == (507, "as typed", "Kept")
    assert "Your mailbox is full" in page.html


@FAULTS.line(38)
def try_create(scene: Scene) -> None:
    signed_in(scene)
    once(scene.server, rb"APPEND", say(b"%t NO [TRYCREATE] no such mailbox\r\n"))
    page = write(scene).press("save", subject="Kept", text="as typed")
    assert page.said == ["Draft saved."]
    assert scene.server.commands(b"CREATE") == [b'CREATE "Drafts"']
    assert [mailbox for mailbox, _ in scene.server.stored] == [b"Drafts"]


def finds_after_append(scene: Scene, uid: int) -> None:
    """APPEND does not say where the message is; SEARCH finds one there."""

    def act(line: Line) -> None:
        line.say(b"%t OK done\r\n")
        scene.server.faults[rb"UID SEARCH HEADER"] = say(b"* SEARCH %d\r\n%%t OK\r\n" % uid)

    scene.server.faults[rb"APPEND"] = act


@FAULTS.line(64)
def append_not_stored(scene: Scene) -> None:
    signed_in(scene)
    scene.settings.MAIL_DOMAIN = "example.test"  # type: ignore[attr-defined]
    found = scene.server.faults
    finds_after_append(scene, 2)  # the draft as it is from then on
    page = write(scene).press("save", subject="First", text="as typed")
    assert page.said == ["Draft saved."]
    page.press("save", subject="Second")
    assert (page.status, page.value("subject")) == (502, "Second")
    assert scene.server.commands(*CHANGING) == [], "the draft before is all there is"
    found.clear()
    found[rb"APPEND"] = say(b"%t OK done\r\n")
    with faulty_post() as post:
        scene.settings.SMTP_URL = post.url  # type: ignore[attr-defined]
        row = send(scene)
        assert (row.state, len(post.taken)) == (OutboxMessage.State.SENT, 1), "sent, the copy not yet stored"
        found.clear()
        sweeping.sweep(now=row.due)
        row.refresh_from_db()
        assert (row.state, len(post.taken)) == (OutboxMessage.State.DONE, 1)
        assert [mailbox for mailbox, _ in scene.server.stored] == [b"Sent"]


@FAULTS.line(65)
def no_appenduid(scene: Scene) -> None:
    signed_in(scene)
    finds_after_append(scene, 3)
    page = write(scene).press("save", subject="First", text="as typed")
    assert page.said == ["Draft saved."]
    assert "/mail/Drafts/3/edit/?v=7" in page.url
    asked = [line for line in scene.server.heard if line.startswith(b"UID SEARCH HEADER")]
    assert asked and b"Message-ID" in asked[-1]
