"""Searches as pages: operators as chips, several folders at once, what is done there, saved searches."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from html import unescape

import pytest

from apps.mail.mailbox.imap import scan
from apps.mail.mailbox.store import Mailbox, Summary
from apps.mail.mime.parts import Envelope
from apps.mail.models import SavedSearch
from apps.mail.services import searching, stores
from apps.mail.services.refs import MessageRef
from apps.mail.services.searching import Cursor
from apps.mail.services.several import Accounts
from apps.mail.services.view import View
from tests.mail.conftest import HTMX, Person, days_ago, letter
from tests.mail.everywhere import every_server  # noqa: F401 - a fixture
from tests.mail.test_list import labels, page_of, set_page_size, subjects
from tests.support.vectors import items

VECTORS = items("query_injection")


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A request takes its time, however busy the machine; tests of the opposite leave it none."""
    monkeypatch.setattr(searching, "SECONDS", 600)
    monkeypatch.setattr(searching, "SOON", 600)
    monkeypatch.setattr(scan, "SOON", 600)


def chips(html: str) -> list[tuple[str, str]]:
    """(what it says, where its cross leads)"""
    found = re.findall(
        r'<li class="chip op[^"]*"><input type="hidden" name="q" value="([^"]*)">.*?<a class="x" href="([^"]*)"', html
    )
    return [(unescape(text), unescape(href)) for text, href in found]


def box(html: str) -> str:
    return unescape(re.search(r'<input type="search" name="q" value="([^"]*)"', html)[1])


def more(html: str) -> tuple[str, str]:
    """The addresses of the next page and of the next rows; both "" at the end."""
    found = re.search(r'<li class="go-on"[^>]*>.*?</li>', html, re.DOTALL)
    if not found:
        return "", ""
    return tuple(unescape(re.search(rf' {name}="([^"]*)"', found[0])[1]) for name in ("href", "hx-get"))


def state(html: str) -> str:
    return re.sub(r"<[^>]*>", "", re.search(r'id="found-state".*?>(.*?)</div>', html, re.DOTALL)[1]).strip()


@pytest.fixture
def filled(anna: Person) -> Person:
    anna.receive(letter("Ice radar", sender="Søren Kjær <soren@radar.test>"), date=days_ago(400))
    anna.receive(letter("Radar plan"), mailbox="Projects", date=days_ago(3), flags="\\Seen")
    anna.receive(letter("Radar answer"), mailbox="Sent", date=days_ago(2), flags="\\Seen")
    anna.receive(letter("Radar sale"), mailbox="Junk", date=days_ago(1))
    anna.receive(letter("Old radar"), mailbox="Trash", date=days_ago(0.5))
    anna.receive(letter("Radar today"))
    return anna


def test_operators_are_chips_and_words_stay_words(filled: Person) -> None:
    html = page_of(filled, q='from:søren radar "ice radar" -is:flagged')
    assert subjects(html) == ["Ice radar"]
    assert box(html) == 'radar "ice radar"'
    (first, without), (second, _rest) = chips(html)
    assert (first, second) == ("from:søren", "-is:flagged")
    assert 'aria-label="Remove from:søren"' in html
    assert subjects(page_of(filled, without)) == ["Ice radar"]
    assert [text for text, _ in chips(page_of(filled, without))] == ["-is:flagged"]


def test_chips_and_typed_words_come_together_in_one_form(filled: Person) -> None:
    html = page_of(filled, "/mail/INBOX/?q=from:s%C3%B8ren&q=&q=radar")
    assert (subjects(html), box(html), chips(html)[0][0]) == (["Ice radar"], "radar", "from:søren")


def test_values_that_say_nothing_are_told_and_left_out(filled: Person) -> None:
    html = page_of(filled, q="before:soon radar is:blue larger: in:nowhere")
    assert html.count('class="chip op bad"') == 3  # in:nowhere is well-formed: only the server can tell
    for words in (
        "write a day like",
        "you can write unread, read, flagged, answered",
        "write a size like",
        "no folder with that name",
    ):
        assert words in html
    assert subjects(page_of(filled, q="before:soon radar")) == ["Radar today", "Ice radar"]


def test_every_line_of_the_injections_is_run() -> None:
    assert len(VECTORS) == len({item["id"] for item in VECTORS}) == 21


@pytest.mark.parametrize("item", VECTORS, ids=[item["id"] for item in VECTORS])
def test_query_injection(filled: Person, item: dict[str, str]) -> None:
    text = item["input"]
    stranger = SavedSearch.objects.create(user_id=_somebody(), name="theirs", key="x", query="q", mailbox="INBOX")
    for query in (
        {"q": text},
        {"q": f'from:"{text}" {text}', "where": "all"},
        {"q": f"in:{text}"},
        {"q": f"larger:{text} before:{text}"},
    ):
        answer = filled.client.get("/mail/INBOX/", query)
        assert answer.status_code == 200
    numbers = ("after", "before", "start", "searched", "window", "shown", "v")
    for names in (numbers, ("at", "where", "show", "day", "part", "role")):
        for where in ("", "all"):
            query = {"q": "radar", "where": where, "part": "rows"} | dict.fromkeys(names, text)
            assert filled.client.get("/mail/INBOX/", query, headers=HTMX).status_code == 200
    kept = filled.client.post("/mail/@/searches/", {"name": text, "q": text, "mailbox": "INBOX"})
    assert kept.status_code == 302
    assert filled.client.get("/mail/@/searches/").status_code == 200
    for path in (f"/mail/@/searches/{stranger.pk}/", f"/mail/@/searches/{'9' * 40}/"):
        for do in ("rename", "delete", "place", text):
            answer = filled.client.post(path, {"do": do, "name": text, "to": text})
            assert answer.status_code in {302, 404}
    stranger.refresh_from_db()
    assert (stranger.name, SavedSearch.objects.filter(user=stranger.user).count()) == ("theirs", 1)
    for form in (
        {"do": text, "ref": text},
        {"do": "read", "ref": text},
        {"one": f"read:{text}"},
        {"do": "move", "to": text, "ref": "INBOX:1:1"},
    ):
        assert filled.client.post("/mail/@/found/act/", form).status_code in {302, 400, 404}
    assert filled.client.post("/mail/@/undo/", {"ways": text}).status_code == 400


def _somebody() -> int:
    from apps.auth.models import User

    return User.objects.create(login="stranger").pk


# several folders


def test_all_folders_newest_first_each_row_says_where(filled: Person) -> None:
    html = page_of(filled, q="radar", where="all")
    assert subjects(html) == ["Radar today", "Radar answer", "Radar plan", "Ice radar"]
    assert re.findall(r'<span class="tag" dir="auto">(.*?)</span>', html) == ["Inbox", "Sent", "Projects", "Inbox"]
    assert [label.rpartition(", ")[2] for label in labels(html)] == ["Inbox", "Sent", "Projects", "Inbox"]
    assert state(html) == "4 messages with “radar”"


@pytest.mark.parametrize(
    ("q", "found"),
    [
        ("in:anywhere radar", ["Radar today", "Old radar", "Radar sale", "Radar answer", "Radar plan", "Ice radar"]),
        ("in:projects radar", ["Radar plan"]),
        ("in:Sent in:junk radar", ["Radar sale", "Radar answer"]),
        ("in:anywhere -in:trash -in:inbox radar", ["Radar sale", "Radar answer", "Radar plan"]),
        ("-in:inbox radar", ["Radar answer", "Radar plan"]),
        ("in:nowhere radar", []),
        ("in:anywhere is:read", ["Radar answer", "Radar plan"]),
        ("in:anywhere newer:30d older:1d radar", ["Radar answer", "Radar plan"]),
    ],
)
def test_folders_by_name(filled: Person, q: str, found: list[str]) -> None:
    assert subjects(page_of(filled, q=q)) == found


def test_what_was_not_searched_is_said_and_can_be(filled: Person) -> None:
    html = page_of(filled, q="sale", where="all")
    assert "Not searched: Junk, Trash" in html
    there = unescape(re.search(r'<a class="btn" href="([^"]*)">Search there too', html)[1])
    assert subjects(page_of(filled, there)) == ["Radar sale"]
    html = page_of(filled, q="sale")
    everywhere = unescape(re.search(r'<a class="btn" href="([^"]*)">Search all folders', html)[1])
    assert "where=all" in everywhere


def test_pages_over_several_folders_repeat_and_hide_nothing(anna: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    """Twelve of one second in each of two folders, twelve more years apart: with time for one window a request."""
    monkeypatch.setattr(searching, "SECONDS", 0)
    same = datetime(2025, 6, 1, 12, tzinfo=UTC)
    for folder in ("INBOX", "Projects"):
        anna.receive(*(letter(f"{folder} {n}") for n in range(12)), mailbox=folder, date=same)
        for years in range(6):
            anna.receive(letter(f"{folder} year {years}"), mailbox=folder, date=days_ago(365 * years + 1))
    account = stores.account(login=anna.login, password=anna.server.password)
    for size in (5, 7):
        cursor: Cursor | None = None
        days, found = searching.FIRST_DAYS, []
        with stores.open_account(account) as store:
            while not found or cursor is not None:
                sweep = searching._Sweep(
                    Accounts.of(store, every=False), store.mailboxes(status=False), View(q="example.test").query
                )
                hits = sweep.run(cursor and Cursor.parse(str(cursor)), days=days, limit=size)
                assert len(hits) <= size
                found += [hit.summary.envelope.subject for hit in hits]
                cursor, days = sweep.cursor, sweep.days
        assert len(found) == len(set(found)) == 36
        dates = [name for name in found if "year" in name]
        assert dates == sorted(dates, key=lambda name: int(name.rpartition(" ")[2]))


def test_a_search_over_folders_goes_on_where_it_stopped(filled: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(searching, "SECONDS", 0)
    first = page_of(filled, q="radar", where="all")
    assert subjects(first) == ["Radar today", "Radar answer", "Radar plan"]
    assert "3 messages so far" in state(first)
    assert "searched back to" in state(first)
    page, rows = more(first)
    found = []
    while rows:
        assert "data-running" in first
        first = filled.client.get(rows, headers=HTMX).content.decode()
        assert "<html" not in first
        found += subjects(first)
        _page, rows = more(first)
    assert found == ["Ice radar"]
    assert "4 messages with “radar”" in state(first)
    assert subjects(page_of(filled, page)) == [] or subjects(page_of(filled, page)) == ["Ice radar"]


def uids(person: Person, mailbox: str) -> list[int]:
    with person.server.session(person.login) as session:
        session.select(f'"{mailbox}"', readonly=True)
        return [int(uid) for uid in session.uid("SEARCH", "ALL")[1][0].split()]


def refs(person: Person, mailbox: str, *numbers: int) -> list[str]:
    known = uids(person, mailbox)
    return [str(MessageRef(mailbox, person.uidvalidity(mailbox), known[number - 1])) for number in numbers]


def flags(person: Person, mailbox: str) -> set[str]:
    return {flag for uid in uids(person, mailbox) for flag in person.flags(uid, mailbox)}


def test_actions_touch_each_message_in_its_own_folder(filled: Person) -> None:
    """The UIDs are the same in every folder: only with its folder does one mean a message."""
    html = page_of(filled, q="radar", where="all")
    chosen = [unescape(ref) for ref in re.findall(r'name="ref" value="([^"]*)"', html)]
    assert sorted(chosen) == sorted(
        [*refs(filled, "INBOX", 1, 2), *refs(filled, "Sent", 1), *refs(filled, "Projects", 1)]
    )
    form = {
        "do": "flag",
        "ref": refs(filled, "Projects", 1) + refs(filled, "Sent", 1),
        "q": "radar",
        "where": "all",
        "mailbox": "INBOX",
    }
    answer = filled.client.post("/mail/@/found/act/", form, headers=HTMX)
    assert answer.status_code == 200
    assert answer.content.decode().count('hx-swap-oob="true">') >= 2
    assert "\\Flagged" in flags(filled, "Projects") & flags(filled, "Sent")
    assert "\\Flagged" not in flags(filled, "INBOX") | flags(filled, "Junk")
    one = {**form, "do": "", "ref": [], "one": f"archive:{refs(filled, 'Projects', 1)[0]}"}
    answer = filled.client.post("/mail/@/found/act/", one)
    assert answer["Location"] == "/mail/INBOX/?q=radar&where=all"
    assert (filled.count("Projects"), filled.count("Archive"), filled.count("INBOX")) == (0, 1, 2)


def test_moves_from_several_folders_can_be_undone(filled: Person) -> None:
    form = {
        "do": "delete",
        "ref": [*refs(filled, "Projects", 1), *refs(filled, "INBOX", 2), *refs(filled, "Trash", 1)],
        "q": "radar",
        "where": "all",
        "mailbox": "INBOX",
    }
    answer = filled.client.post("/mail/@/found/act/", form, headers=HTMX)
    toast = json.loads(answer["HX-Trigger"])["toast"]
    assert toast["text"].startswith("2 messages moved to the trash. 1 message was left alone")
    assert (filled.count("Projects"), filled.count(), filled.count("Trash")) == (0, 1, 3)
    assert subjects(answer.content.decode()) == ["Radar answer", "Ice radar"]
    if "undo" in toast:  # pymap and Dovecot both tell where messages went
        back = filled.client.post(toast["undo"]["url"], toast["undo"]["values"], headers=HTMX)
        assert json.loads(back["HX-Trigger"])["toast"]["text"] == "2 messages are back."
        assert (filled.count("Projects"), filled.count(), filled.count("Trash")) == (1, 2, 1)


def test_moving_from_several_folders_asks_for_one(filled: Person) -> None:
    form = {
        "do": "move",
        "ref": [*refs(filled, "Sent", 1), *refs(filled, "INBOX", 1)],
        "q": "radar",
        "where": "all",
        "mailbox": "INBOX",
    }
    html = filled.client.post("/mail/@/found/act/", form).content.decode()
    assert html.count('name="ref"') == 2
    assert 'name="to" value="Projects"' in html
    filled.client.post("/mail/@/found/act/", form | {"to": "Projects"})
    assert (filled.count("Projects"), filled.count("Sent"), filled.count()) == (3, 0, 1)
    assert filled.client.post("/mail/@/found/act/", form | {"to": "Nowhere"}).status_code == 404


def test_a_folder_that_was_rebuilt_is_not_touched_and_the_others_are(filled: Person) -> None:
    old = refs(filled, "Projects", 1)
    wrong = [old[0].replace(f":{filled.uidvalidity('Projects')}:", ":7:")]
    form = {"do": "delete", "ref": [*wrong, *refs(filled, "Sent", 1)], "q": "radar", "where": "all", "mailbox": "INBOX"}
    answer = filled.client.post("/mail/@/found/act/", form, headers=HTMX)
    toast = json.loads(answer["HX-Trigger"])["toast"]
    assert (filled.count("Projects"), filled.count("Sent")) == (1, 0)
    assert "1 message was left alone" in toast["text"]
    assert toast["level"] == "error"


def test_a_message_opened_from_all_folders_leads_back_there(filled: Person) -> None:
    html = page_of(filled, q="radar", where="all")
    href = next(h for h in re.findall(r'<a class="go[^>]*href="([^"]*)"', html) if "/Projects/" in h).replace(
        "&amp;", "&"
    )
    page = filled.client.get(href).content.decode()
    assert 'href="/mail/Projects/?q=radar&amp;where=all' in page
    row = filled.client.get(href, headers=HTMX).content.decode()
    (key,) = re.findall(r'<li class="row msg[^"]*" id="m([^"]*)"', row)
    assert f'id="m{key}"' in html


# one folder, window by window


def test_a_slow_search_shows_what_there_is_and_goes_on(anna: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(searching, "SECONDS", 0)
    for name in ("FIRST", "LEAST", "MOST"):
        monkeypatch.setattr(scan, name, 10)
    anna.receive(*(letter("radar" if n in (1, 28) else "other", text=f"n{n}") for n in range(30)))
    html = page_of(anna, q="radar")
    assert len(subjects(html)) == 1
    assert "1 message so far" in state(html)
    assert "10 of 30 messages searched" in state(html)
    page, rows = more(html)
    fragment = filled_fragment = anna.client.get(rows, headers=HTMX).content.decode()
    assert subjects(fragment) == []
    assert "20 of 30 messages searched" in state(fragment)
    fragment = anna.client.get(more(filled_fragment)[1], headers=HTMX).content.decode()
    assert len(subjects(fragment)) == 1
    assert "2 messages with “radar”" in state(fragment)
    assert more(fragment) == ("", "")
    html = page_of(anna, page)  # without scripts: a page at a time
    assert "Newest results" in html
    html = page_of(anna, more(html)[0])
    assert len(subjects(html)) == 1
    assert state(html) == "2 messages with “radar”"


def test_a_search_that_finds_nothing_in_the_end_says_so(anna: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(searching, "SECONDS", 0)
    for name in ("FIRST", "LEAST", "MOST"):
        monkeypatch.setattr(scan, name, 2)
    anna.receive(*(letter(f"n{n}") for n in range(3)))
    html = page_of(anna, q="radar")
    assert "No message with" not in html
    assert "No message with “radar”" in anna.client.get(more(html)[1], headers=HTMX).content.decode()


def test_a_search_that_breaks_off_says_so_in_its_place(anna: Person) -> None:
    headers = HTMX | {"HX-Target": "li#more"}
    answer = anna.client.get("/mail/Nowhere/", {"q": "radar", "part": "rows"}, headers=headers)
    assert answer.status_code == 404
    assert answer.content.decode().strip().startswith('<li id="more"><div class="empty errbox" role="alert">')


def test_full_pages_wait_to_be_asked_for_more(anna: Person) -> None:
    set_page_size(anna, "25")
    anna.receive(*(letter(f"radar {n}") for n in range(60)))
    found, address, html = [], "/mail/INBOX/?q=radar", ""
    while address:
        html = page_of(anna, address)
        assert "data-running" not in html
        found += subjects(html)
        address = more(html)[0]
    assert found == [f"radar {n}" for n in reversed(range(60))]
    assert state(html) == "60 messages with “radar”"
    first = page_of(anna, q="radar")
    assert len(subjects(anna.client.get(more(first)[1], headers=HTMX).content.decode())) == 25


def test_a_cursor_survives_its_address() -> None:
    cursor = Cursor(1764000000, 7, 9, "Projekte/Gr.öße @~")
    assert Cursor.parse(str(cursor)) == cursor
    assert Cursor.parse(str(Cursor(1))) == Cursor(1)
    assert [Cursor.parse(text) for text in ("", "x", "1", "0.1.2.a", "1.2.3.~zz", ".1.1.")] == [None] * 6
    assert Cursor(60).when - Cursor(0).when == timedelta(minutes=1)


def test_copies_of_all_mail_are_shown_where_the_message_lies() -> None:
    """A mailbox like "All mail" shows what lies elsewhere; only what lies nowhere else is shown as its own."""

    def hit(uid: int, role: str, message_id: str) -> searching._Hit:
        noon = datetime(2026, 1, 1, 12, tzinfo=UTC)
        envelope = Envelope(message_id=message_id)
        summary = Summary(uid=uid, flags=frozenset(), size=100, received=noon, envelope=envelope)
        return searching._Hit(Mailbox(name=role or "Projects", role=role), 0, 1, summary)

    hits = [hit(1, "inbox", "<a@x>"), hit(9, "all", "<a@x>"), hit(8, "all", "<b@x>"), hit(2, "", "<a@x>")]
    assert [kept.summary.uid for kept in searching._once(hits)] == [1, 8, 2]
