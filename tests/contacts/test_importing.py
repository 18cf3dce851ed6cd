"""Contacts from files: looked through, taken in, taken back; and into files again."""

from __future__ import annotations

import base64
import io
import json
import re
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from PIL import Image

from apps.auth.models import User
from apps.contacts.card import Card, Source, Value
from apps.contacts.formats import ldif, tables
from apps.contacts.models import Contact, Group, Row, Undertaking
from apps.contacts.services import exporting, groups, importing, keeping
from apps.contacts.services.keeping import Doing
from apps.contacts.vcard import lines, reading, writing
from tests.contacts.world import add, book_of, text_of
from tests.mail.mime.support import CORPORA

pytestmark = pytest.mark.django_db
VECTORS = json.loads((Path(__file__).parents[1] / "vectors/contacts_import.json").read_text("utf-8"))["items"]
CARDS = sorted((CORPORA / "ez-vcard").rglob("*.vcf")) if (CORPORA / "ez-vcard").exists() else []

Import = Callable[..., Undertaking]


@pytest.fixture
def take_in(as_alice: Client, alice: User, settings, tmp_path: Path) -> Import:
    """Through the pages: the file is uploaded, looked through, and imported."""
    settings.DATA_DIR = tmp_path

    def work(
        data: bytes | str,
        name: str = "people.vcf",
        *,
        run: bool = True,
        columns: dict[str, str] | None = None,
        **options: str,
    ) -> Undertaking:
        octets = data.encode() if isinstance(data, str) else data
        book = book_of(alice)
        fields = {"file": SimpleUploadedFile(name, octets), "book": book.pk, "existing": "update"} | options
        answer = as_alice.post(reverse("contacts:imports"), fields)
        assert answer.status_code == 302
        url = answer["Location"]
        assert as_alice.get(url).status_code == 200
        whole = Undertaking.objects.latest("pk")
        assert whole.state == "read" and not Contact.objects.filter(changes__whole=whole).exists()
        if columns is not None:
            as_alice.post(url, {"do": "map"} | columns)
            assert as_alice.get(url).status_code == 200
        if run:
            as_alice.post(url, {"do": "run"})
            assert as_alice.get(url).status_code == 200
            whole.refresh_from_db()
            assert whole.state == "done" and whole.file == "" and list(importing.folder().iterdir()) == []
        return whole

    return work


def states(whole: Undertaking) -> list[tuple[int, str, str]]:
    return list(whole.rows.values_list("number", "state", "name"))


def card(*body: str) -> str:
    return "\r\n".join(["BEGIN:VCARD", "VERSION:3.0", *body, "END:VCARD", ""])


ANNA = card("UID:anna", "FN:Anna Adams", "EMAIL;TYPE=work:anna@felt.example", "X-OWN;A=b:c\\;d")


def test_a_file_is_looked_through_first_and_taken_back_as_a_whole(
    take_in: Import, as_alice: Client, alice: User
) -> None:
    whole = take_in(ANNA + card("FN:Bo Berg") + card("NOTE:nobody"), run=False)
    assert states(whole) == [(1, "new", "Anna Adams"), (8, "new", "Bo Berg"), (12, "bad", "")]
    assert not Contact.objects.exists()
    url = reverse("contacts:import", args=[whole.pk])
    as_alice.post(url, {"do": "run"})
    contact = Contact.objects.get(uid="anna")
    source = next(iter(keeping.document(contact).sources.values()))
    assert (source.kind, source.text, source.by_name) == ("import", "people.vcf", "Alice Adams")
    page = as_alice.get(reverse("contacts:contact", args=[contact.pk])).content.decode()
    assert "Imported from people.vcf" in page and "X-OWN" in page
    changed = Contact.objects.get(name="Bo Berg")
    keeping.change(changed, [*keeping.document(changed).values, Value("NOTE", "mine")], Doing(alice), version=1)
    answer = as_alice.post(url, {"do": "undo"}, follow=True)
    assert "1 contact stays" in answer.content.decode()
    assert [each.name for each in Contact.objects.kept()] == ["Bo Berg"]
    as_alice.post(url, {"do": "undo"})
    assert Contact.objects.thrown_away().count() == 1


def test_a_second_import_brings_up_to_date_skips_or_adds(take_in: Import, as_alice: Client) -> None:
    take_in(ANNA)
    newer = ANNA.replace("anna@felt.example", "anna@ice.example")
    assert [state for _n, state, _name in states(take_in(ANNA))] == ["same"]
    assert [state for _n, state, _name in states(take_in(newer, existing="skip"))] == ["same"]
    whole = take_in(newer)
    assert [state for _n, state, _name in states(whole)] == ["changed"]
    contact = Contact.objects.get()
    assert text_of(contact, "EMAIL") == ["anna@ice.example"]
    as_alice.post(reverse("contacts:import", args=[whole.pk]), {"do": "undo"})
    assert text_of(contact, "EMAIL") == ["anna@felt.example"] and Contact.objects.kept().count() == 1
    take_in(newer, existing="add")
    assert Contact.objects.kept().count() == 2


def test_what_is_cancelled_leaves_nothing(take_in: Import, as_alice: Client) -> None:
    whole = take_in(ANNA, run=False)
    as_alice.post(reverse("contacts:import", args=[whole.pk]), {"do": "cancel"})
    assert not Undertaking.objects.exists() and not Row.objects.exists()
    assert list(importing.folder().iterdir()) == []


def test_an_import_is_its_owners(take_in: Import, bob: User) -> None:
    whole = take_in(ANNA)
    other = Client()
    other.force_login(bob)
    url = reverse("contacts:import", args=[whole.pk])
    assert other.get(url).status_code == other.post(url, {"do": "undo"}).status_code == 404


# --- vCard ------------------------------------------------------------------------------------------------------------


@pytest.mark.skipif(not CARDS, reason="shared corpora absent")
@pytest.mark.parametrize("version", writing.VERSIONS)
@pytest.mark.parametrize("path", CARDS, ids=lambda path: path.name)
def test_cards_of_other_programs_come_out_as_they_went_in(path: Path, version: str) -> None:
    found = list(reading.cards(io.BytesIO(path.read_bytes())))
    assert found
    for each in found:
        assert each.problems == [] and each.values
        kept = Card().revised(each.values, Source("import", "2026-01-01"))
        assert Card.from_json(json.loads(json.dumps(kept.to_json()))) == kept
        text = writing.written(kept, uid=each.uid or "x", version=version)
        if version != "2.1":
            assert all(len(line.encode()) <= 75 for line in text.split("\r\n"))
        (again,) = reading.cards(io.BytesIO(text.encode()))
        given = [value for value in again.values if value.text.replace(";", "")]
        assert [(value.name, value.text, value.label) for value in given] == [
            (value.name, value.text, value.label) for value in each.values
        ]
        assert [set(value.types) for value in given] == [set(value.types) for value in each.values]


@pytest.mark.skipif(not CARDS, reason="shared corpora absent")
def test_the_corpus_is_imported(take_in: Import) -> None:
    for path in CARDS:
        whole = take_in(path.read_bytes(), path.name)
        assert {row.state for row in whole.rows.all()} == {"new"}, path.name
    names = set(Contact.objects.values_list("name", flat=True))
    assert {"John Doe III", "Simon Perreault", "Greg Dartmouth", "Frank Dawson", "Tim Howes"} <= names


ODD = {
    "no FN": (card("N:Adams;Anna;;;"), ["Anna Adams"]),
    "ORG only": (card("ORG:Ice Radar AB;Field"), ["Ice Radar AB · Field"]),
    "no END": ("BEGIN:VCARD\nFN:Anna\nBEGIN:VCARD\nFN:Bo\nEND:VCARD", ["Anna", "Bo"]),
    "END missing at the end": ("BEGIN:VCARD\nFN:Anna\n", ["Anna"]),
    "a card within": ("BEGIN:VCARD\nFN:Anna\nAGENT:\nBEGIN:VCARD\nFN:Her agent\nEND:VCARD\nEND:VCARD\n", ["Anna"]),
    "quoted-printable": (
        "BEGIN:VCARD\nVERSION:2.1\nFN;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:Zo=C3=AB M=\n=C3=BCller\nEND:VCARD",
        ["Zoë Müller"],
    ),
    "Latin-1": (b"BEGIN:VCARD\nVERSION:2.1\nFN;CHARSET=ISO-8859-1:Zo\xeb\nEND:VCARD", ["Zoë"]),
    "a bad line": (card("FN:Anna", "nonsense without a colon"), ["Anna"]),
    "folded within a sign": (b"BEGIN:VCARD\r\nFN:Zo" + b"\xc3\r\n \xab\r\nEND:VCARD", ["Zoë"]),
    "between cards": (f"hello\n\n{ANNA}\nworld\n{ANNA}", ["Anna Adams", "Anna Adams"]),
    "old Macintosh label": (card("FN:Anna", "item1.TEL:1234567", "item1.X-ABLabel:_$!<Other>!$_"), ["Anna"]),
}


@pytest.mark.parametrize("kind", ODD)
def test_odd_cards_are_read(kind: str) -> None:
    data, names = ODD[kind]
    octets = data if isinstance(data, bytes) else data.encode()
    assert [Card(each.values).name for each in reading.cards(io.BytesIO(octets))] == names


def test_a_line_of_fifty_megabytes_is_left_out_in_bounded_memory() -> None:
    class Long(io.RawIOBase):
        """A file that is not in memory."""

        def __init__(self) -> None:
            self.parts = [
                b"BEGIN:VCARD\nFN:Anna\nNOTE:",
                *[b"x" * 2**20] * 50,
                b"\nEND:VCARD\nBEGIN:VCARD\nFN:Bo\nEND:VCARD\n",
            ]

        def readable(self) -> bool:
            return True

        def readinto(self, buffer) -> int:  # type: ignore[no-untyped-def]
            if not self.parts:
                return 0
            part = self.parts.pop(0)
            size = min(len(part), len(buffer))
            buffer[:size] = part[:size]
            if part[size:]:
                self.parts.insert(0, part[size:])
            return size

    tracemalloc.start()
    found = list(reading.cards(io.BufferedReader(Long())))
    _now, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert [Card(each.values).name for each in found] == ["Anna", "Bo"]
    assert found[0].problems == [("long", "3")]
    assert peak < 5 * lines.LONGEST


def test_groups_come_and_go_with_their_members(take_in: Import, as_alice: Client, alice: User) -> None:
    text = ANNA + "BEGIN:VCARD\nVERSION:4.0\nKIND:group\nFN:Crew\nMEMBER:anna\nMEMBER:urn:uuid:nobody\nEND:VCARD\n"
    whole = take_in(text)
    assert [state for _n, state, _name in states(whole)] == ["new", "group"]
    group = Group.objects.get()
    assert group.name == "Crew" and groups.contact_ids(alice.pk, group.pk) == {Contact.objects.get().pk}
    out = b"".join(as_alice.get(reverse("contacts:export"), {"format": "vcard4"}).streaming_content).decode()
    assert "KIND:group" in out and "MEMBER:anna" in out and "X-OWN;A=b:c\\;d" in out
    as_alice.post(reverse("contacts:import", args=[whole.pk]), {"do": "undo"})
    assert not Group.objects.exists()
    take_in(out, existing="add")
    assert Group.objects.get().name == "Crew"


def picture(kind: str = "PNG", size: tuple[int, int] = (600, 400)) -> bytes:
    made = io.BytesIO()
    Image.new("RGB", size, "teal").save(made, kind)
    return made.getvalue()


def test_photos_are_drawn_anew_and_never_fetched(take_in: Import, as_alice: Client) -> None:
    packed = base64.b64encode(picture("JPEG")).decode()
    take_in(card("FN:Anna", f"PHOTO;ENCODING=b;TYPE=JPEG:{packed}", "UID:anna"))
    contact = Contact.objects.get()
    answer = as_alice.get(reverse("contacts:photo", args=[contact.pk]))
    assert answer["Content-Type"] == "image/webp" and "private" in answer["Cache-Control"]
    with Image.open(io.BytesIO(answer.content)) as shown:
        assert shown.size == (320, 320) and not shown.getexif()
    out = as_alice.get(reverse("contacts:vcard", args=[contact.pk])).content
    (again,) = reading.cards(io.BytesIO(out))
    octets = base64.b64decode(Card(again.values).text("PHOTO").partition(",")[2])
    assert octets.startswith(b"\xff\xd8\xff")
    whole = take_in(
        card("FN:Bo", "PHOTO;ENCODING=b;TYPE=SVG:PHN2Zy8+") + card("FN:Cy", "PHOTO;VALUE=uri:file:///etc/passwd")
    )
    remarks = list(whole.rows.values_list("remark", flat=True))
    assert remarks == ["the photo could not be used", "PHOTO points elsewhere and was not fetched"]
    assert not Contact.objects.filter(name__in=["Bo", "Cy"]).exclude(photo="").exists()


@pytest.mark.parametrize("octets", [b"", b"<svg/>", b"GIF89a", picture()[:200], b"\xff\xd8\xff" + b"\0" * 100])
def test_what_is_no_picture_is_refused(as_alice: Client, alice: User, octets: bytes) -> None:
    upload = SimpleUploadedFile("photo.png", octets, "image/png")
    answer = as_alice.post(reverse("contacts:new"), {"r0-name": "FN", "r0-0": "Anna", "photo": upload})
    if octets:
        assert answer.status_code == 422 and "no picture that can be shown" in answer.content.decode()
    assert not Contact.objects.exclude(photo="").exists()


def test_a_photo_comes_and_goes_by_the_form(as_alice: Client, alice: User) -> None:
    contact = add(alice, "Anna Adams")
    url = reverse("contacts:edit", args=[contact.pk])
    from tests.contacts.world import form_of

    form = form_of(as_alice.get(url).content.decode())
    upload = SimpleUploadedFile("photo.png", picture(), "image/png")
    assert as_alice.post(url, form | {"photo": upload}).status_code == 302
    contact.refresh_from_db()
    assert contact.photo and as_alice.get(reverse("contacts:photo", args=[contact.pk])).status_code == 200
    form = form_of(as_alice.get(url).content.decode())
    as_alice.post(url, form | {"no-photo": "on"})
    contact.refresh_from_db()
    assert contact.photo == ""


# --- tables -----------------------------------------------------------------------------------------------------------

PROGRAMS = {
    "Outlook": "First Name,Last Name,E-mail Address,Mobile Phone,Company,Home City,Birthday\n"
    "Anna,Adams,anna@felt.example,555010142,Felt Ltd,Osh,4/12/1985\n",
    "Thunderbird": "First Name,Last Name,Display Name,Nickname,Primary Email,Secondary Email,Mobile Number,"
    "Home City,Organization\n"
    "Anna,Adams,Anna Adams,An,anna@felt.example,a@home.example,555010142,Osh,Felt Ltd\n",
    "Google": "Name,Given Name,Family Name,E-mail 1 - Type,E-mail 1 - Value,Phone 1 - Type,Phone 1 - Value,"
    "Address 1 - Type,Address 1 - City,Organization 1 - Name\n"
    "Anna Adams,Anna,Adams,Work,anna@felt.example,Mobile,555010142,Home,Osh,Felt Ltd\n",
    "Horde": '"name","firstname","lastname","email","cellPhone","homeCity","company"\n'
    '"Anna Adams","Anna","Adams","anna@felt.example","555010142","Osh","Felt Ltd"\n',
    "Roundcube": "Name,First Name,Last Name,Email:work,Phone:mobile,Home City,Organization\n"
    "Anna Adams,Anna,Adams,anna@felt.example,555010142,Osh,Felt Ltd\n",
    "Outlook in German": "Vorname;Nachname;E-Mail-Adresse;Mobiltelefon;Firma;Ort\n"
    "Anna;Adams;anna@felt.example;555010142;Felt Ltd;Osh\n",
}


@pytest.mark.parametrize("program", PROGRAMS)
def test_tables_of_other_programs_are_recognised(take_in: Import, program: str) -> None:
    take_in(PROGRAMS[program], "people.csv")
    contact = Contact.objects.get()
    found = keeping.document(contact)
    assert contact.name == "Anna Adams" and contact.email == "anna@felt.example"
    assert found.first("N").parts(5)[:2] == ("Adams", "Anna")
    assert found.text("TEL") == "555010142" and "cell" in found.first("TEL").types
    assert found.text("ORG") == "Felt Ltd" and "Osh" in found.text("ADR")
    assert found.first("X-FIELD") is None
    if program == "Outlook":
        assert found.text("BDAY") == "1985-04-12"


def test_other_columns_become_fields_or_what_somebody_says(take_in: Import, as_alice: Client, alice: User) -> None:
    table = "Wer;Permit;Mailbox\nAnna Adams;Z-1;anna@felt.example\n"
    take_in(table, "people.csv", columns={"columns": "3", "c0": "FN", "c1": "X-FIELD", "c2": "EMAIL"})
    contact = Contact.objects.get()
    field = keeping.document(contact).first("X-FIELD")
    assert (contact.name, contact.email) == ("Anna Adams", "anna@felt.example")
    assert (field.label, field.text) == ("Permit", "Z-1")
    whole = take_in(table, "people.csv", run=False)
    page = as_alice.get(reverse("contacts:import", args=[whole.pk])).content.decode()
    assert page.count("not recognised") == 3 and "Z-1" in page


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252", "shift_jis"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_tables_in_any_encoding(take_in: Import, encoding: str, separator: str) -> None:
    name = "山田太郎" if encoding == "shift_jis" else "Zoë Müller"
    note = "日本語のメモです。氷河の調査、東京大学" if encoding == "shift_jis" else "first\r\nsecond"
    table = f'Name{separator}Notes\r\n{name}{separator}"{note}"\r\n'
    take_in(table.encode(encoding), "people.csv")
    contact = Contact.objects.get()
    assert contact.name == name
    assert text_of(contact, "NOTE") == [note]


def test_a_table_without_names_of_columns_and_one_with_a_lone_quote(take_in: Import) -> None:
    whole = take_in('Anna Adams,anna@felt.example\n"lone\n', "people.csv")
    assert Contact.objects.get(name="Anna Adams").email == "anna@felt.example"
    assert whole.rows.count() == 2
    many = ",".join(f"c{n}" for n in range(400))
    whole = take_in(f"Name,{many}\nx\n", "people.csv", run=False)
    assert list(whole.rows.values_list("state", "remark")) == [("bad", "it has too many columns")]


@pytest.mark.parametrize("item", [item for item in VECTORS if item["class"] == "formula"], ids=lambda item: item["id"])
def test_formulas_are_kept_literally_and_go_out_harmless(
    take_in: Import, as_alice: Client, item: dict[str, str]
) -> None:
    text = item["data"]
    table = f'Name,Notes\n"Anna","{text.replace(chr(34), chr(34) * 2)}"\n'
    take_in(table, "people.csv")
    contact = Contact.objects.get()
    assert text_of(contact, "NOTE") == [text.strip()]
    out = b"".join(as_alice.get(reverse("contacts:export"), {"format": "csv"}).streaming_content).decode("utf-8-sig")
    import csv

    for row in csv.reader(io.StringIO(out)):
        assert not any(cell.startswith(("=", "+", "-", "@", "\t", "\r")) for cell in row)
    Contact.objects.all().delete()
    take_in(out, "again.csv")
    assert text_of(Contact.objects.get(), "NOTE") == [text.strip()]


# --- the vectors ------------------------------------------------------------------------------------------------------


HOSTILE = [
    item for item in VECTORS if item["kind"] == "vcf" and not item["data"].startswith("FN missing")
]  # ODD has those


@pytest.mark.parametrize("item", HOSTILE, ids=lambda item: item["id"])
def test_hostile_cards_harm_nobody(take_in: Import, as_alice: Client, item: dict[str, str]) -> None:
    data = item["data"]
    text = data if data.startswith("BEGIN") else card("FN:x", data)
    whole = take_in(text)
    contact = Contact.objects.get()
    page = as_alice.get(reverse("contacts:contact", args=[contact.pk])).content.decode()
    shown = page[page.index('<article class="cread">') : page.index("</article>")]
    assert "<img src=x" not in shown and "javascript:" not in "".join(re.findall(r'href="([^"]*)"', shown))
    if data.startswith("EMAIL"):
        assert contact.email == "" and "is no mail address" in whole.rows.get().remark
    if data.startswith("PHOTO"):
        assert contact.photo == ""
    if "NOTE:" in data:
        assert "&lt;img src=x onerror=window.__xss(1)&gt;" in shown


@pytest.mark.parametrize("item", [item for item in VECTORS if item["kind"] == "ldif"], ids=lambda item: item["id"])
def test_hostile_entries_harm_nobody(item: dict[str, str]) -> None:
    data = item["data"].encode()
    if item["class"] == "ldif" and b"folded line" in data:
        data = b"version: 1\r\ndn: cn=x\r\n# a comment\r\n that goes on\r\ncn: Anna\r\n  Adams\r\n"
        data += b"dn: cn=y\r\ncn: Bo\r\njpegPhoto:: AAECAw==\r\n"
        first, second = ldif.entries(io.BytesIO(data))
        assert (first.text("cn"), second.text("cn")) == ("Anna Adams", "Bo")
        assert second.attributes["jpegphoto"] == [b"\0\1\2\3"]
        return
    (entry,) = ldif.entries(io.BytesIO(data))
    if b"jpegPhoto" in data:
        assert entry.problems == [("link", "jpegphoto")] and entry.attributes == {}
    elif b"changetype" in data:
        assert entry.change == "delete"
    else:
        assert entry.text("cn") == "ä" and entry.dn == "cn=ä"


def test_entries_of_directories_are_imported(take_in: Import, alice: User) -> None:
    text = (
        "version: 1\n\ndn: cn=Anna Adams,mail=anna@felt.example\nobjectclass: inetOrgPerson\n"
        "cn: Anna Adams\nsn: Adams\n"
        "givenName: Anna\nmail: anna@felt.example\nmobile: 555010142\no: Felt Ltd\nl: Osh\nemployeeNumber: 7\n"
        "mozillaHomeStreet: Lane 1\n\ndn: cn=Crew\nobjectclass: groupOfNames\ncn: Crew\n"
        "member: cn=Anna Adams,mail=anna@felt.example\n\ndn: cn=gone\nchangetype: delete\n"
    )
    whole = take_in(text, "people.ldif")
    assert [state for _n, state, _name in states(whole)] == ["new", "group", "bad"]
    contact = Contact.objects.get()
    found = keeping.document(contact)
    assert found.first("N").parts(5)[:2] == ("Adams", "Anna") and found.text("ORG") == "Felt Ltd"
    assert found.first("X-FIELD").label == "employeenumber" and len(found.all("ADR")) == 2
    assert groups.contact_ids(alice.pk, Group.objects.get().pk) == {contact.pk}


# --- out --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", exporting.FORMATS)
def test_what_goes_out_comes_in_again(take_in: Import, as_alice: Client, alice: User, kind: str) -> None:
    add(
        alice,
        "Жанар Өмүрбекова",
        "zh@felt.example",
        phone="+996 555 010 142",
        more=(
            Value("ORG", ("Felt, Ltd; Osh", "Field")),
            Value("NOTE", "one, two; three\n\\four"),
            Value("URL", "https://a.test/?b,c"),
        ),
    )
    before = keeping.document(Contact.objects.get())
    answer = as_alice.get(reverse("contacts:export"), {"format": kind})
    assert "attachment" in answer["Content-Disposition"]
    out = b"".join(answer.streaming_content)
    Contact.objects.all().delete()
    take_in(out, f"again.{exporting.FORMATS[kind][1]}")
    after = keeping.document(Contact.objects.get())
    for name in ("FN", "N", "EMAIL", "TEL", "ORG", "NOTE", "URL"):
        assert after.text(name) == before.text(name), name


def test_a_selection_is_exported(as_alice: Client, alice: User) -> None:
    people = [add(alice, f"Person {letter}") for letter in "ABC"]
    answer = as_alice.get(
        reverse("contacts:export"), {"format": "vcard4", "id": [people[0].pk, people[2].pk], "in": "all"}
    )
    out = b"".join(answer.streaming_content).decode()
    assert re.findall(r"FN:(.*)\r", out) == ["Person A", "Person C"]
    assert "3 contacts" in as_alice.get(reverse("contacts:export")).content.decode()


def test_tables_say_what_their_columns_mean() -> None:
    assert tables.target_of("E-mail 2 Address") == "EMAIL#2"
    assert tables.target_of("Business Street") == "ADR:work.2"
    assert tables.target_of("HomePostalCode") == "ADR:home.5"
    assert tables.target_of("whatever") == ""
    assert all(tables.harmless(text) == f"'{text}" for text in ("=1", "+1", "-1", "@x", "\t=1", "\r=1"))


def test_files_beyond_the_limit_are_told_apart_from_none(as_alice: Client, alice: User, settings) -> None:
    settings.FILE_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024
    book = book_of(alice).pk
    for size, words in ((3 * 2**20, "at most 1 MB"), (2**20 + 1, "at most 1 MB"), (0, "This file is empty")):
        file = SimpleUploadedFile("people.vcf", b"x" * size)
        page = as_alice.post(reverse("contacts:imports"), {"file": file, "book": book}, follow=True).content.decode()
        assert words in page, size
    page = as_alice.post(reverse("contacts:imports"), {"book": book}, follow=True).content.decode()
    assert "Choose a file." in page
    photo = SimpleUploadedFile("photo.png", b"x" * 3 * 2**20)
    answer = as_alice.post(reverse("contacts:new"), {"r0-name": "FN", "r0-0": "Anna", "photo": photo})
    assert answer.status_code == 422 and "at most 8 MB" in answer.content.decode()
    assert not Undertaking.objects.exists() and not Contact.objects.exists()
