"""Whom a message is for: what may be typed, and who is offered."""

from __future__ import annotations

import pytest

from apps.mail.forms import ComposeForm, RecipientsField
from apps.mail.models import Recipient, remember
from apps.mail.offers import MailComposer, RecentRecipients
from apps.mail.services import wrong_addresses
from portal.contracts import Address


def cleaned(text: str) -> list[Address]:
    return RecipientsField().clean(text)


@pytest.mark.parametrize(
    ("typed", "people"),
    [
        ("", []),
        (" , ; ", []),
        ("ann@x.test", [Address("ann@x.test")]),
        ("Ann <ann@x.test>", [Address("ann@x.test", "Ann")]),
        ('"Last, First" <a@x.test>; b@x.test', [Address("a@x.test", "Last, First"), Address("b@x.test")]),
        ("a@x.test\r\nb@x.test", [Address("a@x.test"), Address("b@x.test")]),
        ("A@x.test, a@X.test", [Address("A@x.test")]),
        ("Жанара <z@пример.test>", [Address("z@пример.test", "Жанара")]),
    ],
)
def test_what_people_type(typed: str, people: list[Address]) -> None:
    assert cleaned(typed) == people


@pytest.mark.parametrize(
    "typed", ["ann", "ann@", "@x.test", "a b@x.test>", "a@x..test", "a@x.test\0", f"{'a' * 300}@x.test"]
)
def test_what_is_no_address_is_named(typed: str) -> None:
    form = ComposeForm({"to": f"fine@x.test, {typed}"})
    assert not form.is_valid()
    assert list(form.errors) == ["to"]
    assert form.unfinished == {"to": f"fine@x.test, {typed}"}
    assert form.can_be_kept


def test_no_more_than_the_site_takes() -> None:
    assert len(cleaned(",".join(f"a{n}@x.test" for n in range(500)))) == 500
    form = ComposeForm({"to": ",".join(f"a{n}@x.test" for n in range(501))})
    assert form.errors == {"to": ["At most 500 addresses."]}


def test_each_wrong_one_is_named() -> None:
    form = ComposeForm({"to": "ann, bob"})
    assert form.errors["to"] == [
        "“ann” is not a mail address. The “@” is missing.",
        "“bob” is not a mail address. The “@” is missing.",
    ]


@pytest.mark.parametrize(
    ("typed", "reason"),
    [
        ("ann", "The “@” is missing."),
        ("an n@x.test", "It contains a space."),
        ("@x.test", "There is nothing before the “@”."),
        ("ann@", "There is nothing after the “@”."),
        ("ann@b@x.test", "It has more than one “@”."),
        ("ann@x..test", "“x..test” is not the name of a mail server."),
    ],
)
def test_what_is_wrong_is_said(typed: str, reason: str) -> None:
    assert wrong_addresses.why(typed) == f"“{typed}” is not a mail address. {reason}"


def test_refusals_stand_beside_their_fields() -> None:
    form = ComposeForm({"to": "a@x.test, b@x.test", "cc": "C@x.test"})
    assert form.is_valid()
    form.refuse({"b@x.test": "no b", "a@x.test": "no a", "c@x.test": "no c", "other@x.test": "who?"})
    assert form.errors == {"to": ["no b", "no a"], "cc": ["no c"], "__all__": ["who?"]}


@pytest.mark.parametrize("subject", ["a\r\nBcc: v@x.test", "a\u2028b", "a\x85b", "a\tb", "a\x00b"])
def test_a_subject_is_one_line(subject: str) -> None:
    form = ComposeForm({"subject": subject})
    form.is_valid()
    assert form.cleaned_data.get("subject", "refused") in {"a Bcc: v@x.test", "a b", "refused"}


# --- people written to ------------------------------------------------------------------------------------------------


def test_remembered_once_and_counted(carol) -> None:
    remember(carol.pk, [Address("Ann@x.test", "Ann"), Address("bob@x.test")])
    remember(carol.pk, [Address("ann@X.test", "Ann Green"), Address("ann@x.test")])
    found = {person.email: (person.name, person.uses) for person in Recipient.objects.all()}
    assert found == {"Ann@x.test": ("Ann Green", 2), "bob@x.test": ("", 1)}


def test_most_written_to_come_first_and_nobody_elses(carol, bob) -> None:
    remember(carol.pk, [Address("ann@x.test", "Ann Alder"), Address("anton@x.test", "Anton Birch")])
    remember(carol.pk, [Address("anton@x.test")])
    remember(bob.pk, [Address("annika@x.test", "Annika")])
    book = RecentRecipients()
    assert [c.address.email for c in book.complete(carol, "an", 8)] == ["anton@x.test", "ann@x.test"]
    assert [c.address.email for c in book.complete(carol, "bir", 8)] == ["anton@x.test"]
    assert [c.address.email for c in book.complete(carol, "an", 1)] == ["anton@x.test"]
    assert list(book.complete(carol, "%", 8)) == []
    assert list(book.complete(carol, "nt", 8)) == []
    known = book.resolve(carol, ["ANN@x.test", "annika@x.test"])
    assert {email: contact.address.name for email, contact in known.items()} == {"ann@x.test": "Ann Alder"}


def test_writing_to_somebody_from_anywhere(carol, alice) -> None:
    composer = MailComposer()
    assert composer.can_write(carol)
    assert not composer.can_write(alice)
    assert composer.compose_url([]) == "/mail/@/compose/"
    url = composer.compose_url([Address("a@x.test", "Last, First"), Address("b@x.test")])
    assert url == "/mail/@/compose/?to=%22Last%2C+First%22+%3Ca%40x.test%3E%2C+b%40x.test"


def test_completion_knows_no_case_in_any_script(carol) -> None:
    people = [Address("Elodie@X.test", "Élodie Þórsdóttir"), Address("zh@x.test", "Жанара Маратова")]
    remember(carol.pk, people)
    book = RecentRecipients()
    for prefix, email in [
        ("él", "Elodie@X.test"),
        ("þór", "Elodie@X.test"),
        ("ELODIE@", "Elodie@X.test"),
        ("мар", "zh@x.test"),
    ]:
        assert [c.address.email for c in book.complete(carol, prefix, 8)] == [email]
