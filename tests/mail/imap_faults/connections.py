"""Answers that are too long, too slow, or to nobody's question."""

from __future__ import annotations

import threading

from django.test import Client

from apps.mail.mailbox import errors
from apps.mail.services import stores
from tests.mail.imap_faults.server import FAULTS, LITTLE, Scene, bounded, once, say, signed_in, stall
from tests.support.imap import Line

BUSY = threading.Event()  # never set: a server that says nothing waits for it


def dropped(scene: Scene, words: bytes, *, key: bytes = rb"UID FETCH", megabytes: int = 64) -> None:
    """The page says that the server is away, in time, and hangs up."""

    def act(line: Line) -> None:
        line.say(words)
        stall(line)

    signed_in(scene.begin(patience=LITTLE))
    scene.server.faults[key] = act
    found = []
    bounded(lambda: found.append(scene.get()), megabytes)
    assert (found[0].status, found[0].uids) == (503, [])
    assert stores.pool().idle_count() == 0


@FAULTS.line(32)
def a_giant_literal(scene: Scene) -> None:
    dropped(scene, b"* 1 FETCH (UID 1 FLAGS {9999999999}\r\n", key=rb"(UID )?FETCH")


@FAULTS.line(33)
def a_literal_cut_short(scene: Scene) -> None:
    dropped(scene, b"* 1 FETCH (UID 1 FLAGS {100}\r\nabc")


@FAULTS.line(34)
def a_trickle(scene: Scene) -> None:
    def drop_by_drop(line: Line) -> None:
        while not BUSY.wait(LITTLE / 10):
            line.client.sendall(b"*")  # ends with the portal's hanging up

    signed_in(scene.begin(patience=LITTLE))
    carla = Client()
    assert scene.sign_in(carla, "carla").status == 302
    scene.server.faults[rb"UID FETCH"] = drop_by_drop
    found = []
    waits = threading.Thread(target=lambda: found.append(_lease_in_vain()))
    waits.start()
    scene.server.faults.pop(rb"UID FETCH", None) if _is_held(scene) else None
    assert scene.get(client=carla).status == 200, "others are served meanwhile"
    waits.join(10)
    assert found == [errors.ServerTimeout]


def _lease_in_vain() -> type[Exception] | None:
    account = stores.account(login="anna", password="secret")
    try:
        with stores.pool().lease(account) as store:
            store.message("INBOX", 1, uidvalidity=7)
    except errors.MailError as error:
        return type(error)
    return None


def _is_held(scene: Scene) -> bool:
    """Waits until the server has begun to trickle."""
    while not scene.server.commands(b"UID FETCH"):
        threading.Event().wait(0.01)
    return True


@FAULTS.line(35)
def a_line_without_end(scene: Scene) -> None:
    dropped(scene, b"* " + b"x" * 10 * 2**20, megabytes=64)
    scene.server.faults.clear()
    dropped(scene, b"* " + b"x" * 20 * 2**20, megabytes=64)


@FAULTS.line(44)
def another_tag(scene: Scene) -> None:
    signed_in(scene)
    once(scene.server, rb"NOOP|LIST", say(b"Z99 OK done\r\n"))
    assert scene.get().uids == [3, 2, 1], "on a new connection"
    scene.cool()
    scene.server.faults[rb"SELECT"] = say(b"Z99 OK done\r\n")
    assert scene.get().status == 503
    assert stores.pool().idle_count() == 0


@FAULTS.line(45)
def duplicate_tag(scene: Scene) -> None:
    def twice(line: Line) -> None:
        line.usual()
        line.say(b"%t OK done\r\n")

    signed_in(scene)
    once(scene.server, rb"(LIST|LSUB|STATUS)", twice)
    scene.get()
    assert scene.get().uids == [3, 2, 1]


@FAULTS.line(61)
def no_idle(scene: Scene) -> None:
    scene.server.capabilities += b" IDLE"
    signed_in(scene)
    scene.get()
    scene.open()
    assert not [line for line in scene.server.heard if line.upper().startswith(b"IDLE")]
    assert stores.pool().idle_seconds < 29 * 60, "a silent connection is closed long before"
