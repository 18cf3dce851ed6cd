"""What the directory knows of a person, on the page of that person."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from apps.auth.models import User
from apps.directory import person_part
from scripts.servers.staff import Staff, login
from tests.directory import world
from tests.directory.world import offered, one, site, source, use
from tests.support.mailserver import DeafServer

__all__ = ["offered", "site"]  # fixtures
pytestmark = [*world.needs, pytest.mark.django_db, pytest.mark.usefixtures("offered")]


@pytest.fixture
def part(alice: User, client: Client, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(person_part, "SECONDS", 6.0)  # what is found is no matter of how busy the machine is
    client.force_login(alice)
    url = reverse("portal:person_part", args=["directory.entries"])
    return lambda *emails: client.get(url, {"email": list(emails)}, headers={"HX-Request": "true"}).content.decode()


def test_the_entry_stands_on_the_page_of_the_person(site: Staff, part: Any) -> None:
    person = one(login(7))
    page = part(person.mail.upper(), "nobody@ims.example")
    for text in (person.name, person.title, person.phone, person.room, f"/directory/{person.key}/"):
        assert text in page, text
    assert "/photo/" in page


def test_who_is_not_there_has_no_part(site: Staff, part: Any) -> None:
    assert "/directory/" not in part("nobody@ims.example")


def test_a_silent_directory_says_so_in_its_own_part(
    site: Staff, part: Any, settings: Any, deaf_server: DeafServer
) -> None:
    use(settings, source(site, url=f"ldap://127.0.0.1:{deaf_server.port}"))
    assert "does not answer" in part("u00001@ims.example")
