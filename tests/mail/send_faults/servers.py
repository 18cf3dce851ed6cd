"""The server for sending refuses, hangs up, loses what it is told, or can do little."""

from __future__ import annotations

from datetime import timedelta

from apps.mail.models import OutboxMessage
from apps.mail.prefs import UNDO_SEND
from apps.mail.services import letters, outbox
from portal.prefs import for_user
from tests.mail.send_faults.stage import BOB, CARLA, FAULTS, Stage, nowhere, sends_once_when_it_is_back
from tests.mail.test_outbox import State, page, press, row_of, user_of
from tests.mail.test_sending import WRITTEN
from tests.support.receiver import read
from tests.support.smtp import HANG_UP


@FAULTS.line(1)
def fault_001(stage: Stage) -> None:
    """Refused, silent, not safe."""
    stage.queue()
    stage.at(nowhere())
    assert stage.pass_time(seconds=11).state == State.WAITING
    assert "The server for sending does not answer." in page(stage.writer)
    for _ in range(10):
        assert stage.pass_time(seconds=3).tries == 1  # nobody is there who could take it
    with stage.post(replies={b"HELLO": HANG_UP}):
        assert stage.pass_time(seconds=3).tries == 1
    with stage.post(replies={b"AUTH": HANG_UP}):
        row = stage.pass_time(seconds=3)
        assert row.tries == 2
        due = row.due
        assert stage.pass_time(seconds=5).due == due  # not before its pause is over
    with stage.post() as post:
        stage.at(post.url.replace("smtp:", "smtp+starttls:"))  # which it does not offer
        assert stage.pass_time(minutes=6).state == State.FAILED
        assert "could not prove who it is" in page(stage.writer)
        stage.at(post.url)
        press(stage.writer, "again")
        assert len(post.taken) == 1
    assert row_of(stage.writer).state == State.DONE


@FAULTS.line(2)
def fault_002(stage: Stage) -> None:
    stage.queue()
    with stage.post(replies={b"EHLO": b"421 4.3.2 closing\r\n"}):
        assert stage.pass_time(seconds=11).state == State.WAITING
    sends_once_when_it_is_back(stage)


@FAULTS.line(3)
def fault_003(stage: Stage) -> None:
    """Signing in is tried once, and again only when somebody says so."""
    stage.queue()
    with stage.post(replies={b"AUTH": b"535 5.7.8 wrong\r\n"}) as post:
        assert stage.pass_time(seconds=11).state == State.FAILED
        stage.pass_time(days=1)
        assert post.sessions == 1
        shown = page(stage.writer)
        assert "does not accept your name and password" in shown and "5.7.8 wrong" in shown
    with stage.post() as post:
        assert press(stage.writer, "again").said == ["Message sent."]
        assert len(post.taken) == 1


@FAULTS.line(4)
def fault_004(stage: Stage) -> None:
    """5xx: it stays with the server's words, and can be edited; 452 too, as it says that the size is wrong."""
    answers = ((b"552 5.3.4 too big\r\n", "5.3.4 too big"), (b"452 message size exceeds\r\n", "size exceeds"))
    for answer, words in answers:
        stage.queue()
        with stage.post(replies={b"MAIL": answer}) as post:
            assert stage.pass_time(seconds=11).state == State.FAILED
            shown = page(stage.writer)
            assert "larger than the server for sending accepts" in shown and words in shown
            assert post.taken == []
        draft = press(stage.writer, "edit")
        assert draft.value("text") == WRITTEN["text"].strip()
        draft.press("discard")
        stage.clock = timedelta()


@FAULTS.line(5)
def fault_005(stage: Stage) -> None:
    """One refused for good: nobody gets it, each is named with the reason."""
    stage.queue(f"{BOB}, nobody@example.test, {CARLA}")
    with stage.post(replies={b"RCPT TO:<nobody": b"550 5.1.1 No such person\r\n"}) as post:
        assert stage.pass_time(seconds=11).state == State.FAILED
        shown = page(stage.writer)
        assert "nobody@example.test" in shown and "5.1.1 No such person" in shown
        assert post.taken == []
        draft = press(stage.writer, "edit")
        assert "nobody@example.test" in draft.value("to")
        for_user(user_of(stage.writer.person)).save({UNDO_SEND: 0})
        assert draft.press(to=f"{BOB}, {CARLA}").said == ["Message sent."]
        assert [recipients for recipients, _octets in post.taken] == [[BOB, CARLA]]


@FAULTS.line(6)
def fault_006(stage: Stage) -> None:
    """The others get it at once, the delayed one alone and later; the copy is stored once."""
    stage.queue(f"{BOB}, {CARLA}")
    with stage.post(replies={b"RCPT TO:<carla": b"450 4.2.1 later\r\n"}) as post:
        row = stage.pass_time(seconds=11)
        assert row.state == State.WAITING
        assert [recipients for recipients, _octets in post.taken] == [[BOB]]
        shown = page(stage.writer)
        assert "4.2.1 later" in shown and f"Sent already to:</span> <bdi>{BOB}" in shown.replace("to: ", "to:</span> ")
        assert len(stage.sent()) == 1
        assert press(stage.writer, "edit").said == ["Too late: it is being sent, or has been."]
        post.replies.clear()
        assert stage.pass_time(minutes=3).state == State.DONE
        assert [recipients for recipients, _octets in post.taken] == [[BOB], [CARLA]]
    assert len({read(octets)["Message-ID"] for _recipients, octets in post.taken}) == 1
    assert len(stage.sent()) == 1


@FAULTS.line(7)
def fault_007(stage: Stage) -> None:
    stage.queue(text="Bring poles.\n" * 300_000)  # more than fits into the buffers on the way
    with stage.post(drops_body=True) as post:
        assert stage.pass_time(seconds=11).state == State.WAITING
        assert post.taken == []
    sends_once_when_it_is_back(stage)


@FAULTS.line(8)
def fault_008(stage: Stage) -> None:
    """Nobody knows: told, not tried again by itself, sent again under the same Message-ID or known to have arrived."""
    for choice in ("again", "arrived"):
        stage.queue()
        with stage.post(loses_reply=True) as post:
            assert stage.pass_time(seconds=11).state == State.UNKNOWN
            stage.pass_time(days=1)
            assert len(post.taken) == 1
            shown = page(stage.writer)
            assert "Perhaps sent" in shown and "It is not sent again unless you say so." in shown
            post.loses_reply = False
            assert press(stage.writer, choice).said == ["Message sent."]
            assert len(post.taken) == (2 if choice == "again" else 1)
            assert len({read(octets)["Message-ID"] for _recipients, octets in post.taken}) == 1
        assert row_of(stage.writer).state == State.DONE
        OutboxMessage.objects.all().delete()
        stage.clock = timedelta()
    assert len(stage.sent()) == 2
    # a server that files what it takes itself answers the question
    row = stage.queue()
    with stage.post(loses_reply=True):
        octets = letters.take_up(row.file, outbox._opened(row))
        stage.writer.person.receive(octets, mailbox="Sent")
        stage.pass_time(seconds=11)
        assert stage.pass_time(seconds=1).state == State.DONE
    assert len(stage.sent()) == 3


@FAULTS.line(25)
def fault_025(stage: Stage) -> None:
    stage.queue()
    stage.at(nowhere())
    stage.pass_time(seconds=11)
    sends_once_when_it_is_back(stage)


@FAULTS.line(27)
def fault_027(stage: Stage) -> None:
    page_again = stage.writer.new()
    with stage.post() as post:
        answer = page_again.press(**WRITTEN, to="jürgen@example.test")
        assert answer.status == 422
        assert answer.errors["to"]
        assert b"DATA\r\n" not in post.heard


@FAULTS.line(28)
def fault_028(stage: Stage) -> None:
    stage.queue(text="x\n" * 2000)
    small = b"250-here\r\n250-AUTH PLAIN\r\n250 SIZE 1000\r\n"
    with stage.post(replies={b"EHLO": small}) as post:
        assert stage.pass_time(seconds=11).state == State.FAILED
        assert not any(line.startswith((b"MAIL", b"DATA")) for line in post.heard)
    assert "larger than the server for sending accepts" in page(stage.writer)


@FAULTS.line(29)
def fault_029(stage: Stage) -> None:
    """What we build has seven bits, whatever is written."""
    stage.queue(text="Grüße 🏕\n")
    poor = b"250-here\r\n250 AUTH PLAIN\r\n"
    with stage.post(replies={b"EHLO": poor}) as post:
        assert stage.pass_time(seconds=11).state == State.DONE
        ((_recipients, octets),) = post.taken
    assert octets.isascii()
    assert "Grüße 🏕" in read(octets).get_content()
