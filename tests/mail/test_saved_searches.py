"""Searches that are kept: saved, shown below the folders, renamed, ordered, deleted."""

from __future__ import annotations

import re
from html import unescape

from django.urls import reverse

from apps.mail.services import saved
from tests.mail.conftest import HTMX, Person, SignIn, letter
from tests.mail.test_list import page_of, subjects
from tests.mail.test_searching import filled, patient

__all__ = ["filled", "patient"]  # the fixtures


def test_a_search_is_saved_shown_renamed_ordered_and_deleted(filled: Person) -> None:
    for name, q in (("Radar", "radar from:søren"), ("Files", "has:attachment"), ("Old", "older:1y")):
        answer = filled.client.post(
            reverse("mail:searches"), {"name": name, "q": q, "where": "all", "mailbox": "INBOX"}
        )
        assert answer.status_code == 302
    again = filled.client.post(
        reverse("mail:searches"), {"name": "radar", "q": "radar", "mailbox": "INBOX"}, follow=True
    )
    html = again.content.decode()
    assert "is saved" in html
    links = re.findall(
        r'<a href="([^"]*)"[^>]*><svg[^>]*><use href="[^"]*#folder-search"/></svg><span class="nm"[^>]*>(.*?)</span>',
        html,
    )
    assert [(unescape(href), name) for href, name in links] == [
        ("/mail/INBOX/?q=radar", "radar"),
        ("/mail/INBOX/?q=has%3Aattachment&where=all", "Files"),
        ("/mail/INBOX/?q=older%3A1y&where=all", "Old"),
    ]
    assert subjects(page_of(filled, unescape(links[2][0]))) == ["Ice radar"]
    first, second, third = saved.of(_user(filled))
    url = reverse("mail:search", args=(third.pk,))
    for _twice in range(2):
        filled.client.post(url, {"do": "place", "to": "0"})
    assert [search.name for search in saved.of(_user(filled))] == ["Old", "radar", "Files"]
    filled.client.post(url, {"do": "rename", "name": "  Very\nold "})
    html = filled.client.post(url, {"do": "rename", "name": "FILES"}, follow=True).content.decode()
    assert "another search with that name" in html
    assert "needs a name" in filled.client.post(url, {"do": "rename", "name": " "}, follow=True).content.decode()
    for pk in (first.pk, second.pk, second.pk):
        filled.client.post(reverse("mail:search", args=(pk,)), {"do": "delete"})
    assert [search.name for search in saved.of(_user(filled))] == ["Very old"]
    html = filled.client.get("/mail/@/searches/").content.decode()
    assert 'value="Very old"' in html


def current(html: str) -> list[str]:
    """Names of the saved searches that are marked as the present one."""
    return re.findall(
        r'aria-current="page"><svg[^>]*><use href="[^"]*#folder-search"/></svg><span [^>]*>(.*?)</span>', html
    )


def test_the_one_whose_results_are_shown_is_marked(filled: Person) -> None:
    for name, where, mailbox in (("Here", "", "INBOX"), ("Everywhere", "all", "INBOX"), ("There", "", "Projects")):
        filled.client.post(reverse("mail:searches"), {"name": name, "q": "radar", "where": where, "mailbox": mailbox})
    for query, name in (("q=radar", "Here"), ("q=radar&where=all", "Everywhere")):
        html = page_of(filled, f"/mail/INBOX/?{query}")
        assert current(html) == [name]
        href = re.findall(r'<a class="go[^>]*href="([^"]*)"', html)[1]  # of all folders, that one lies in Sent
        assert current(page_of(filled, unescape(href))) == [name]
        shown_at = HTMX | {"HX-Current-URL": f"http://testserver/mail/INBOX/?{query}"}
        anew = filled.client.get("/mail/@/folders/?mailbox=INBOX", headers=shown_at).content.decode()
        assert current(anew) == [name]
    for path in ("/mail/INBOX/", "/mail/INBOX/?q=radar+plan", "/mail/Sent/?q=radar"):
        assert current(page_of(filled, path)) == []


def test_nothing_is_saved_without_a_search(filled: Person) -> None:
    answer = filled.client.post("/mail/@/searches/", {"name": "x", "mailbox": "INBOX"}, follow=True)
    assert "nothing to save" in answer.content.decode()
    assert saved.of(_user(filled)) == []


def test_a_saved_search_follows_its_folder_when_that_is_renamed(anna: Person) -> None:
    anna.receive(letter("radar"), mailbox="Old/in")
    anna.client.post("/mail/@/searches/", {"name": "mine", "q": "radar", "mailbox": "Old/in"})
    anna.client.post("/mail/@/folders/edit/", {"folder": "Old", "name": "New", "parent": ""})
    html = page_of(anna)
    assert 'href="/mail/New~2fin/?q=radar"' in html
    assert subjects(page_of(anna, "/mail/New~2fin/?q=radar")) == ["radar"]


def test_searches_are_their_owners(sign_in: SignIn) -> None:
    anna, bert = sign_in(), sign_in()
    anna.client.post("/mail/@/searches/", {"name": "mine", "q": "radar", "mailbox": "INBOX"})
    (search,) = saved.of(_user(anna))
    bert.client.post(f"/mail/@/searches/{search.pk}/", {"do": "delete"})
    assert [kept.name for kept in saved.of(_user(anna))] == ["mine"]
    assert "mine" not in page_of(bert)


def _user(person: Person) -> int:
    from apps.auth.models import User

    return User.objects.get(login=person.login).pk
