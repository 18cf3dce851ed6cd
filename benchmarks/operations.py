"""What people do, each beside the least that any client would have to ask the server for it."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Sequence
from urllib.parse import urlencode

from benchmarks.browser import Answer, Browser, SignIn
from benchmarks.floor import BareImap
from benchmarks.measure import Operation
from benchmarks.seed import FAR, NEAR, NEWS
from tests.support.mailserver import DovecotServer

WINDOW = 50
ROW = "UID FLAGS INTERNALDATE RFC822.SIZE ENVELOPE BODYSTRUCTURE"
TEXT = "(FLAGS RFC822.SIZE INTERNALDATE ENVELOPE BODYSTRUCTURE BODY.PEEK[HEADER] BODY.PEEK[1])"
LIST = (
    'LIST (SUBSCRIBED) "" "*" '
    "RETURN (SUBSCRIBED CHILDREN SPECIAL-USE STATUS (MESSAGES UNSEEN UIDNEXT UIDVALIDITY HIGHESTMODSEQ))"
)


class Walk:
    """Somebody's mailbox of ``size`` messages, in a browser and on a bare socket that has INBOX selected."""

    def __init__(self, server: DovecotServer, port: int, login: str, size: int) -> None:
        self.server, self.port, self.login, self.size = server, port, login, size
        self.bare = BareImap(server.imap_port, login)
        self.bare.command("SELECT INBOX")
        self.other = BareImap(server.imap_port, login)  # another client
        self.browser = Browser(port, login)
        page = self.browser.get("/mail/INBOX/")
        self.validity = page.value("data-uidvalidity")
        token = re.search(r'name="csrf-token" content="([^"]+)"', page.text)
        assert token
        self.token = token[1]

    def close(self) -> None:
        self.bare.close()
        self.other.close()

    def fields(self, do: str, uids: Sequence[int], **more: str) -> list[tuple[str, str]]:
        named = {"csrfmiddlewaretoken": self.token, "v": self.validity, "role": "inbox", "do": do} | more
        return [*named.items(), *(("uid", str(uid)) for uid in uids)]

    def rows(self, **query: object) -> Answer:
        """As htmx asks for it: without the page around."""
        return self.browser.get(f"/mail/INBOX/?{urlencode({'role': 'inbox'} | query)}", fragment=True)

    def message(self, uid: int, *, fragment: bool) -> Answer:
        return self.browser.get(f"/mail/INBOX/{uid}/?v={self.validity}&role=inbox", fragment=fragment)

    def part(self, uid: int, path: str, **query: object) -> Answer:
        return self.browser.get(f"/mail/INBOX/{uid}/{path}?{urlencode({'v': self.validity} | query)}")

    def act(self, do: str, uids: Sequence[int], **more: str) -> Answer:
        return self.browser.post("/mail/INBOX/act/", self.fields(do, uids, **more))

    def newest(self, count: int) -> list[int]:
        """UIDs. Asked on another connection: what the two that are measured know stays as it is."""
        self.other.command("SELECT INBOX")
        answer = self.other.command("UID SEARCH ALL")
        uids = answer.partition(b"* SEARCH")[2].partition(b"\r\n")[0].split()
        return [int(uid) for uid in uids[-count:]]


def signing_in(walk: Walk) -> Iterator[Operation]:
    pages: list[SignIn] = []
    yield Operation(
        name="sign in",
        floor=lambda _: BareImap(walk.server.imap_port, walk.login).close(),
        before=lambda _: pages.append(SignIn(walk.port, walk.login)),
        portal=lambda _: pages[-1].send(),
        rounds=10,
    )


def lists(walk: Walk) -> Iterator[Operation]:
    bare, browser, size = walk.bare, walk.browser, walk.size
    first = f"FETCH {max(1, size - WINDOW + 1)}:{size} ({ROW})"
    middle = f"FETCH {max(1, size // 2 - WINDOW + 1)}:{size // 2} ({ROW})"
    yield Operation(
        name="folder tree, fragment",
        floor=lambda _: bare.command(LIST),
        portal=lambda _: browser.get("/mail/@/folders/?mailbox=INBOX", fragment=True),
    )
    yield Operation(
        name="list, whole page",
        floor=lambda _: bare.command(LIST, "NOOP", first),
        portal=lambda _: browser.get("/mail/INBOX/"),
        above=12,
    )
    yield Operation(
        name="list, fragment",
        floor=lambda _: bare.command("NOOP", first),
        portal=lambda _: walk.rows(),
        above=7,
    )
    yield Operation(
        name="list, middle, fragment",
        floor=lambda _: bare.command("NOOP", middle),
        portal=lambda _: walk.rows(start=size // 2),
        above=7,
    )
    # Each page once, first all of the one and then all of the other: two sessions that read old messages by turns make
    # Dovecot bring the other's view of a large Maildir up to date each time (170 ms), which nobody's mail program does.
    yield Operation(
        name="list, never seen before",
        floor=lambda n: bare.command("NOOP", _cold(size, 2 * n + 2)),
        portal=lambda n: walk.rows(start=(2 * n + 3) * WINDOW),
        above=60,
        rounds=min(12, (size // WINDOW - 4) // 2),
        warm=0,
        by_turns=False,
    )
    yield Operation(
        name="sort by subject, again",
        floor=lambda _: bare.command("UID SORT (SUBJECT) UTF-8 ALL"),
        portal=lambda _: walk.rows(sort="subject"),
        within=20,
        rounds=20,
    )
    yield _refresh(walk)


def _refresh(walk: Walk) -> Operation:
    """As the page's own timer asks."""
    shown = walk.browser.get("/mail/INBOX/").value("data-state", after='id="list"')
    mark = ""

    def ask(_: int) -> Answer:
        nonlocal mark
        answer = walk.browser.get(f"/mail/INBOX/news/?role=inbox&state={shown}&mark={mark}", fragment=True)
        mark = answer.headers["X-Mail-Mark"]
        assert not answer.octets, "there is something new"
        return answer

    return Operation(name="refresh, nothing new", floor=lambda _: walk.bare.command("NOOP", LIST), portal=ask, above=4)


def _cold(size: int, page: int) -> str:
    """A page of rows with their first words."""
    high = max(1, size - page * WINDOW)
    return f"FETCH {max(1, high - WINDOW + 1)}:{high} ({ROW} PREVIEW)"


def messages(walk: Walk) -> Iterator[Operation]:
    bare, size = walk.bare, walk.size
    *news, html, file = walk.newest(NEWS + 1)
    # Each is unread, and is marked as read once its answer has gone out. Between two of them the list is looked at.
    for place, (name, fragment, above) in enumerate((("fragment", True, 6), ("whole page", False, 10))):
        yield _opening(walk, f"open text, {name}", size - 100 * (place + 1), fragment=fragment, above=above)
    yield _opening(walk, "open text, 3 s later", size - 300, fragment=True, seconds=3.0)
    yield Operation(
        name="open HTML, first time",
        floor=lambda n: bare.command(f"UID FETCH {news[n]} {TEXT[:-1]} BODY.PEEK[2])"),
        portal=lambda n: walk.message(news[n], fragment=True),
        above=6,
        rounds=len(news) - 2,
    )
    yield Operation(
        name="open HTML, again",
        floor=lambda _: bare.command(f"UID FETCH {html} {TEXT[:-1]} BODY.PEEK[2])"),
        portal=lambda _: walk.message(html, fragment=True),
        above=6,
    )
    yield Operation(
        name="its HTML in the frame",
        floor=lambda _: bare.command(f"UID FETCH {html} (BODY.PEEK[2])"),
        portal=lambda _: walk.part(html, "body/2/"),
    )
    yield Operation(
        name="open with 1 MB file",
        floor=lambda _: bare.command(f"UID FETCH {file} {TEXT}"),
        portal=lambda _: walk.message(file, fragment=True),
        above=6,
    )
    yield Operation(
        name="download that file",
        floor=lambda _: bare.command(f"UID FETCH {file} (BODY.PEEK[2])"),
        portal=lambda _: walk.part(file, "part/2/", save=1),
        rounds=20,
    )
    yield Operation(name="compose page", portal=lambda _: walk.browser.get("/mail/@/compose/"))


def _opening(walk: Walk, name: str, newest: int, *, fragment: bool, above: float = 0, seconds: float = 0) -> Operation:
    """The text of one message after the other. Who reads for seconds meets what the server does about a mailbox that
    has changed, and processors that have gone to sleep."""

    def rest(_: int) -> None:
        walk.rows()
        time.sleep(seconds)

    return Operation(
        name=name,
        floor=lambda n: walk.bare.command(f"FETCH {max(1, newest - n)} {TEXT}"),
        portal=lambda n: walk.message(max(1, newest - n), fragment=fragment),
        after=rest,
        above=above,
        rounds=5 if seconds else 0,
        by_turns=not seconds,  # as above: each would pay for what the other has done
    )


def changes(walk: Walk) -> Iterator[Operation]:
    bare = walk.bare
    uid = walk.newest(5)[0]
    sign = ("+", "-")
    yield Operation(
        name="flag",
        floor=lambda n: bare.command(f"UID STORE {uid} {sign[n % 2]}FLAGS (\\Flagged)"),
        portal=lambda n: walk.act(("flag", "unflag")[n % 2], [uid]),
        above=4,
    )
    chosen: list[int] = []

    def choose(_: int) -> None:
        chosen[:] = walk.newest(WINDOW)

    def back(_: int) -> None:
        walk.other.command("SELECT Archive")
        walk.other.command("UID MOVE 1:* INBOX")

    def move_bare(_: int) -> None:
        bare.command("NOOP")  # else this session would not know the messages yet, and move none
        assert b"COPYUID" in bare.command(f"UID MOVE {chosen[0]}:{chosen[-1]} Archive")

    yield Operation(
        name="move 50",
        before=choose,
        portal=lambda _: walk.act("move", chosen, to="Archive"),
        after=back,
        floor=move_bare,
        above=4,
        rounds=8,
    )


def searches(walk: Walk) -> Iterator[Operation]:
    bare, browser = walk.bare, walk.browser

    def whole(word: str) -> Answer:
        """All stretches of it, as the page asks for them."""
        answer = walk.rows(q=f"subject:{word}")
        while found := re.search(r'data-running hx-get="([^"]+)"', answer.text):
            answer = browser.get(found[1].replace("&amp;", "&"), fragment=True)
        return answer

    yield Operation(
        name="search, first hit",
        floor=lambda _: bare.command(f"UID SEARCH SUBJECT {NEAR}"),
        portal=lambda _: walk.rows(q=f"subject:{NEAR}"),
        within=200,
        rounds=10,
    )
    yield Operation(
        name="search, nowhere",
        floor=lambda _: bare.command(f"UID SEARCH SUBJECT {FAR}"),
        portal=lambda _: whole(FAR),
        times=1.3,
        rounds=5,
        warm=1,
    )


PARTS = {"sign-in": signing_in, "lists": lists, "messages": messages, "changes": changes, "searches": searches}
