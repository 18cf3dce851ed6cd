"""How the list is laid out: chosen in its menu or in the preferences, without scripts too, and part of no address."""

from __future__ import annotations

import io
import re
from email.message import EmailMessage

import pytest
from PIL import Image
from selectolax.lexbor import LexborHTMLParser as HTMLParser

from apps.auth.models import User
from apps.mail.list_prefs import COLUMNS, PANE, ROWS
from apps.mail.prefs import ENDLESS, PAGE_SIZE
from apps.prefs.models import PreferenceDefault
from portal.prefs import BadValue, for_user
from tests.mail.conftest import HTMX, Person, letter
from tests.mail.test_list import page_of, subjects

pytestmark = pytest.mark.django_db


@pytest.fixture
def server(dovecot, settings):
    """What is drawn does not depend on the server."""
    settings.IMAP_URL = dovecot.url
    return dovecot


def prefs(person: Person):
    return for_user(User.objects.get(login=person.login))


def lay(person: Person, *, fragment: bool = False, **choices: object):
    return person.client.post("/mail/INBOX/layout/?role=inbox", choices, headers=HTMX if fragment else {})


def main_class(html: str) -> str:
    return HTMLParser(html).css_first("#main").attributes["class"] or ""


def test_choices_hold_at_once_and_later(anna: Person) -> None:
    anna.receive(letter("one"), letter("two"))
    assert main_class(page_of(anna)) == "main cols-list"
    assert "layouts.css" not in page_of(anna), "what is usual needs nothing more"
    answer = lay(anna, pane="below")
    assert answer["Location"] == "/mail/INBOX/"
    answer = lay(anna, fragment=True, rows="columns")
    assert 'data-layout="below columns"' in answer.content.decode(), "the list in place of the one that is shown"
    lay(anna, density="compact")
    html = page_of(anna)
    assert main_class(html) == "main cols-list below columns compact"
    assert 'data-layout="below columns compact"' in html and "layouts.css" in html
    menu = page_of(anna, "/mail/INBOX/layout/")
    pressed = re.findall(r'name="(\w+)" value="(\w+)" aria-pressed="true"', menu)
    assert {("pane", "below"), ("rows", "columns"), ("density", "compact"), ("page_size", "50")} <= set(pressed)
    lay(anna, pane="sideways", rows="", density="9", page_size="3", endless="maybe")
    assert main_class(page_of(anna)) == "main cols-list below columns compact", "what is no choice changes nothing"
    lay(anna, endless="yes")
    lay(anna, page_size="25")
    assert (prefs(anna)[ENDLESS], prefs(anna)[PAGE_SIZE]) == (True, "25")
    lay(anna, endless="no")
    assert prefs(anna)[ENDLESS] is False
    page = anna.client.get("/preferences/mail.list/").content.decode()
    assert "Swiping a message to the left" in page and 'value="below"' in page


def test_what_the_site_has_set_is_said_and_stays(anna: Person) -> None:
    PreferenceDefault.objects.create(key=PANE.key, value="beside", locked=True, reason="One for all")
    menu = HTMLParser(page_of(anna, "/mail/INBOX/layout/"))
    assert all("disabled" in button.attributes for button in menu.css("[name=pane]"))
    assert "disabled" not in menu.css_first("[name=rows]").attributes
    answer = lay(anna, fragment=True, pane="off")
    assert answer.status_code == 204 and "administrator" in answer["HX-Trigger"]
    assert lay(anna, pane="off").status_code == 302
    assert main_class(page_of(anna)) == "main cols-list"


def test_columns_say_what_there_is_to_know_and_sort(anna: Person) -> None:
    with_file = EmailMessage()
    with_file["From"], with_file["Subject"] = "Bo <bo@example.test>", "b with a file"
    with_file.set_content("See there.")
    with_file.add_attachment(b"x" * 5000, maintype="application", subtype="octet-stream", filename="x.bin")
    anna.receive(letter("c"), with_file.as_bytes(), letter("a"))
    lay(anna, rows="columns")
    html = page_of(anna)
    tree = HTMLParser(html)
    heads = {head.text(strip=True): head.attributes.get("aria-sort") for head in tree.css("[role=columnheader]")}
    assert (heads["Date"], heads["Sender"], heads["Size"]) == ("descending", "none", "none")
    assert heads["Labels"] is None, "nothing is sorted by them"
    assert tree.css_first(".grp") is None, "the date stands in each row"
    row = tree.css_first("[role=table] [role=rowgroup] > .msg[role=row]")
    assert {cell.attributes.get("role") for cell in row.iter()} == {"cell"}
    found = next(row for row in tree.css(".msg") if "with a file" in row.text())
    assert "with attachment" in found.css_first(".k-attachment").text() and "KB" in found.css_first(".k-size").text()
    by_subject = tree.css_first("#head-subject").attributes["value"]
    anna.client.post("/mail/INBOX/sort/", {"sort": by_subject})
    html = page_of(anna)
    assert subjects(html) == ["a", "b with a file", "c"]
    head = HTMLParser(html).css_first(".k-subject[role=columnheader]")
    assert head.attributes["aria-sort"] == "ascending" and head.css_first("button").attributes["value"] == "-subject"
    anna.client.post("/mail/INBOX/sort/", {"sort": "-size"})
    assert subjects(page_of(anna))[0] == "b with a file"
    lay(anna, choose="columns", columns=["size", "nothing"])
    html = page_of(anna)
    assert HTMLParser(html).css_first(".k-size") and not HTMLParser(html).css_first(".k-date, .k-labels, .k-attachment")
    act = {"one": "flag:1", "v": anna.uidvalidity(), "role": "inbox"}
    drawn = anna.client.post("/mail/INBOX/act/", act, headers=HTMX).content.decode()
    assert 'class="k-size num" role="cell"' in drawn, "a row that is drawn anew is one of the same columns"
    lay(anna, choose="columns")
    assert prefs(anna)[COLUMNS] == ()
    assert subjects(page_of(anna))[0] == "b with a file"
    searched = HTMLParser(page_of(anna, "/mail/INBOX/", q="file"))
    assert searched.css_first("[role=columnheader].k-subject").text(strip=True) == "Subject"
    assert not searched.css_first("#col-sort"), "what is found comes newest first"


def test_columns_that_are_none_are_not_kept(anna: Person) -> None:
    for wrong in (("nothing",), "size"):
        with pytest.raises(BadValue):
            prefs(anna).save({COLUMNS: wrong})


def test_an_address_leads_everybody_to_the_same(anna: Person) -> None:
    anna.receive(*(letter(f"n{number}") for number in range(4)))
    first, second = page_of(anna), anna.url("message", "INBOX", 2, v=anna.uidvalidity(), role="inbox")
    lay(anna, pane="off", rows="columns", density="comfortable")

    def rows(html: str) -> list[tuple[str, str]]:
        return re.findall(r'class="go who ell" dir="auto" href="([^"]+)".*?<b class="ell">(.*?)</b>', html, re.DOTALL)

    assert rows(page_of(anna)) == rows(first)
    html = page_of(anna, second)
    tree = HTMLParser(html)
    assert tree.css_first("#reading h1").text() == "n1"
    assert "hx-get" not in tree.css_first("#list").attributes, "no list is beside it"
    assert tree.css_first("#reading [rel=next]") and tree.css_first("#reading [rel=prev]")
    back = tree.css_first("#reading .bar .only-m").attributes["href"]
    assert back == "/mail/INBOX/?role=inbox#m2" and 'id="m2"' in page_of(anna, back.partition("#")[0])
    lay(anna, pane="beside")
    assert HTMLParser(page_of(anna, second)).css_first("#list").attributes["hx-trigger"] == "load"


def test_pages_and_scrolling_both_lead_on(anna: Person) -> None:
    anna.receive(*(letter(f"n{number}") for number in range(30)))
    prefs(anna).save({ROWS: "columns", PAGE_SIZE: "25"})
    tree = HTMLParser(page_of(anna))
    assert len(tree.css(".msg")) == 25 and tree.css_first("[rel=next]") and not tree.css_first("[data-endless]")
    lay(anna, endless="yes")
    tree = HTMLParser(page_of(anna))
    assert tree.css_first("[data-endless][role=row] > [role=cell] > a") and tree.css_first("[rel=next]")
    more = anna.client.get(tree.css_first("[data-endless] a").attributes["hx-get"], headers=HTMX).content.decode()
    assert len(HTMLParser(more).css(".msg.cells[role=row]")) == 5


def picture(kind: str, size: tuple[int, int] = (640, 480)) -> bytes:
    target = io.BytesIO()
    Image.new("RGB", size, "teal").save(target, kind)
    return target.getvalue()


def test_pictures_are_shown_small(anna: Person) -> None:
    message = EmailMessage()
    message["From"], message["Subject"] = "Bo <bo@example.test>", "pictures"
    message.set_content("Look.")
    message.add_attachment(picture("JPEG"), maintype="image", subtype="jpeg", filename="lake.jpeg")
    message.add_attachment(picture("WEBP", (50, 900)), maintype="image", subtype="webp", filename="tower.webp")
    message.add_attachment(b"\xff\xd8\xff and no more", maintype="image", subtype="jpeg", filename="broken.jpeg")
    message.add_attachment(b"<svg/>", maintype="image", subtype="svg+xml", filename="drawing.svg")
    anna.receive(message.as_bytes())
    tree = HTMLParser(page_of(anna, anna.url("message", "INBOX", 1, v=anna.uidvalidity())))
    small = [image.attributes["src"] for image in tree.css(".att .small img")]
    assert len(small) == 3, "a drawing could hold scripts"
    sizes = []
    for address in small[:2]:
        answer = anna.client.get(address)
        assert answer["Content-Type"] == "image/png" and "sandbox" in answer["Content-Security-Policy"]
        sizes.append(Image.open(io.BytesIO(answer.content)).size)
    assert sizes[0] == (112, 84) and max(sizes[1]) == 112
    assert anna.client.get(small[2]).status_code == 204, "the sign of its kind stays"
