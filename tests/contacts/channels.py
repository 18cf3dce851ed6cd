"""Further channels of the permission matrix: protocols and pages that came after it."""

from __future__ import annotations

import re
from urllib.parse import urlencode

from django.http import HttpResponseBase
from django.test import Client

from apps.auth.models import User
from apps.contacts import folding
from apps.contacts.models import Tag
from tests.contacts.matrix import FIELDS, PRIVATE, World, told
from tests.contacts.phone import SPACES, Phone


def text_of(answer: HttpResponseBase) -> str:
    octets = b"".join(answer.streaming_content) if answer.streaming else answer.content  # type: ignore[attr-defined]
    return octets.decode("utf-8", "replace")


def carddav(world: World, user: User, client: Client) -> set[str]:
    """Whatever a program can fetch: lists, cards by every name, in both versions, the changes."""
    phone = Phone.of(user)
    texts = []
    for book in (phone.home, phone.book(world.book.pk)):
        texts.append(phone.ask("PROPFIND", book, "", Depth="1").body.decode("utf-8", "replace"))
    book = phone.book(world.book.pk)
    hrefs = re.findall(r"<[^>]*href>([^<]+\\.vcf)<", texts[-1])
    name = world.contact.uid.removeprefix("urn:uuid:")
    for href in {*hrefs, f"{book}{name}.vcf"}:
        for version in ("3.0", "4.0"):
            got = phone.ask("GET", href, Accept=f"text/vcard; version={version}")
            texts.append(got.body.decode("utf-8", "replace"))
    texts.append(phone.multiget(book, *hrefs, f"{book}{name}.vcf").body.decode("utf-8", "replace"))
    texts.append(phone.query(book, "").body.decode("utf-8", "replace"))
    texts.append(phone.sync(book).body.decode("utf-8", "replace"))
    texts.append(phone.ask("PUT", f"{book}{name}.vcf", "nonsense", "text/vcard").body.decode("utf-8", "replace"))
    # a telephone number may be written with its signs only, a line of base64 may hold anything
    return told("".join(re.sub(r"(?m)^[A-Za-z0-9+/= ]{60,}$", "", text) for text in texts)) - {"photo"}


def carddav_questions(world: World, user: User, client: Client) -> set[str]:
    """Whether a card is given for a value that it may not be known by."""
    phone, labels = Phone.of(user), set()
    book = phone.book(world.book.pk)
    uid = world.contact.uid.removeprefix("urn:uuid:")
    for each in (*FIELDS, *PRIVATE):
        if each.value.name not in {"EMAIL", "TEL", "NOTE", "TITLE", "NICKNAME", "ORG", "CATEGORIES"}:
            continue
        text = each.value.text[:20].replace("&", "")
        inner = f'<C:prop-filter name="{each.value.name}"><C:text-match>{text}</C:text-match></C:prop-filter>'
        body = (
            f"<C:addressbook-query {SPACES}><prop><getetag/></prop><C:filter>{inner}</C:filter></C:addressbook-query>"
        )
        if uid in phone.ask("REPORT", book, body).body.decode("utf-8", "replace"):
            labels.add(each.label)
    return labels


def by_fields(world: World, user: User, client: Client) -> set[str]:
    """Found by a single field; also by what it has at all, and by where it came from."""
    names = {
        "EMAIL": "mail",
        "TEL": "phone",
        "ADR": "place",
        "NOTE": "note",
        "TITLE": "title",
        "ORG": "org",
        "CATEGORIES": "tag",
        "X-FIELD": "field",
    }
    labels = set()
    here = f'data-contact="{world.contact.pk}"'
    for each in (*FIELDS, *PRIVATE):
        name = names.get(each.value.name)
        if name is None:
            continue
        asked = each.question if name == "phone" else " ".join(folding.words(each.question)[:1])
        rows = text_of(client.get(f"/contacts/?{urlencode({f'f-{name}': asked})}", headers={"HX-Request": "true"}))
        if here in rows:
            labels.add(each.label)
    month = text_of(client.get("/contacts/?f-month=3", headers={"HX-Request": "true"}))
    return labels | ({"bday"} if here in month else set())


def other_pages(world: World, user: User, client: Client) -> set[str]:
    """Of a person, birthdays, the code for phones, files, and their parts."""
    Tag.objects.filter(owner=user).exclude(owner=world.owner).delete()  # their own in the side column are no news
    pk = world.contact.pk
    emails = [each.value.text for each in (*FIELDS, *PRIVATE) if each.value.name == "EMAIL"]
    texts = [text_of(client.get(f"/contacts/{pk}/{part}")) for part in ("qr/", "qr.svg")]
    texts += [text_of(client.get("/contacts/birthdays/")), text_of(client.get("/home/blocks/contacts.birthdays/"))]
    found: set[str] = set()
    for email in emails:
        query = urlencode({"email": email})
        for part in ("contacts.cards", "contacts.keys"):
            page = text_of(client.get(f"/person/parts/{part}/?{query}"))
            found |= told(page.replace(email, ""))
    return found | told("".join(texts))
