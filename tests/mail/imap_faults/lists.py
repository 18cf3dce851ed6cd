"""Numbers, orders and searches that cannot be."""

from __future__ import annotations

import re

from apps.mail.mailbox.imap import sorting
from apps.mail.services import stores
from tests.mail.imap_faults.server import FAULTS, Scene, before, say, signed_in
from tests.support.imap import FaultyImap, faulty_imap, plain


class Million(FaultyImap):
    """Rows are made as they are asked for."""

    def selected(self) -> bytes:
        return b"* 1000000 EXISTS\r\n* OK [UIDVALIDITY 7] x\r\n* OK [UIDNEXT 1000001] x\r\n"

    def rows(self, words: bytes) -> list[bytes]:
        found = re.match(rb"(?:UID )?FETCH (\d+):(\d+) ", words)
        assert found, words
        low, high = int(found[1]), int(found[2])
        assert high - low < 100, words
        self.messages = {uid: plain(f"Subject {uid}", number=uid) for uid in range(low, high + 1)}
        return [b"* %d FETCH (%b)\r\n" % (uid, self._items(uid, words)) for uid in range(low, high + 1)]


@FAULTS.line(53)
def a_million_messages(scene: Scene) -> None:
    for capabilities in (b"IMAP4rev1 SORT ESORT ESEARCH", b"IMAP4rev1"):
        server = Million(capabilities=capabilities)
        server.faults[rb"UID SORT"] = say(b"* ESEARCH UID ALL 1:1000000\r\n%t OK\r\n")
        server.faults[rb"UID SEARCH ALL"] = say(
            b"* SEARCH " + b" ".join(map(b"%d".__mod__, range(1, 1_000_001))) + b"\r\n%t OK\r\n"
        )
        with faulty_imap(server):
            million = Scene(server, scene.monkeypatch, scene.settings, scene.folder).begin()
            signed_in(million)
            answer = million.get()
            assert answer.uids == list(range(1_000_000, 999_950, -1))
            server.heard.clear()
            assert million.get().uids == answer.uids
            assert len(server.heard) < 12
            stores.pool().close_all()
    scene.begin()


@FAULTS.line(54)
def highest_uids(scene: Scene) -> None:
    top = 2**32 - 1
    scene.server.messages |= {top - 1: plain("Subject last but one", number=8), top: plain("Subject last", number=9)}
    signed_in(scene)
    assert scene.get().uids == [top, top - 1, 3, 2, 1]
    assert scene.open(top).status == 200
    assert scene.open(top - 1).status == 200
    del scene.server.messages[2]
    assert scene.get().uids == [top, top - 1, 3, 1]
    assert scene.get(q="words").uids == [top, top - 1, 3, 1]
    scene.server.faults[rb"UID SEARCH"] = say(b"* SEARCH 0 1 4294967296 99999999999\r\n%t OK\r\n")
    assert scene.get(q="others").uids == [1]
    scene.server.capabilities += b" SORT"
    scene.cool()
    stores.pool().memory.clear()
    scene.server.faults = {rb"UID SORT": say(b"* SORT 1 0 4294967296 3\r\n%t OK\r\n")}
    assert scene.get().status == 200


@FAULTS.line(55)
def odd_modseqs(scene: Scene) -> None:
    scene.server.capabilities += b" CONDSTORE"
    signed_in(scene)
    told = b"* OK [HIGHESTMODSEQ %b] x\r\n* 1 FETCH (UID 1 FLAGS () MODSEQ (%b))\r\n"
    for value in (b"-1", b"9223372036854775808", b"0", b"99999999999999999999999"):
        scene.cool()
        scene.server.faults = {rb"SELECT|NOOP|UID FETCH": before(told % (value, value))}
        for query in ({}, {"q": "words"}, {"q": "is:unread words"}):
            assert scene.get(**query).status == 200


@FAULTS.line(58)
def ghosts_in_a_search(scene: Scene) -> None:
    signed_in(scene)
    scene.server.faults[rb"UID SEARCH"] = say(b"* SEARCH 2 77 78\r\n%t OK\r\n")
    assert scene.get(q="words").uids == [2]


@FAULTS.line(59)
def no_sort(scene: Scene) -> None:
    signed_in(scene)
    for uid, subject in ((1, "Beta"), (2, "Alpha"), (3, "Gamma")):
        scene.server.messages[uid] = plain(subject, number=uid)
    stores.pool().memory.clear()
    scene.post("/mail/INBOX/sort/", sort="subject")
    assert scene.get().uids == [2, 1, 3]
    scene.monkeypatch.setattr(sorting, "MOST_HERE", 2)  # type: ignore[attr-defined]
    stores.pool().memory.clear()
    answer = scene.get()
    assert (answer.status, answer.uids) == (200, [3, 2, 1]), "within bounds"
    assert scene.server.commands(b"UID SORT") == []


@FAULTS.line(60)
def esearch_of_somebody_else(scene: Scene) -> None:
    scene.server.capabilities += b" ESEARCH"
    signed_in(scene)
    answer = b'* ESEARCH (TAG "zz") UID ALL 1:3\r\n* ESEARCH (TAG "%t") UID ALL 2\r\n%t OK\r\n'
    scene.server.faults[rb"UID SEARCH"] = say(answer)
    assert scene.get(q="words").uids == [2]
