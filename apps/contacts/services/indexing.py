"""What lists show and what is looked up, made from the document."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping

from apps.contacts import days, folding, lenses, sounds
from apps.contacts.card import FAMILY, GIVEN, Card, emails
from apps.contacts.collating import Rules
from apps.contacts.models import Contact, Correspondent, Fielded, Key, Searched, Tag
from apps.contacts.services import fields, rows, sorting

WORD, EMAIL, PHONE, NAME, TAG = (
    kind.value for kind in (Key.Kind.WORD, Key.Kind.EMAIL, Key.Kind.PHONE, Key.Kind.NAME, Key.Kind.TAG)
)
MOST_WORDS = 3000  # characters that the quick search looks through
SEARCHED = ("FN", "N", "NICKNAME", "X-PHONETIC-FIRST-NAME", "X-PHONETIC-LAST-NAME", "ORG", "TITLE", "ROLE", "EMAIL")
SEARCHED_TOO = ("ADR", "URL", "IMPP", "RELATED", "CATEGORIES", "X-FIELD", "NOTE")


def describe(contact: Contact, card: Card, by: Rules) -> None:
    """Fill the columns that come from the document; ``by`` the rules of whoever it belongs to. Saves nothing."""
    name = card.name
    contact.name = name[:190]
    contact.email = next(emails(card), "")[:320]
    details = (card.text("ORG"), card.text("TITLE"), contact.email)
    contact.detail = next((text for text in details if text and text != name), "")[:190]
    given, family = _order(card, name)
    contact.family_first = (f"{family}, {given}" if family and given else name)[:190]
    contact.by_given, contact.by_family = sorting.keys(name, f"{family} {given}" if family else name, by)
    contact.private = any(lenses.private(value) for value in card.values)
    contact.photo = card.text("PHOTO").removeprefix("photo:") if card.text("PHOTO").startswith("photo:") else ""
    contact.birthday, contact.anniversary = days.number_of(card, "BDAY"), days.number_of(card, "ANNIVERSARY")


def keep_texts(pairs: Iterable[tuple[Contact, Card]]) -> None:
    """Save what new documents are searched by."""
    every = list(pairs)
    rows.insert(Searched, ("contact_id", "words"), ((each.pk, searched_text(card)) for each, card in every))
    rows.insert(Fielded, ("contact_id", "words"), ((each.pk, fields.words(card)) for each, card in every))


def change_texts(contact: Contact, card: Card) -> None:
    Searched.objects.filter(pk=contact.pk).update(words=searched_text(card))
    Fielded.objects.filter(pk=contact.pk).update(words=fields.words(card))


def _order(card: Card, name: str) -> tuple[str, str]:
    """(all but the family name, family name)."""
    parts = card.first("N")
    if parts is not None and not isinstance(parts.value, str):
        names = parts.parts(5)
        if names[FAMILY]:
            return " ".join(names[at] for at in (GIVEN, 2) if names[at]), names[FAMILY]
    if card.first("ORG") is not None and card.text("ORG").startswith(name):
        return "", name
    given, _blank, family = name.rpartition(" ")
    return given, family


def searched_text(card: Card) -> str:
    """What the quick search looks through."""
    texts: dict[str, list[str]] = defaultdict(list)
    for value in card.values:
        texts[value.name].append(value.text)
    words = dict.fromkeys(word for name in SEARCHED for text in texts[name] for word in folding.words(text))
    names = " ".join([*texts["FN"], *texts["NICKNAME"]])
    hidden = {} if names.isascii() else dict.fromkeys(f"~{each}" for each in sounds.hidden_vowels(names))
    numbers = dict.fromkeys(map(folding.digits, texts["TEL"]))
    more = dict.fromkeys(word for name in SEARCHED_TOO for text in texts[name] for word in folding.words(text))
    return f" {' '.join({**words, **hidden, **numbers, **more})} "[:MOST_WORDS]


def keep_keys(pairs: Iterable[tuple[Contact, Card]]) -> None:
    """Save the keys of new documents. There are nine of a contact: as objects they would be most of an import."""
    found_keys = []
    emails: dict[int, list[str]] = defaultdict(list)
    for contact, card in pairs:
        for kind, key in dict.fromkeys((kind, key) for kind, key in keys_of(card) if key):
            found_keys.append((contact.owner_id, contact.pk, kind, key[:190], 0.0))
            if kind == EMAIL:
                emails[contact.owner_id].append(key[:190])
    rows.insert(Key, ("owner_id", "contact_id", "kind", "key", "heat"), found_keys)
    for owner_id, found in emails.items():
        for start in range(0, len(found), 500):
            written = Correspondent.objects.filter(user_id=owner_id, key__in=found[start : start + 500])
            warm(owner_id, dict(written.values_list("key", "heat")))


def warm(owner_id: int, heats: Mapping[str, float]) -> None:
    """Whoever has one of these addresses (``folding.email_key``) gets the keys of those who are written to."""
    if not heats:
        return
    mine = Key.objects.filter(owner_id=owner_id)
    hottest: dict[int, float] = {}
    for pk, key in mine.filter(kind=Key.Kind.EMAIL, key__in=heats).values_list("contact_id", "key"):
        hottest[pk] = max(heats[key], hottest.get(pk, heats[key]))
    if not hottest:
        return
    mine.filter(kind=Key.Kind.LATELY, contact__in=hottest).delete()
    words = mine.filter(kind=Key.Kind.WORD, contact__in=hottest).values_list("contact_id", "key")
    Key.objects.bulk_create(
        [Key(owner_id=owner_id, contact_id=pk, kind=Key.Kind.LATELY, key=word, heat=hottest[pk]) for pk, word in words],
        batch_size=5000,
    )


def keys_of(card: Card) -> Iterator[tuple[str, str]]:
    for name in ("FN", "N", "NICKNAME", "X-PHONETIC-FIRST-NAME", "X-PHONETIC-LAST-NAME"):
        for value in card.all(name):
            for word in folding.words(value.text)[:12]:
                yield WORD, word
    for email in emails(card):
        yield EMAIL, folding.email_key(email)
        yield WORD, folding.plain(email.strip())
        for word in folding.words(email.partition("@")[0])[:6]:
            yield WORD, word
    for value in card.all("TEL"):
        yield PHONE, folding.phone_key(value.text)
    yield NAME, folding.name_key(card.name)
    for tag in tags_of(card):
        yield TAG, tag_key(tag)


def tags_of(card: Card) -> list[str]:
    given = (tag.strip() for value in card.all("CATEGORIES") for tag in value.text.split(","))
    return list({tag_key(tag): tag[:60] for tag in given if tag}.values())


def tag_key(tag: str) -> str:
    return (folding.key(tag) or tag.casefold())[:190]


def spell_tags(owner_id: int, cards: list[Card]) -> None:
    """Tags that are new are spelt as here."""
    spelt = {tag_key(tag): tag for card in cards for tag in tags_of(card)}
    if spelt:
        known = set(Tag.objects.filter(owner_id=owner_id, key__in=spelt).values_list("key", flat=True))
        new = [Tag(owner_id=owner_id, key=key, name=tag) for key, tag in spelt.items() if key not in known]
        Tag.objects.bulk_create(new, ignore_conflicts=True)
