"""Contacts as the tests make them."""

from __future__ import annotations

from apps.auth.models import User
from apps.contacts.card import Value
from apps.contacts.models import Book, Contact
from apps.contacts.services import keeping
from apps.contacts.services.keeping import Doing


def book_of(user: User, name: str = "Personal") -> Book:
    return Book.objects.get_or_create(owner=user, key=Book.key_of(name), defaults={"name": name})[0]


def add(
    user: User, name: str, *emails: str, book: Book | None = None, phone: str = "", more: tuple[Value, ...] = ()
) -> Contact:
    given, _blank, family = name.rpartition(" ")
    values = [Value("N", (family, given, "", "", "")), Value("FN", name)]
    values += [Value("EMAIL", email, ("work",)) for email in emails]
    values += [Value("TEL", phone, ("cell",))] if phone else []
    return keeping.create(book or book_of(user), [*values, *more], Doing(user))


def text_of(contact: Contact, name: str) -> list[str]:
    return [value.text for value in keeping.document(contact).all(name)]


def form_of(html: str) -> dict[str, str]:
    """The fields of the contact's form, as a browser would send them."""
    from selectolax.lexbor import LexborHTMLParser

    found: dict[str, str] = {}
    form = LexborHTMLParser(html).css_first("#contact-form")
    assert form is not None
    for node in form.css("input[name], textarea[name], select[name]"):
        name, kind = node.attributes["name"] or "", node.attributes.get("type")
        if kind in {"file", "checkbox"} or name == "csrfmiddlewaretoken":
            continue
        if node.tag == "select":
            chosen = node.css_first("option[selected]") or node.css_first("option")
            found[name] = (chosen.attributes.get("value") or "") if chosen else ""
        elif node.tag == "textarea":
            found[name] = node.text()
        else:
            found[name] = node.attributes.get("value") or ""
    return found


def field(form: dict[str, str], prop: str, at: int = 0) -> str:
    """The beginning of the names of a row's fields: "r3"."""
    rows = [key.removesuffix("-name") for key, value in form.items() if key.endswith("-name") and value == prop]
    return rows[at]


def with_everything(user: User) -> tuple[int, int]:
    """Ids of a contact with a photo, and of an import that has been looked through."""
    import io

    from django.core.files.base import ContentFile
    from PIL import Image

    from apps.contacts import tasks
    from apps.contacts.models import File
    from apps.contacts.services import importing, photos

    picture = io.BytesIO()
    Image.new("RGB", (9, 9), "teal").save(picture, "PNG")
    secret = Value("NOTE", "Secret poles")
    photo = Value("PHOTO", photos.keep(user.pk, picture.getvalue()))
    contact = add(user, "Secret poles Person", "poles@felt.example", more=(secret, photo))
    File.objects.create(contact=contact, name="poles.txt", size=12, content=b"Secret poles")
    file = ContentFile(b"Name,Notes\nSecret poles,x\n")
    whole = importing.begin(user.pk, file, name="people.csv", size=file.size, book=contact.book, existing="update")  # type: ignore[arg-type]
    tasks.do_import(whole.pk, "look")
    return contact.pk, whole.pk


def subscribed(user: User) -> int:
    """The id of a subscription, of a book whose server nobody asks."""
    from apps.contacts.models import Subscription

    book = book_of(user, "Elsewhere")
    url = "https://dav.felt.example/secret-poles/"
    return Subscription.objects.create(book=book, url=url, login="Secret poles", trusted="dav.felt.example").pk


def file_of(contact_id: int) -> int:
    """The id of the file that ``with_everything`` has attached."""
    from apps.contacts.models import File

    return File.objects.get(contact=contact_id).pk
