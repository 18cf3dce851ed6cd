"""CardDAV as RFC 6352, 6578, 5689 and 4918 have it: finding the books, reading, writing, odd input, who may what."""

from __future__ import annotations

import base64
import contextlib
import io
from collections.abc import Iterator
from unittest import mock

import pytest
from django.conf import settings
from django.test import Client
from PIL import Image

from apps.auth.factors.models import AppPassword
from apps.auth.models import User
from apps.contacts import lenses
from apps.contacts.card import Value
from apps.contacts.dav import xml
from apps.contacts.models import Book, Contact, Group, Share
from apps.contacts.services import access, groups, keeping, photos
from apps.contacts.services.access import Right
from apps.contacts.services.keeping import Doing
from tests.contacts.phone import SPACES, C, D, Phone, card
from tests.contacts.world import add, book_of, text_of

pytestmark = pytest.mark.django_db
DAV = "/contacts/dav/"


@pytest.fixture
def phone(alice: User) -> Phone:
    return Phone.of(alice)


@pytest.fixture
def book(alice: User) -> Book:
    return book_of(alice)


def path_of(phone: Phone, book: Book, contact: Contact) -> str:
    return phone.book(book.pk) + contact.uid.removeprefix("urn:uuid:") + ".vcf"


# --- the way there ----------------------------------------------------------------------------------------------------


def test_a_program_finds_the_books_from_the_host_name_alone(phone: Phone, book: Book) -> None:
    for method in ("GET", "PROPFIND"):
        there = phone.ask(method, "/.well-known/carddav", Depth="0")
        assert (there.status, there.headers["Location"]) == (301, DAV)
    (found,) = phone.propfind(DAV, "current-user-principal").responses().values()
    person = found["current-user-principal"]
    (found,) = phone.propfind(person, "C:addressbook-home-set", "principal-URL").responses().values()
    assert found == {"addressbook-home-set": phone.home, "principal-URL": person}
    listed = phone.propfind(phone.home, "displayname", "resourcetype", depth="1")
    assert listed.responses()[phone.book(book.pk)]["displayname"] == "Personal"
    kinds = {each.tag for each in listed.xml.iter() if each.tag in {f"{C}addressbook", f"{D}collection"}}
    assert kinds == {f"{C}addressbook", f"{D}collection"}
    assert "addressbook" in listed.headers["DAV"]


def test_what_a_book_says_of_itself(phone: Phone, book: Book) -> None:
    answer = phone.propfind(
        phone.book(book.pk),
        "supported-report-set",
        "S:getctag",
        "sync-token",
        "C:supported-address-data",
        "C:max-resource-size",
        "current-user-privilege-set",
        "quota-used-bytes",
    )
    found = answer.responses()[phone.book(book.pk)]
    assert found["quota-used-bytes"] == "404" and found["max-resource-size"].isdecimal()
    assert found["sync-token"] == found["getctag"] != ""
    tags = {each.tag for each in answer.xml.iter()}
    assert tags >= {f"{C}addressbook-multiget", f"{C}addressbook-query", f"{D}sync-collection", f"{D}write-properties"}
    versions = [each.get("version") for each in answer.xml.iter(f"{C}address-data-type")]
    assert versions == ["3.0", "4.0"]


def test_all_properties_their_names_and_few_of_them(phone: Phone, book: Book, alice: User) -> None:
    contact = add(alice, "Anna Adams")
    for body in ("", f"<propfind {SPACES}><allprop/></propfind>"):
        found = phone.ask("PROPFIND", phone.book(book.pk), body, Depth="1").responses()
        assert found[path_of(phone, book, contact)]["getcontenttype"].startswith("text/vcard")
        assert found[phone.book(book.pk)]["displayname"] == "Personal"
    names = phone.ask("PROPFIND", phone.book(book.pk), f"<propfind {SPACES}><propname/></propfind>", Depth="0")
    assert names.responses()[phone.book(book.pk)].keys() >= {"displayname", "sync-token", "getctag"}
    brief = phone.propfind(phone.book(book.pk), "displayname", "no-such-thing", Prefer="return=minimal")
    assert brief.responses()[phone.book(book.pk)] == {"displayname": "Personal"}


def test_options_and_what_an_address_does_not_take(phone: Phone, book: Book) -> None:
    answer = phone.ask("OPTIONS", phone.book(book.pk))
    assert answer.status == 200 and "REPORT" in answer.headers["Allow"] and "addressbook" in answer.headers["DAV"]
    assert phone.ask("GET", phone.book(book.pk)).status == 405
    assert phone.ask("DELETE", phone.home).status == 405
    assert phone.ask("POST", phone.home).status == 405
    assert phone.ask("PROPFIND", phone.book(book.pk), Depth="infinity").condition == "propfind-finite-depth"
    assert phone.ask("PROPFIND", phone.book(book.pk)).condition == "propfind-finite-depth"
    report = f"<principal-match {SPACES}/>"
    assert phone.ask("REPORT", phone.book(book.pk), report).condition == "supported-report"


# --- who is there -----------------------------------------------------------------------------------------------------


def test_only_a_password_for_programs_opens(phone: Phone, alice: User, book: Book) -> None:
    alice.set_password("alice's own password")
    alice.save()
    stranger = Phone(alice, "")
    for password in ("", "guess", "alice's own password"):
        stranger.password = password
        answer = stranger.propfind(phone.book(book.pk), "displayname")
        assert answer.status == 401 and answer.headers["WWW-Authenticate"].startswith("Basic realm=")
    for header in (
        "Bearer x",
        "Basic",
        "Basic %%%",
        "Basic " + "A" * 4000,
        "Basic " + base64.b64encode(b"\xff:x").decode(),
    ):
        assert phone.ask("PROPFIND", DAV, Depth="0", Authorization=header).status == 401
    assert phone.propfind(phone.book(book.pk), "displayname").status == 207
    AppPassword.objects.all().delete()
    assert phone.propfind(phone.book(book.pk), "displayname").status == 401


def test_a_session_opens_nothing_and_none_is_begun(as_alice: Client, phone: Phone, book: Book) -> None:
    assert as_alice.generic("PROPFIND", phone.book(book.pk), headers={"Depth": "0"}).status_code == 401
    answer = phone.propfind(phone.book(book.pk), "displayname")
    assert "Set-Cookie" not in answer.headers and not phone.client.cookies
    assert "no-store" in answer.headers["Cache-Control"]


def test_guessing_waits_and_keeps_nobody_else_out(phone: Phone, bob: User, alice: User) -> None:
    thief, statuses = Phone(alice, "guess"), []
    for _ in range(8):
        statuses.append(thief.propfind(DAV, "displayname"))
    assert [each.status for each in statuses[:4]] == [401] * 4 and statuses[-1].status == 429
    assert int(statuses[-1].headers["Retry-After"]) > 0
    assert Phone.of(bob).propfind(DAV, "current-user-principal").status == 207
    assert phone.propfind(DAV, "current-user-principal").status == 429  # not known here yet


def test_a_program_that_was_right_may_ask_much_at_once(phone: Phone, alice: User) -> None:
    assert phone.propfind(DAV, "current-user-principal").status == 207
    thief = Phone(alice, "guess")
    for _ in range(8):
        thief.propfind(DAV, "displayname")
    assert phone.propfind(DAV, "current-user-principal").status == 207
    User.objects.filter(pk=alice.pk).update(is_active=False)
    assert phone.propfind(DAV, "current-user-principal").status in {401, 429}


def test_nothing_of_hers_is_anybody_elses(phone: Phone, bob: User, book: Book, alice: User) -> None:
    contact = add(alice, "Secret Person", "secret@felt.example")
    phone.propfind(phone.home, "displayname", depth="1")
    other = Phone.of(bob)
    hers, as_his = path_of(phone, book, contact), path_of(other, book, contact)
    for path in (hers, as_his):
        assert other.ask("GET", path).status == other.ask("DELETE", path).status == 404
        assert other.put(path, card("x", "Eve")).status == 404
    for path in (phone.book(book.pk), other.book(book.pk), f"{DAV}{alice.pk}/", phone.home):
        for method in ("PROPFIND", "REPORT", "DELETE", "MKCOL", "PROPPATCH"):
            answer = other.ask(method, path, Depth="1")
            assert answer.status in {403, 404, 405}, (method, path, answer)
            assert b"Secret" not in answer.body
    assert other.multiget(other.book(book_of(bob).pk), hers, as_his).body.count(b"404") == 2
    contact.refresh_from_db()
    assert contact.deleted is None


# --- reading ----------------------------------------------------------------------------------------------------------


def test_cards_in_the_version_that_is_asked_for(phone: Phone, book: Book, alice: User) -> None:
    day, since = Value("BDAY", "--04-12"), Value("ANNIVERSARY", "2001-02-03")
    contact = add(alice, "Anna Adams", "anna@felt.example", phone="+996 555 1", more=(day, since))
    path = path_of(phone, book, contact)
    phone.propfind(phone.home, "displayname", depth="1")
    old, new = phone.get(path), phone.get(path, "4.0")
    assert "VERSION:3.0" in old and "BDAY;X-APPLE-OMIT-YEAR=1604:1604-04-12" in old and "ANNIVERSARY" not in old
    assert "VERSION:4.0" in new and "BDAY:--04-12" in new and "ANNIVERSARY:2001-02-03" in new
    assert f"UID:{contact.uid}" in new and f"UID:{contact.uid.removeprefix('urn:uuid:')}" in old
    data = '<C:address-data content-type="text/vcard" version="4.0"><C:prop name="FN"/></C:address-data>'
    found = phone.multiget(phone.book(book.pk), path, phone.book(book.pk) + "no.vcf", data=data).responses()
    assert "FN:Anna Adams" in found[path]["address-data"] and "EMAIL" not in found[path]["address-data"]
    assert found[phone.book(book.pk) + "no.vcf"]["status"] == "404"
    bad = phone.multiget(phone.book(book.pk), path, data='<C:address-data version="5.0"/>')
    assert bad.condition == "supported-address-data-conversion"
    etag = phone.propfind(path, "getetag").responses()[path]["getetag"]
    same = phone.ask("GET", path, If_None_Match=etag)
    assert (same.status, same.headers["ETag"], same.body) == (304, etag, b"")
    head = phone.ask("HEAD", path)
    assert (head.status, head.body, head.headers["ETag"]) == (200, b"", etag)


def prop(name: str, inner: str = "") -> str:
    return f'<C:prop-filter name="{name}">{inner}</C:prop-filter>'


def words(text: str, **attributes: str) -> str:
    given = "".join(f' {name.replace("_", "-")}="{value}"' for name, value in attributes.items())
    return f"<C:text-match{given}>{text}</C:text-match>"


def param(inner: str) -> str:
    return f'<C:param-filter name="TYPE">{inner}</C:param-filter>'


NOT = "<C:is-not-defined/>"


@pytest.mark.parametrize(
    ("inner", "found"),
    [
        ("", "abc"),
        (prop("EMAIL", words("FELT")), "ab"),
        (prop("EMAIL", words("FELT", collation="i;octet")), ""),
        (prop("FN", words("ève", match_type="starts-with")), "b"),
        (prop("FN", words("anna adams", match_type="equals")), "a"),
        (prop("FN", words("s", match_type="ends-with")), "a"),
        (prop("FN", words("anna", negate_condition="yes")), "bc"),
        (prop("TEL"), "a"),
        (prop("TEL", NOT), "bc"),
        (prop("EMAIL", param(words("work"))), "ab"),
        (prop("EMAIL", param(NOT)), ""),
        (prop("FN", words("anna")) + prop("FN", words("chris")), "ac"),
    ],
)
def test_a_query_finds(inner: str, found: str, phone: Phone, book: Book, alice: User) -> None:
    people = {
        "a": add(alice, "Anna Adams", "anna@felt.example", phone="+1 23"),
        "b": add(alice, "Ève Lambert", "eve@felt.example"),
        "c": add(alice, "Chris Doe"),
    }
    answer = phone.query(phone.book(book.pk), inner)
    assert set(answer.responses()) == {path_of(phone, book, people[each]) for each in found}


def test_a_query_with_a_limit_and_ones_that_make_no_sense(phone: Phone, book: Book, alice: User) -> None:
    for number in range(3):
        add(alice, f"Person {number}")
    answer = phone.query(phone.book(book.pk), "", more="<C:limit><C:nresults>2</C:nresults></C:limit>")
    assert answer.responses()[phone.book(book.pk)]["status"] == "507" and len(answer.responses()) == 3
    both = '<C:prop-filter name="FN"><C:text-match>1</C:text-match></C:prop-filter><C:prop-filter name="TEL"/>'
    assert phone.query(phone.book(book.pk), both, test="allof").responses() == {}
    odd = '<C:prop-filter name="FN"><C:text-match collation="i;basic">x</C:text-match></C:prop-filter>'
    assert phone.query(phone.book(book.pk), odd).condition == "supported-collation"
    odd = '<C:prop-filter name="FN"><C:text-match match-type="like">x</C:text-match></C:prop-filter>'
    assert phone.query(phone.book(book.pk), odd).condition == "supported-filter"
    answer = phone.query(phone.book(book.pk), "", more="<C:limit><C:nresults>-1</C:nresults></C:limit>")
    assert answer.condition == "number-of-matches-within-limits"


# --- writing ----------------------------------------------------------------------------------------------------------


def test_a_card_is_made_changed_and_deleted(phone: Phone, book: Book, alice: User) -> None:
    path = phone.book(book.pk) + "My Card @ home.vcf".replace(" ", "%20")
    assert (
        phone.put(path, card("u-1", "Anna Adams", "EMAIL;TYPE=WORK:anna@felt.example"), If_None_Match="*").status == 201
    )
    contact = Contact.objects.get()
    assert (contact.uid, contact.book, contact.email) == ("u-1", book, "anna@felt.example")
    source = keeping.document(contact).sources[1]
    assert (source.kind, source.text, source.by) == ("dav", "Anna's phone", alice.pk)
    assert phone.put(path, card("u-1", "Anna Adams"), If_None_Match="*").status == 412
    found = phone.propfind(path, "getetag").responses()
    etag = found[phone.book(book.pk) + "My Card @ home.vcf"]["getetag"]
    assert phone.put(path, card("u-1", "Anna Berg"), If_Match='"other"').status == 412
    answer = phone.put(path, card("u-1", "Anna Berg"), If_Match=etag)
    assert answer.status == 204 and "ETag" not in answer.headers
    contact.refresh_from_db()
    assert contact.name == "Anna Berg" and contact.email == ""
    assert phone.ask("DELETE", path, If_Match=etag).status == 412
    assert phone.ask("DELETE", path).status == 204
    assert phone.ask("GET", path).status == phone.ask("DELETE", path).status == 404
    contact.refresh_from_db()
    assert contact.deleted is not None  # the trash, with its way back
    assert phone.put(path, card("u-1", "Anna Again")).status == 201  # under the same name
    assert phone.get(path).count("FN:Anna Again") == 1
    keeping.bring_back([contact], Doing(alice))
    shown = phone.query(phone.book(book.pk), "").responses()
    uids = {line for each in shown.values() for line in each["address-data"].splitlines() if line.startswith("UID:")}
    assert len(shown) == len(uids) == 2


def test_what_says_the_same_keeps_who_has_said_it(phone: Phone, book: Book, alice: User) -> None:
    work = Value("TEL", "+996 555 010 142", ("work",), params={"PREF": ("1",), "X-OWN": ("a",)})
    note, own = Value("NOTE", "one\ntwo, three; four"), Value("X-FIELD", "blue", label="Colour")
    more = (work, note, own, Value("CATEGORIES", "Team, Poles"), Value("ADR", ("", "", "Street 1", "Osh", "", "", "")))
    contact = add(alice, "Anna Adams", "anna@felt.example", more=more)
    before = keeping.document(contact).to_json()
    path = path_of(phone, book, contact)
    phone.propfind(phone.home, "displayname", depth="1")
    for version in ("3.0", "4.0"):
        assert phone.put(path, phone.get(path, version)).status == 204
        assert keeping.document(contact).to_json() == before
    contact.refresh_from_db()
    assert contact.version == 1
    text = (
        phone.get(path).replace("anna@felt.example", "new@felt.example").replace("TEL;TYPE=work", "TEL;TYPE=work,VOICE")
    )
    assert phone.put(path, text).status == 204
    after = keeping.document(contact)
    said = {value.name: after.sources[value.source].kind for value in after.values}
    assert said == dict.fromkeys(said, "typed") | {"EMAIL": "dav"}
    assert after.first("EMAIL").id == next(each["id"] for each in before["values"] if each["name"] == "EMAIL")
    assert "From the program" in phone_history(alice, contact)


def phone_history(user: User, contact: Contact) -> str:
    client = Client()
    client.force_login(user)
    return client.get(f"/contacts/{contact.pk}/").content.decode()


def test_what_the_version_has_no_word_for_stays(phone: Phone, book: Book, alice: User) -> None:
    gender, since = Value("GENDER", ("F", "")), Value("ANNIVERSARY", "2001-02-03")
    contact = add(alice, "Anna Adams", "anna@felt.example", more=(gender, since, Value("NOTE", "gone soon")))
    path = path_of(phone, book, contact)
    phone.propfind(phone.home, "displayname", depth="1")
    uid = contact.uid.removeprefix("urn:uuid:")
    assert phone.put(path, card(uid, "Anna Adams")).status == 204
    names = {value.name for value in keeping.document(contact).values}
    assert names == {"N", "FN", "GENDER", "ANNIVERSARY"}  # it was sent the address and the note, and sent none back
    assert phone.put(path, card(uid, "Anna Adams", version="4.0")).status == 204
    assert {value.name for value in keeping.document(contact).values} == {"N", "FN"}


def test_what_is_not_for_them_stays(phone: Phone, book: Book, alice: User, bob: User) -> None:
    """As where a book is shared, and a value is not."""
    contact = add(alice, "Anna Adams", "anna@felt.example", phone="+1 23")
    other = Phone.of(bob)
    with shared(book, Right.EDIT, hidden=("TEL",), user=bob):
        path = path_of(other, book, contact)
        assert (
            other.propfind(other.home, "displayname", depth="1").responses()[other.book(book.pk)]["displayname"]
            == "Personal (Alice Adams)"
        )
        assert "TEL" not in other.get(path) and "EMAIL" in other.get(path)
        assert other.put(path, card(contact.uid, "Anna Berg", "TEL:+9 99")).status == 403  # nor may he write it
        assert other.put(path, card(contact.uid, "Anna Berg", "EMAIL;TYPE=work:anna@felt.example")).status == 204
    assert text_of(contact, "TEL") == ["+1 23"] and text_of(contact, "FN") == ["Anna Berg"]


@contextlib.contextmanager
def shared(book: Book, level: int, *, hidden: tuple[str, ...] = (), user: User) -> Iterator[None]:
    """A book that somebody else sees, without what is hidden."""
    fields = [name for name in lenses.FIELDS if name.partition(":")[0] not in hidden] if hidden else None
    share = Share.objects.create(owner=book.owner, book=book, user=user, level=level, fields=fields, by=book.owner)
    yield
    share.delete()


def test_who_may_only_read_is_told_so(phone: Phone, book: Book, alice: User, bob: User) -> None:
    contact = add(alice, "Anna Adams")
    group = groups.make(alice.pk, "Team")
    groups.add(group, [contact])
    other = Phone.of(bob)
    with shared(book, Right.READ, user=bob):
        path = path_of(other, book, contact)
        assert "FN:Anna Adams" in other.get(path)
        rights = other.propfind(other.book(book.pk), "current-user-privilege-set").xml
        assert {each[0].tag for each in rights.iter(f"{D}privilege")} == {
            f"{D}read",
            f"{D}read-current-user-privilege-set",
        }
        for answer in (
            other.put(path, card(contact.uid, "Eve")),
            other.put(other.book(book.pk) + "new.vcf", card("n", "New")),
            other.put(other.book(book.pk) + "g.vcf", card("g", "Group", "X-ADDRESSBOOKSERVER-KIND:group")),
            other.ask("DELETE", path),
            other.ask("DELETE", other.book(book.pk)),
            other.ask("PROPPATCH", other.book(book.pk), f"<propertyupdate {SPACES}/>"),
        ):
            assert answer.status == 403 and answer.condition == "need-privileges"
        assert len(other.sync(other.book(book.pk)).responses()) == 1  # groups are their owner's
    assert Contact.objects.get().name == "Anna Adams"


def test_who_sees_a_part_of_a_book_is_told_anew_when_it_is_another_one(
    phone: Phone, book: Book, alice: User, bob: User
) -> None:
    one, two = add(alice, "Anna Adams"), add(alice, "Bela Berg")
    other, seen = Phone.of(bob), [one.pk]
    with (
        mock.patch.object(access, "books", lambda user_id: Book.objects.filter(pk=book.pk)),
        mock.patch.object(access, "contacts", lambda user_id: Contact.objects.filter(pk__in=seen)),
        mock.patch.object(
            access,
            "right",
            lambda user_id, thing: Right.READ if thing.pk in seen and isinstance(thing, Contact) else Right.NONE,
        ),
        mock.patch.object(access, "document", lambda user_id, contact: keeping.document(contact)),
    ):
        first = other.sync(other.book(book.pk))
        assert set(first.responses()) == {path_of(other, book, one)}
        assert other.sync(other.book(book.pk), first.token).responses() == {}
        seen.append(two.pk)
        assert other.sync(other.book(book.pk), first.token).condition == "valid-sync-token"
        assert len(other.sync(other.book(book.pk)).responses()) == 2


def test_photos_are_drawn_anew_and_stay_what_they_are(phone: Phone, book: Book, alice: User) -> None:
    picture = io.BytesIO()
    Image.new("RGB", (900, 500), "teal").save(picture, "PNG")
    packed = base64.b64encode(picture.getvalue()).decode()
    path = phone.book(book.pk) + "p.vcf"
    assert phone.put(path, card("p", "Anna Adams", f"PHOTO;ENCODING=b;TYPE=PNG:{packed}")).status == 201
    contact = Contact.objects.get()
    assert len(contact.photo) == 64
    for version in ("3.0", "4.0"):
        text = phone.get(path, version)
        assert ("PHOTO;TYPE=JPEG;ENCODING=b:" if version == "3.0" else "PHOTO:data:image/jpeg;base64,") in text
        assert phone.put(path, text).status == 204
        contact.refresh_from_db()
        assert contact.version == 1
    assert phone.put(path, card("p", "Anna Adams", "PHOTO;ENCODING=b;TYPE=HEIC:AAAA")).status == 204
    contact.refresh_from_db()
    assert len(contact.photo) == 64  # what cannot be shown changes nothing
    svg = base64.b64encode(b"<svg onload='x()'/>").decode()
    assert phone.put(phone.book(book.pk) + "q.vcf", card("q", "Eve", f"PHOTO;ENCODING=b:{svg}")).status == 201
    assert Contact.objects.get(uid="q").photo == "" and photos.Photo.objects.count() == 1
    assert phone.put(path, card("p", "Anna Adams")).status == 204
    contact.refresh_from_db()
    assert contact.photo == ""


def test_a_uid_stands_once_in_a_book(phone: Phone, book: Book, alice: User) -> None:
    path = phone.book(book.pk) + "a.vcf"
    phone.put(path, card("u-1", "Anna"))
    again = phone.put(phone.book(book.pk) + "b.vcf", card("U-1".lower(), "Anna"))
    assert again.condition == "no-uid-conflict" and again.xml[0][0].text == path
    assert phone.put(path, card("u-2", "Anna")).condition == "no-uid-conflict"
    other = book_of(alice, "Work")
    assert phone.put(phone.book(other.pk) + "a.vcf", card("u-1", "Anna")).status == 201
    keeping.move(Contact.objects.filter(book=other).select_related("book"), book, Doing(alice))
    found = phone.multiget(phone.book(book.pk), *phone.sync(phone.book(book.pk)).responses()).responses()
    assert (
        len({line for each in found.values() for line in each["address-data"].splitlines() if line.startswith("UID")})
        == 2
    )


BAD_CARDS = {
    "no card": ("hello", "valid-address-data"),
    "two cards": (card("a", "A") + card("b", "B"), "valid-address-data"),
    "no end": (card("a", "A").replace("END:VCARD", ""), "valid-address-data"),
    "no UID": (card("a", "A").replace("UID:a\n", ""), "valid-address-data"),
    "a long UID": (card("a" * 191, "A"), "valid-address-data"),
    "an old version": (card("a", "A", version="2.1"), "supported-address-data"),
    "no version": (card("a", "A").replace("VERSION:3.0\n", ""), "supported-address-data"),
    "a line that is none": (card("a", "A", "this is no line"), "valid-address-data"),
    "nothing to be called by": ("BEGIN:VCARD\nVERSION:3.0\nUID:a\nEND:VCARD\n", "valid-address-data"),
    "too many values": (card("a", "A", *(f"TEL:{n}" for n in range(400))), "valid-address-data"),
}


@pytest.mark.parametrize("name", BAD_CARDS)
def test_a_bad_card_is_refused_in_words(name: str, phone: Phone, book: Book) -> None:
    text, condition = BAD_CARDS[name]
    answer = phone.put(phone.book(book.pk) + "a.vcf", text)
    assert answer.status == 403 and answer.condition == condition
    assert answer.xml.findtext(f"{D}responsedescription")
    assert not Contact.objects.exists()


def test_other_things_that_cannot_be_sent(phone: Phone, book: Book) -> None:
    path = phone.book(book.pk) + "a.vcf"
    assert phone.ask("PUT", path, card("a", "A"), "text/calendar").condition == "supported-address-data"
    huge = card("a", "A", "NOTE:" + "x" * (8 * 1024 * 1024))
    assert phone.put(path, huge).condition == "max-resource-size"
    assert phone.ask("PUT", path, b"", "text/vcard", Transfer_Encoding="chunked").status == 411
    assert phone.put(phone.book(book.pk) + "%0a.vcf", card("a", "A")).status == 403
    assert phone.put(phone.book(book.pk) + "a" * 256, card("a", "A")).status == 403
    for name in ("x" * 255, "%F0%9F%90%91.vcf", "a;b&c=d'e\"f.vcf", "..vcf", "%25.vcf"):
        assert phone.put(phone.book(book.pk) + name, card(f"u{len(name)}{name[:3]}", "A")).status == 201, name
        assert phone.ask("GET", phone.book(book.pk) + name).status == 200
    listed = list(phone.sync(phone.book(book.pk)).responses())
    assert len(listed) == 5


BAD_XML = {
    "no XML": "hello",
    "an entity": '<!DOCTYPE x [<!ENTITY a "b">]><propfind xmlns="DAV:"><prop><b>&a;</b></prop></propfind>',
    "a file": '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><propfind xmlns="DAV:">&a;</propfind>',
    "a type alone": '<!DOCTYPE propfind><propfind xmlns="DAV:"><allprop/></propfind>',
    "depth": '<propfind xmlns="DAV:"><prop>' + "<a>" * 19 + "</a>" * 19 + "</prop></propfind>",
    "breadth": '<propfind xmlns="DAV:"><prop>' + "<a/>" * 100_001 + "</prop></propfind>",
    "an encoding": '<?xml version="1.0" encoding="klingon"?><propfind xmlns="DAV:"><allprop/></propfind>',
    "another question": '<mkcol xmlns="DAV:"/>',
    "nothing asked": '<propfind xmlns="DAV:"/>',
    "half": '<propfind xmlns="DAV:"><allprop/>',
}


@pytest.mark.parametrize("name", BAD_XML)
def test_bad_xml_is_refused(name: str, phone: Phone, book: Book) -> None:
    answer = phone.ask("PROPFIND", phone.book(book.pk), BAD_XML[name], Depth="0")
    assert answer.status == 400 and b"root:" not in answer.body


def test_xml_that_is_too_long_is_not_read(phone: Phone, book: Book) -> None:
    answer = phone.ask("REPORT", phone.book(book.pk), b" " * (xml.MOST_OCTETS + 1))
    assert answer.condition == "max-request-size"


def test_odd_names_of_properties_come_back_as_they_are(phone: Phone, book: Book) -> None:
    body = f'<propfind {SPACES}><prop><q:x xmlns:q="urn:&quot;&lt;&amp;"/><none xmlns=""/></prop></propfind>'
    answer = phone.ask("PROPFIND", phone.book(book.pk), body, Depth="0")
    assert {each.tag for each in answer.xml.iter()} >= {'{urn:"<&}x', "none"}


# --- books ------------------------------------------------------------------------------------------------------------


def test_a_book_is_made_renamed_and_removed(phone: Phone, book: Book, alice: User) -> None:
    kind = "<resourcetype><collection/><C:addressbook/></resourcetype>"
    body = f"<mkcol {SPACES}><set><prop>{kind}<displayname>On the road</displayname></prop></set></mkcol>"
    path = phone.home + "road%20book/"
    assert phone.ask("MKCOL", path, body).status == 201
    made = Book.objects.get(name="On the road")
    assert phone.ask("MKCOL", path, body).status == 405
    assert phone.ask("MKCOL", phone.home + "other/", body).status == 409  # its name is taken
    assert phone.ask("MKCOL", phone.home + "b77/").status == 403
    assert phone.ask("MKCOL", phone.home + "plain").status == 201
    calendar = body.replace("C:addressbook", "calendar").replace("On the road", "Days")
    assert phone.ask("MKCOL", phone.home + "days/", calendar).condition == "valid-resourcetype"
    assert phone.put(path + "a.vcf", card("a", "Anna")).status == 201
    assert set(phone.propfind(phone.home, "displayname", depth="1").responses()) == {
        phone.home, phone.book(book.pk), phone.home + "road book/", phone.home + "plain/"
    }  # fmt: skip
    change = f"<propertyupdate {SPACES}><set><prop><displayname>%s</displayname>%s</prop></set></propertyupdate>"
    assert phone.ask("PROPPATCH", path, change % ("Trips", "")).responses()[phone.home + "road book/"] == {
        "displayname": ""
    }
    made.refresh_from_db()
    assert made.name == "Trips"
    both = phone.ask("PROPPATCH", path, change % ("Other", "<getetag/>")).responses()[phone.home + "road book/"]
    assert both == {"displayname": "424", "getetag": "403"}
    taken = phone.ask("PROPPATCH", path, change % ("Personal", "")).responses()[phone.home + "road book/"]
    assert taken == {"displayname": "409"}
    assert phone.ask("DELETE", path).status == 204
    assert phone.ask("PROPFIND", path, Depth="0").status == 404
    contact = Contact.objects.get()
    assert contact.deleted is not None and contact.book == book
    assert phone.ask("DELETE", phone.home + "plain/").status == 204
    assert phone.ask("DELETE", phone.book(book.pk)).status == 403  # one has to stay
    assert Book.objects.filter(owner=alice).count() == 1


# --- groups -----------------------------------------------------------------------------------------------------------


def test_groups_are_cards_of_the_books_in_which_they_have_somebody(phone: Phone, book: Book, alice: User) -> None:
    other = book_of(alice, "Work")
    here, there = add(alice, "Anna Adams"), add(alice, "Bela Berg", book=other)
    empty = phone.sync(phone.book(book.pk)).token
    group = groups.make(alice.pk, "Team")
    groups.add(group, [here, there])
    (path,) = phone.sync(phone.book(book.pk), empty).responses()
    text = phone.get(path)
    assert "X-ADDRESSBOOKSERVER-KIND:group" in text and text.count("X-ADDRESSBOOKSERVER-MEMBER:") == 1
    assert f"X-ADDRESSBOOKSERVER-MEMBER:{here.uid}" in text
    new = phone.get(path, "4.0")
    assert "KIND:group" in new and f"MEMBER:{here.uid}" in new
    assert (
        phone.put(
            path, text.replace("FN:Team", "FN:Herders").replace(f"X-ADDRESSBOOKSERVER-MEMBER:{here.uid}\n", "")
        ).status
        == 204
    )
    group.refresh_from_db()
    assert group.name == "Herders" and {each.contact for each in group.members.all()} == {there}
    third = add(alice, "Chris Doe")
    assert phone.put(path, new.replace(here.uid, third.uid)).status == 204
    group.refresh_from_db()
    assert group.name == "Team" and {each.contact for each in group.members.all()} == {there, third}
    before = phone.sync(phone.book(book.pk)).token
    keeping.throw_away([third], Doing(alice))
    changed = phone.sync(phone.book(book.pk), before).responses()
    assert changed[path].keys() == {"getetag"} and changed[path_of(phone, book, third)]["status"] == "404"
    assert phone.ask("DELETE", path).status == 204
    assert Group.objects.filter(pk=group.pk).exists() and {each.contact for each in group.members.all()} == {
        there,
        third,
    }
    (elsewhere,) = [each for each in phone.sync(phone.book(other.pk)).responses() if "KIND:group" in phone.get(each)]
    assert phone.put(elsewhere, card("x", "Bela")).status == 403


def test_a_phone_makes_a_group(phone: Phone, book: Book, alice: User) -> None:
    contact = add(alice, "Anna Adams")
    uid = contact.uid.removeprefix("urn:uuid:")
    lines = ("X-ADDRESSBOOKSERVER-KIND:group", f"X-ADDRESSBOOKSERVER-MEMBER:urn:uuid:{uid}")
    path = phone.book(book.pk) + "G.vcf"
    assert phone.put(path, card("g-1", "Friends", *lines)).status == 201
    group = Group.objects.get()
    assert group.name == "Friends" and [each.contact for each in group.members.all()] == [contact]
    assert "UID:g-1" in phone.get(path) and not Contact.objects.filter(uid="g-1").exists()
    assert phone.put(phone.book(book.pk) + "H.vcf", card("g-2", "Friends", *lines)).status == 403  # the name is taken
    assert phone.put(path, card("g-1", "A person")).condition == "valid-address-data"
    groups.rename(group, "Best friends")
    assert "FN:Best friends" in phone.get(path)
    assert phone.ask("DELETE", path).status == 204
    assert not Group.objects.exists() and Contact.objects.filter(deleted=None).count() == 1


# --- the page ---------------------------------------------------------------------------------------------------------


def test_the_page_says_what_to_type(as_alice: Client, alice: User, phone: Phone, book: Book) -> None:
    phone.ask("MKCOL", phone.home + "journeys/")
    page = as_alice.get("/contacts/programs/").content.decode()
    for text in (
        "http://testserver/<",
        ">alice<",
        phone.book(book.pk),
        phone.home + "journeys/",
        "/auth/security/#app-",
    ):
        assert text in page, text
    with mock.patch.object(settings, "BASE_URL", mock.Mock(origin="https://example.org", path="/webmail")):
        page = as_alice.get("/contacts/programs/").content.decode()
    assert f"https://example.org{DAV}<" in page  # below a path the host alone may not be enough
    assert phone.password not in page


# --- many -------------------------------------------------------------------------------------------------------------


def test_many_cards_cost_few_queries(phone: Phone, book: Book, alice: User, django_assert_max_num_queries) -> None:
    cards = [("", [Value("FN", f"Person {number}"), Value("TEL", f"+1 {number}")]) for number in range(1200)]
    keeping.create_many(book, cards, Doing(alice))
    token = phone.sync(phone.book(book.pk)).token
    with django_assert_max_num_queries(12):
        found = phone.propfind(phone.book(book.pk), "getetag", "getlastmodified", depth="1").responses()
        assert len(found) == 1201
    with django_assert_max_num_queries(12):
        assert len(phone.sync(phone.book(book.pk)).responses()) == 1200
    with django_assert_max_num_queries(10):
        assert phone.sync(phone.book(book.pk), token).responses() == {}
    with django_assert_max_num_queries(16):
        everybody = phone.query(phone.book(book.pk), "").responses()
        assert sum("TEL:+1 " in each["address-data"] for each in everybody.values()) == 1200
    with django_assert_max_num_queries(16):
        hrefs = [path for path in found if path.endswith(".vcf")]
        assert len(phone.multiget(phone.book(book.pk), *hrefs).responses()) == 1200
