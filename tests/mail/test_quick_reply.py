"""The quick reply below a message: from its form to the post, with scripts and without."""

from __future__ import annotations

from django.contrib.auth import get_user_model
from selectolax.lexbor import LexborHTMLParser

from apps.mail.prefs import ANSWER, FORMAT
from portal.prefs import for_user
from tests.mail.conftest import HTMX, letter
from tests.mail.desk import Desk, Writer
from tests.support import forms
from tests.support.receiver import arrived, read, text_of


def prefer(writer: Writer, values: dict) -> None:
    user = get_user_model().objects.get(pk=writer.person.client.session["_auth_user_id"])
    for_user(user).save(values)


def received(writer: Writer, **more: str) -> tuple[int, str, str]:
    friend, third = writer.post.new_login(), writer.post.new_login()
    address = f"Zoe <{writer.person.server.address(friend)}>"
    cc = writer.person.server.address(third)
    uid = writer.person.receive(
        letter("Tent", text="Shall we?\nNow?", sender=address, to=writer.address, Cc=cc, **more)
    )[0]
    return uid, friend, third


def quick(writer: Writer, uid: int, **query: str) -> tuple[forms.Fields, LexborHTMLParser]:
    url = writer.person.url("quick", "INBOX", uid, v=writer.person.uidvalidity(), **query)
    html = writer.person.client.get(url, headers=HTMX).content.decode()
    return forms.fields(html, "quick"), LexborHTMLParser(html)


def press(writer: Writer, fields: forms.Fields, action: str = "send", *, json: bool = False, **changes: str):
    data = {**fields, "action": action, **changes}
    accept = {"headers": {"accept": "application/json"}} if json else {}
    return writer.person.client.post("/mail/@/compose/", data, **accept)


def test_what_is_written_is_answered_with_the_original_below(writer: Writer) -> None:
    uid, friend, third = received(writer)
    fields, tree = quick(writer, uid)
    assert [chip.text().strip() for chip in tree.css(".chip")] == ["Zoe"]
    assert "To all, 2 people" in tree.body.text()
    back = writer.person.url("message", "INBOX", uid, v=writer.person.uidvalidity())
    answer = press(writer, fields, written="Yes,\r\nwe <shall>.", back=back)
    assert answer["Location"] == back
    sent = read(arrived(writer.post, friend)[0])
    assert text_of(sent).startswith("Yes,\nwe <shall>.\n\nOn ")
    assert "> Shall we?\n> Now?" in text_of(sent)
    assert sent["Subject"] == "Re: Tent"
    assert sent["In-Reply-To"]
    assert "\\Answered" in writer.person.flags(uid)
    assert writer.post.received(third) == []


def test_to_everybody_and_back_to_nowhere_else(writer: Writer) -> None:
    uid, friend, third = received(writer)
    fields, tree = quick(writer, uid, all="")
    assert len(tree.css(".chip")) == 2
    answer = press(writer, fields, written="All of us", back="https://evil.example/")
    assert answer["Location"] == writer.person.url("mailbox", "INBOX")
    assert [len(arrived(writer.post, login)) for login in (friend, third)] == [1, 1]


def test_a_draft_is_kept_replaced_and_sent(writer: Writer) -> None:
    uid, friend, _third = received(writer)
    fields, _tree = quick(writer, uid)
    first = press(writer, fields, "save", json=True, written="Half").json()
    second = press(writer, fields, "save", json=True, written="Half a word", draft=first["draft"]).json()
    (draft,) = writer.stored("Drafts")
    assert text_of(read(draft)).startswith("Half a word\n\nOn ")
    desk = Desk(writer.person).open(second["url"])
    assert desk.value("text").startswith("Half a word\n\nOn ")
    press(writer, fields, written="Half a word more", draft=second["draft"])
    assert text_of(read(arrived(writer.post, friend)[0])).startswith("Half a word more\n\nOn ")
    assert writer.stored("Drafts") == []


def test_what_is_wrong_leads_to_the_writing_page_with_every_word(writer: Writer) -> None:
    uid, _friend, _third = received(writer)
    fields, _tree = quick(writer, uid)
    answer = press(writer, fields, written="My words", to="nobody at all")
    assert answer.status_code == 422
    page = forms.fields(answer.content.decode(), "compose")
    assert page["text"][0].startswith("My words\n\nOn ")
    opened = forms.fields(press(writer, fields, "attach", written="My words").content.decode(), "compose")
    assert opened["text"][0].startswith("My words\n\nOn ")
    assert (opened["id"], opened["source"]) == (fields["id"], fields["source"])
    lost = forms.fields(press(writer, fields, "attach", written="My words", place="").content.decode(), "compose")
    assert lost["text"][0].startswith("My words\n\n"), "also where the place is not there"


def test_below_the_quote_and_in_rich_text(writer: Writer) -> None:
    prefer(writer, {ANSWER: "below", FORMAT: "html"})
    uid, friend, _third = received(writer)
    fields, _tree = quick(writer, uid)
    press(writer, fields, written="Yes & no\r\n\r\nZ")
    sent = read(arrived(writer.post, friend)[0])
    html = sent.get_body(("html",)).get_content()
    assert html.index("Shall we") < html.index("Yes &amp; no<br>")
    assert "[[" not in html
    assert "[[" not in text_of(sent)


def test_without_scripts_the_field_leads_to_the_writing_page(writer: Writer) -> None:
    uid, _friend, _third = received(writer)
    page = writer.person.client.get(writer.person.url("message", "INBOX", uid, v=writer.person.uidvalidity()))
    form = LexborHTMLParser(page.content.decode()).css_first("#quick")
    answer = writer.person.client.post(form.attributes["action"], {"written": "My\r\nwords"})
    assert forms.fields(answer.content.decode(), "compose")["text"][0].startswith("My\nwords\n\nOn ")
    asked = writer.person.client.get(form.attributes["data-form"])
    assert asked["Location"] == form.attributes["action"], "its form is nothing to look at"
