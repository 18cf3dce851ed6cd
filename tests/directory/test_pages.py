"""The pages: lists, cards, chart, somebody's own page, and what a directory that is silent leaves of them."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.test import Client
from PIL import Image

from apps.directory.services import directories, outlines, people
from scripts.servers.slapd import PASSWORD
from scripts.servers.staff import Staff, login
from tests.directory.world import needs, one, running, site, source, use

__all__ = ["site"]  # fixtures
pytestmark = [*needs, pytest.mark.django_db]


@pytest.fixture
def client(site: Staff) -> Client:
    user = get_user_model().objects.create_user("maren", "maren's own", email="u00012@ims.example")
    found = Client()
    found.force_login(user)
    return found


def text(client: Client, path: str) -> str:
    answer = client.get(path)
    assert answer.status_code == 200, path
    return re.sub(r"\s+", " ", answer.content.decode())


def names_in(page: str) -> list[str]:
    return re.findall(r'class="strong dgo"[^>]*><bdi>(.*?)</bdi>', page)


def test_everyone_page_by_page(client: Client) -> None:
    first = text(client, "/directory/")
    assert "Page 1 of 6" in first
    assert "300 people, answered by localhost in" in first
    rows = [name for number in range(1, 7) for name in names_in(text(client, f"/directory/?page={number}"))]
    assert len(rows) == 300
    assert len(names_in(first)) == 50


def test_units_with_their_counts_lead_down(client: Client) -> None:
    page = text(client, "/directory/")
    assert re.search(r'>Research</span><span class="cnt">100</span>', page)
    [url] = re.findall(r'href="([^"]+)"[^>]*><svg[^>]*>.{0,80}</svg><span class="nm" dir="auto">Glaciology', page)
    unit = text(client, url.replace("&amp;", "&"))
    assert "25 people" in unit
    assert re.search(r'aria-current="page" dir="auto">Glaciology</a>', unit)
    assert "Glaciology" in unit


def test_words_in_a_unit_are_marked_and_others_are_shown_below(client: Client) -> None:
    unit = "in=staff&unit=people/Research/Glaciology"
    page = text(client, f"/directory/?{unit}&q=radar")
    assert "<mark>radar</mark>" in page
    assert "Elsewhere in the directory" in page
    [more] = re.findall(r"Show all (\d+)", page)
    here = len(names_in(page.partition("Elsewhere")[0]))
    everywhere = text(client, "/directory/?q=radar")
    assert f"{here + int(more)} people, answered" in everywhere
    assert f"{here} of 25" in page


def test_places_and_languages_narrow_down(client: Client) -> None:
    page = text(client, "/directory/?place=Jaca")
    assert "75 people" in page
    both = text(client, "/directory/?place=Jaca&speaks=fr")
    assert 0 < int(re.findall(r"(\d+) people", both)[-1]) < 75
    assert re.search(r'value="Jaca" checked', both)
    assert ">Français<" in both


@pytest.mark.parametrize("shape", ["list", "cards", "chart"])
def test_each_shape_shows_people_who_open(client: Client, shape: str) -> None:
    page = text(client, f"/directory/?as={shape}&in=staff&unit=people/Research/Glaciology")
    assert len(names_in(page)) == 25
    [url, *_others] = re.findall(r'class="strong dgo" href="([^"]+)"', page)
    assert f'data-title="{names_in(page)[0]}"' in text(client, url.replace("&amp;", "&"))


def test_the_chart_follows_the_managers(client: Client) -> None:
    page = text(client, "/directory/?as=chart")
    assert page.count("<li><div") == 300
    head = one(login(0))
    assert names_in(page)[0] == head.name
    assert f"Team of {len(people.reports(head))}" in page


def test_somebodys_page(client: Client) -> None:
    head = one(login(0))
    page = text(client, f"/directory/{head.key}/")
    for wanted in (head.name, "Director", "tel:+34974550000", "B-000, Building B, Jaca", "Français, Español, English"):
        assert wanted in page, wanted
    assert "https://www.openstreetmap.org/search?query=Jaca" in page
    assert "glaciology-all" in page
    assert re.search(r"Team of \d+", page)
    assert one(login(1)).name in page  # the assistant
    below = one(login(12))
    assert f"<bdi>{head.name}</bdi>" in text(client, f"/directory/{below.key}/").partition("Reports to")[2]


def test_a_fragment_is_the_person_alone(client: Client) -> None:
    answer = client.get(f"/directory/{one(login(3)).key}/", headers={"HX-Request": "true"})
    assert answer.content.startswith(b"<aside")


def test_photos_are_drawn_anew_and_small(client: Client, site: Staff) -> None:
    answer = client.get(f"/directory/{one(login(7)).key}/photo/?s=72")
    assert answer["Content-Type"] == "image/webp"
    assert Image.open(io.BytesIO(answer.content)).size == (72, 72)
    assert len(answer.content) < 4000
    assert client.get(f"/directory/{one(login(8)).key}/photo/").status_code == 404
    assert f"{one(login(7)).key}/photo/" in text(client, "/directory/?q=u00007")


def test_a_card_for_other_programs(client: Client) -> None:
    answer = client.get(f"/directory/{one(login(0)).key}/contact.vcf")
    assert answer["Content-Type"].startswith("text/vcard")
    card = answer.content.decode()
    assert card.startswith("BEGIN:VCARD\r\nVERSION:4.0\r\n")
    assert "EMAIL;TYPE=work:u00000@ims.example\r\n" in card
    assert "TITLE:Director\r\n" in card


def test_near_me_is_the_building_of_my_own_entry(client: Client) -> None:
    page = text(client, "/directory/")
    assert "Near me, Building B" in page
    assert "75 people" in text(client, "/directory/?building=Building+B")
    assert client.get("/directory/me/").status_code == 302


def test_the_portals_search_finds_people(client: Client) -> None:
    page = text(client, f"/search/?q={login(42)}")
    assert one(login(42)).name in page


@pytest.mark.parametrize(
    "path",
    [
        "/directory/?in=nowhere&unit=x&page=99999&as=cube&building=&place=%00",
        "/directory/?q=" + "x" * 5000,
        "/directory/?in=staff&unit=~~/~1/..//",
        "/directory/?q=(%7C(uid%3D*))",
    ],
)
def test_odd_addresses_show_a_page(client: Client, path: str) -> None:
    assert client.get(path).status_code == 200


def test_whoever_is_not_there_is_not_found(client: Client) -> None:
    for path in (
        "/directory/staff.kAAAA/",
        "/directory/x/",
        "/directory/staff.kAAAA/photo/",
        "/directory/x/contact.vcf",
    ):
        assert client.get(path).status_code == 404, path


def test_without_a_directory_there_is_no_page(client: Client, settings: Any) -> None:
    use(settings)
    assert client.get("/directory/").status_code == 404
    assert 'href="/directory/"' not in text(client, "/")


# --- my own entry -----------------------------------------------------------------------------------------------------


@pytest.fixture
def editor(settings: Any) -> Iterator[tuple[Client, Staff]]:
    """Signed in with the password of the directory."""
    with running(people=20) as server:
        use(settings, source(server, editable=("mobile", "room", "title", "photo")))
        settings.LDAP_URL, settings.LDAP_TLS_CA_FILE = server.tls_url, str(server.ca_file)
        settings.LDAP_BASE = settings.DIRECTORIES[0].base
        settings.LDAP_BIND_DN, settings.LDAP_BIND_PASSWORD = source(server).bind_dn, source(server).bind_password
        settings.AUTHENTICATION_BACKENDS = ["apps.auth.ldap.backend.LdapBackend"]
        [served] = directories.clients().values()
        assert outlines.current(served, wait=60)
        found = Client()
        assert found.post("/sign-in/", {"username": login(3), "password": PASSWORD}).status_code == 302
        yield found, server


def test_what_the_directory_lets_me_change_is_changed(editor: tuple[Client, Staff]) -> None:
    client, _server = editor
    key = one(login(3)).key
    assert 'href="/directory/me/edit/"' in text(client, f"/directory/{key}/")
    assert 'href="/directory/me/edit/"' not in text(client, f"/directory/{one(login(4)).key}/")
    page = text(client, "/directory/me/edit/")
    assert "+34 600 000003" in page
    image = io.BytesIO()
    Image.new("RGB", (500, 400), "red").save(image, "PNG")
    image.seek(0)
    image.name = "me.png"
    fields = {"mobile": "+49 170 1\n+49 170 2", "room": "Z-9", "title": one(login(3)).title, "photo": image}
    answer = client.post("/directory/me/edit/", fields)
    assert answer.status_code == 302, answer.content.decode()
    person = people.get(key)
    assert set(person.mobiles) == {"+49 170 1", "+49 170 2"}
    assert person.room == "Z-9"
    assert client.get(f"/directory/{key}/photo/").status_code == 200


def test_what_it_does_not_let_me_change_is_said(editor: tuple[Client, Staff]) -> None:
    client, _server = editor
    before = one(login(3))
    page = client.post("/directory/me/edit/", {"mobile": before.mobile, "room": before.room, "title": "King"})
    assert "does not let you change this yourself" in page.content.decode()
    people.forget()
    assert one(login(3)).title == before.title
    page = client.post("/directory/me/edit/", {"photo": io.BytesIO(b"GIF89a no")})
    assert "no picture" in page.content.decode()


def test_whoever_signs_in_elsewhere_changes_nothing(client: Client, settings: Any, staff: Staff) -> None:
    use(settings, source(staff, editable=("room",)))
    assert client.get("/directory/me/edit/").status_code == 404
