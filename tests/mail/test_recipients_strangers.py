"""Whom one is about to write to: who is known, who only seems to be, and that nobody gets there by writing to us."""

from __future__ import annotations

import pytest
from django.contrib.auth import get_user_model

from apps.mail.models import Recipient, remember
from portal.contracts import Address, Contact
from portal.testing import with_apps
from tests.mail.conftest import letter
from tests.mail.desk import Writer
from tests.support.books import ScriptedBook, shelf
from tests.support.receiver import PostOffice, arrived

pytestmark = pytest.mark.parametrize("server", ["pymap_server"], indirect=True)  # the server makes no difference here
NAME = "You know this name with another address: anna@felt.example"


class Kept(ScriptedBook):
    """People somebody has a page of."""

    def complete(self, user, prefix, limit):
        return [Contact(each.address, url="/p/") for each in super().complete(user, prefix, limit)]

    def resolve(self, user, emails):
        return {key: Contact(each.address, url="/p/") for key, each in super().resolve(user, emails).items()}


def user_of(writer: Writer):
    return get_user_model().objects.get(login=writer.person.login)


def signs(writer: Writer, people: str) -> dict[str, tuple[str, bool]]:
    answer = writer.person.client.post("/mail/@/recipients/", {"people": people})
    assert answer.status_code == 200
    return {key: (sign["text"], sign["warning"]) for key, sign in answer.json()["signs"].items()}


def test_who_should_be_looked_at_twice(writer: Writer) -> None:
    book = Kept(id="near.book", remote=False, people=[Address("anna@felt.example", "Anna Adams")])
    far = ScriptedBook(people=[Address("dora@far.example", "Dora")])
    remember(user_of(writer).pk, [Address("bo@polar-institute.example", "Bo"), Address("cy@evil.test", "Anna Adams")])
    with with_apps(shelf(book, far)):
        assert signs(writer, "Anna <anna@felt.example>, BO@polar-institute.example, colleague@example.test") == {}
        assert signs(writer, "Adams Anna <x@evil.test>, Anna Adams <cy@evil.test>") == {
            "x@evil.test": (NAME, True),
            "cy@evil.test": (NAME, True),  # also where somebody has been taken in once
        }
        remember(user_of(writer).pk, [Address("eva@one.test", "Eva"), Address("eva@two.test", "Eva")])
        assert signs(writer, "Eva <eva@one.test>, Eva <eva@two.test>") == {}
        assert signs(writer, "anna@fe1t.example, who@polar-lnstitute.example, Dora <dora@far.example>") == {
            "anna@fe1t.example": ("This address looks like one of felt.example, and is not", True),
            "who@polar-lnstitute.example": ("This address looks like one of polar-institute.example, and is not", True),
            "dora@far.example": ("You have not written to this address before", False),
        }
        assert signs(writer, "a@exarnple.test") == {
            "a@exarnple.test": ("This address looks like one of example.test, and is not", True)
        }
        assert signs(writer, '"anna@felt.example" <z@mail.test>')["z@mail.test"][1] is True
        page = writer.new().press("check", to="Anna Adams <x@evil.test>", subject="S", text="T")
    assert page.tips == [f"x@evil.test: {NAME}."]
    assert far.calls == []  # nobody waits for a directory
    assert signs(writer, "") == {} and len(signs(writer, ",".join(f"a{n}@b{n}.test" for n in range(90)))) == 30


def test_signs_need_the_key_and_a_mailbox(writer: Writer, client, settings) -> None:
    assert client.post("/mail/@/recipients/", {"people": "a@x.test"}).status_code == 401
    assert writer.person.client.get("/mail/@/recipients/").status_code == 405
    del writer.person.client.cookies[settings.CREDENTIALS_COOKIE_NAME]
    answer = writer.person.client.post("/mail/@/recipients/", {"people": "a@x.test"})
    assert answer.status_code == 401 and b"before" not in answer.content


def test_only_whom_one_has_written_to_is_collected(writer: Writer, post: PostOffice) -> None:
    """Senders choose their own names: nobody gets among the recipients by writing, or by being read."""
    (uid,) = writer.person.receive(
        letter(sender="Friendly Forger <forger@evil.test>", to="Other Reader <reader@evil.test>", Cc="cc@evil.test")
    )
    client, bob = writer.person.client, post.new_login()
    client.get(f"/mail/INBOX/{uid}/", {"v": writer.person.uidvalidity()})
    page = writer.on("reply", uid)
    page.press("save")
    writer.new().press("save", to="Draft Only <draft@x.test>", subject="S")
    for typed in ("forger", "friendly", "reader", "cc", "draft"):
        assert client.get("/complete/", {"q": typed}).json()["contacts"] == []
    assert not Recipient.objects.exists()
    assert writer.new().press(to=f"Bob <{bob}@example.test>", subject="S", text="T").said == ["Message sent."]
    arrived(post, bob)
    assert [each.email for each in Recipient.objects.all()] == [f"{bob}@example.test"]
