"""People of a directory, in each of the layouts that directories have."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from apps.directory.lookup import words
from apps.directory.services import directories, outlines, people
from apps.directory.services.people import Question
from scripts.servers.staff import LAYOUTS, Staff, login
from tests.directory.world import needs, one, running, site, source, use
from tests.support.vectors import items

__all__ = ["site"]  # fixtures
pytestmark = needs


@pytest.fixture(scope="module", params=LAYOUTS)
def laid_out(request: pytest.FixtureRequest) -> Iterator[Staff]:
    with running(people=60, layout=request.param) as server:
        yield server


def found(query: str = "", **other: Any) -> list[people.Person]:
    answers = people.search(Question(query=query, **other))
    assert answers.notes == ()
    return [person for values in answers.values.values() for person in values]


def test_each_layout_tells_the_same_of_people(laid_out: Staff, settings: Any) -> None:
    use(settings, source(laid_out))
    ada = one(login(0))
    assert (ada.login, ada.name, ada.given, ada.family) == ("u00000", f"{ada.given} {ada.family}", *ada.name.split())
    assert ada.mails[0] == "u00000@ims.example"
    assert ada.title == "Director"
    assert "Glaciology" in ada.department
    assert ada.phone == "+34 974 55 00 00"
    assert (ada.room, ada.place) == ("B-000", "Jaca")
    assert ada.languages == ("fr", "es", "en")
    assert len(people.photo(ada.key)) > 1000
    whole = people.get(ada.key)
    assert set(whole.list_names) == {"glaciology-all", "ice-radar"}
    assert [person.login for person in people.named(whole.assistants, directories.client_of(ada.key))] == ["u00001"]
    reports = people.reports(whole)
    assert len(reports) > 10
    assert {person.manager for person in reports} == {whole.dn}
    if laid_out.layout != "inetorgperson":
        assert whole.mails == ("u00000@ims.example", "u00000@old.example")


def test_whoever_is_disabled_is_no_colleague(settings: Any, laid_out: Staff) -> None:
    use(settings, source(laid_out))
    assert len(found(login(49))) == (0 if laid_out.layout == "ad" else 1)


def test_units_are_entries_or_departments(settings: Any, laid_out: Staff) -> None:
    use(settings, source(laid_out))
    [client] = directories.clients().values()
    outline = outlines.current(client, wait=60)
    assert outline is not None
    assert outline.flat == (laid_out.layout == "kolab")
    assert [unit[-1] for unit in outline.below[outline.top]] == ["Field offices", "Research", "Services"]
    research = (*outline.top, "Research")
    assert outline.counts[research] == (19 if laid_out.layout == "ad" else 20)  # one is disabled
    assert [unit[-1] for unit in outline.below[research]] == ["Atmosphere", "Glaciology", "Hydrology", "Seismologie"]
    here = found(unit=(*research, "Glaciology"))
    assert {line.key for line in outline.of((*research, "Glaciology"))} == {person.key for person in here}
    assert len(here) == 5


def test_every_attribute_is_looked_through(site: Staff) -> None:
    person = one(login(3))
    for query in (person.mail, person.phone, person.room, "u00003", f"{person.family} {person.given}"):
        assert person.key in {each.key for each in found(query)}, query
    assert {each.title for each in found("Librarian")} == {"Librarian"}
    assert all("Glaciology" in each.department for each in found("glaciology"))


def test_an_attribute_of_the_sites_own_is_shown_and_found(settings: Any, staff: Staff) -> None:
    use(settings, source(staff, own=(("Badge", "employeeNumber"),)))
    assert one("100042").own == (("Badge", "100042"),)


def test_accents_are_no_obstacle(site: Staff) -> None:
    person = next(each for each in found("Wójcik"))
    assert person.key in {each.key for each in found("wojcik")}
    assert person.key in {each.key for each in found("WOJCIK")}


def test_where_and_what_languages(site: Staff) -> None:
    assert {each.place for each in found(places=("Jaca",))} == {"Jaca"}
    assert all("ru" in each.languages for each in found(languages=("ru",)))
    assert found(languages=("ru",))
    assert {each.building for each in found(buildings=("Building A", "Building B"))} == {"Building A", "Building B"}


def test_more_than_there_is_room_for_is_said(site: Staff) -> None:
    assert len(found(most=20)) == 21


@pytest.mark.parametrize("item", items("ldap_search"), ids=lambda item: item["id"])
def test_what_is_typed_never_becomes_a_part_of_the_question(site: Staff, item: Any) -> None:
    """It finds what holds it as it stands, and there is nobody."""
    text = item["input"]
    everybody = len(found(most=1000))
    hits = found(text)
    wanted = words.of(text)
    assert len(hits) < everybody or not wanted
    for person in hits:
        assert all(word in words.fold(str(person)) for word in wanted)


@pytest.mark.parametrize("text", ["-", " - ", "\u00ad", "\u200b", "()", "\0\0"])
def test_what_directories_take_for_nothing_does_not_find_everybody(site: Staff, text: str) -> None:
    assert len(found(text)) < 30


def test_a_key_stays_when_the_entry_moves(own: Staff, settings: Any) -> None:
    use(settings, source(own))
    before = one(login(5))
    unit = before.dn.partition(",")[2]
    own.modify(f"dn: {before.dn}\nchangetype: modrdn\nnewrdn: uid=renamed\ndeleteoldrdn: 1\n")
    people.forget()
    assert people.get(before.key).dn == f"uid=renamed,{unit}"
    own.modify(f"dn: uid=renamed,{unit}\nchangetype: delete\n")
    people.forget()
    with pytest.raises(LookupError):
        people.get(before.key)


@pytest.fixture
def own() -> Iterator[Staff]:
    with running(people=20) as server:
        yield server


@pytest.mark.parametrize(
    "key", ["", "staff", "staff.", "staff.x", "nobody.kAAAA", "staff.k**", "staff.nbz14", "staff.k"]
)
def test_what_is_no_key_finds_nobody(site: Staff, key: str) -> None:
    with pytest.raises(LookupError):
        people.get(key)
