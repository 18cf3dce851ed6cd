"""Every address, asked for by everybody: who is nobody, who is somebody else, and whose form comes from elsewhere.

The addresses are those of ``test_urls``; another kind of person is one more line below.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from http.cookies import SimpleCookie

import pytest
from django.contrib.auth import get_user_model
from django.http import HttpResponseBase
from django.test import Client

from apps.auth.factors.gate import ON_THE_WAY
from apps.auth.factors.models import Rule
from apps.auth.models import User
from portal.models import Notice, Session
from tests.auth.test_first_level import app_of, first
from tests.mail.conftest import Person, letter, signed_in
from tests.proof.test_urls import FOR_STRANGERS, FORMS, ONLY_POST, Address, alice, all_addresses, with_v

__all__ = ["alice", "all_addresses"]  # the fixtures

pytestmark = pytest.mark.needs_app("mail")
Who = Callable[[Person], Client]
WORD = b"Secret poles"


def nobody(_alice: Person) -> Client:
    return Client()


def whose_session_is_over(alice: Person) -> Client:
    """With all the cookies of a session that was ended elsewhere."""
    before = Client()
    before.cookies = signed_in(alice.server).client.cookies
    before.session.flush()
    return before


def half_signed_in(alice: Person) -> Client:
    """Her code is given, her mail password is not."""
    Rule.objects.create(title="everybody", needs="code")
    app_of(User.objects.get(login=alice.login))
    client = Client()
    assert first(client, login=alice.login).status_code == 302
    assert ON_THE_WAY in client.session
    return client


#: Strangers to every address.
STRANGERS: dict[str, Who] = {
    "nobody": nobody,
    "whose session is over": whose_session_is_over,
    "half signed in": half_signed_in,
}


def somebody_else(alice: Person) -> Client:
    other = signed_in(alice.server)
    other.receive(letter("Other poles"))
    return other.client


def without_the_key(alice: Person) -> Client:
    """A thief with the cookie of the session, and without that of the key to the password."""
    thief = Client()
    thief.cookies["yurt_session"] = alice.client.cookies["yurt_session"].value
    return thief


def without_mail(_alice: Person) -> Client:
    """An account of the portal's own."""
    return entered(get_user_model().objects.create_user("bob", "bob's own"))


def administrator(_alice: Person) -> Client:
    return entered(get_user_model().objects.create_superuser("root", "root's own"))


def entered(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


#: Signed in, and nothing of alice's mail is theirs.
OTHERS: dict[str, Who] = {
    "somebody else": somebody_else,
    "a thief of the session": without_the_key,
    "an account without mail": without_mail,
    "an administrator": administrator,
}


def octets(answer: HttpResponseBase) -> bytes:
    return b"".join(answer.streaming_content) if answer.streaming else answer.content


@pytest.mark.parametrize("name", STRANGERS)
def test_a_stranger_gets_nothing(name: str, alice: Person, all_addresses: list[Address]) -> None:
    wrong = []
    client = STRANGERS[name](alice)
    client.raise_request_exception = False
    cookies = {cookie: found.value for cookie, found in client.cookies.items()}
    session = Session.objects.filter(pk=cookies.get("yurt_session")).first()
    for address in all_addresses:
        for method in ("get", "head", "post"):
            client.cookies = SimpleCookie(cookies)
            if session is not None:
                session.save()  # as far as they had come: signing out takes it away
            answer = getattr(client, method)(with_v(address, alice))
            shown = octets(answer)
            refused = answer.status_code in {301, 302, 400, 401, 403, 404, 405}
            if not refused and address.name not in FOR_STRANGERS:
                wrong.append(f"{answer.status_code} {method} {address.path}")
            if WORD in shown or b"pauses" in shown or alice.login.encode() + b"@" in shown:
                wrong.append(f"content {method} {address.path}")
            if answer.status_code >= 500:
                wrong.append(f"{answer.status_code} {method} {address.path}")
            location = answer.headers.get("Location", "")
            if location and not location.startswith("/"):
                wrong.append(f"leads to {location} from {address.path}")
    assert wrong == []


@pytest.mark.parametrize("name", OTHERS)
def test_others_get_nothing_of_hers(name: str, alice: Person, all_addresses: list[Address]) -> None:
    """Each address as she would ask for it."""
    client, leaks = OTHERS[name](alice), []
    client.raise_request_exception = False
    for address in all_addresses:
        answer = client.get(with_v(address, alice))
        shown = octets(answer)
        if WORD in shown or b"Canvas and" in shown:
            leaks.append(address.path)
        if answer.status_code >= 500:
            leaks.append(f"{answer.status_code} {address.path}")
    assert leaks == []


def test_she_herself_sees_it(alice: Person, all_addresses: list[Address]) -> None:
    """Or the others' seeing nothing would mean nothing."""
    shown = [address.path for address in all_addresses if WORD in octets(alice.client.get(with_v(address, alice)))]
    assert len(shown) > 10


def test_the_administration_is_for_administrators(alice: Person, all_addresses: list[Address]) -> None:
    others = {name: who(alice) for name, who in OTHERS.items()} | {"alice": alice.client}
    admin = others.pop("an administrator")
    addresses = [address for address in all_addresses if address.admin or address.path.startswith("/selftest/")]
    wrong = [
        f"{name}: {answer.status_code} {method} {address.path}"
        for address in addresses
        for name, client in others.items()
        for method in ("get", "post")
        if (answer := getattr(client, method)(address.path)).status_code not in {302, 403, 404, 405}
    ]
    assert wrong == []
    assert Notice.objects.count() == 1
    assert sum(admin.get(address.path).status_code == 200 for address in addresses) > 10


# --- forms from elsewhere ---------------------------------------------------------------------------------------------

FOREIGN = {
    "another origin": {"Origin": "https://evil.test"},
    "no origin": {"Origin": "null"},
    "another port": {"Origin": "https://testserver:8443"},
    "plain http": {"Origin": "http://testserver"},
    "a name below": {"Origin": "https://testserver.evil.test"},
    "the page of another": {"Referer": "https://evil.test/"},
    "a page without a name": {"Referer": "data:text/html,x"},
    "a page over plain http": {"Referer": "http://testserver/"},
    "no page": {},
}


def strict(client: Client, path: str) -> tuple[Client, str]:
    """The same person, whose forms are looked at; and a token that is good."""
    checked = Client(enforce_csrf_checks=True, raise_request_exception=False)
    checked.cookies = client.cookies
    page = checked.get(path, secure=True).content.decode()
    found = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)
    assert found, path
    return checked, found[1]


@pytest.mark.parametrize("where", FOREIGN)
def test_a_form_of_another_site_is_refused_with_a_good_token_too(
    where: str, alice: Person, all_addresses: list[Address]
) -> None:
    """Over https, where the form comes from decides, whatever else makes it one of ours."""
    hers = strict(alice.client, "/preferences/portal.look/")
    admins = strict(administrator(alice), "/")
    nobodys = strict(Client(), "/sign-in/")
    wrong = {}
    for address in all_addresses:
        if not address.admin and address.name not in ONLY_POST | FORMS:
            continue  # it takes no form, as test_urls shows
        people = [admins] if address.admin else [hers, nobodys] if address.name in FOR_STRANGERS else [hers]
        for client, token in people:
            data = {"csrfmiddlewaretoken": token, "do": "read", "uid": "1", "action": "save", "theme": "dark"}
            answer = client.post(with_v(address, alice), data, secure=True, headers=FOREIGN[where])
            if answer.status_code not in ({403, 405} if address.admin else {403}):
                wrong[address.path] = answer.status_code
    assert wrong == {}
    assert alice.count() == 1


def test_the_same_forms_from_here_are_heard(alice: Person) -> None:
    client, token = strict(alice.client, "/preferences/portal.look/")
    for headers in ({"Origin": "https://testserver"}, {"Referer": "https://testserver/preferences/"}):
        answer = client.post("/theme/", {"csrfmiddlewaretoken": token, "theme": "dark"}, secure=True, headers=headers)
        assert answer.status_code == 302
