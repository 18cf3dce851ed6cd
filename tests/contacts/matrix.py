"""The table of the permission matrix: what a contact holds, and who may see and change what of it.

It is written by hand, so that it knows nothing of the code it judges. A new field, person or channel is a line here
or in ``test_permission_matrix``.
"""

from __future__ import annotations

import io
from dataclasses import dataclass, field, replace

from django.contrib.auth.models import Group as Team
from PIL import Image

from apps.auth.models import User
from apps.contacts.card import Value
from apps.contacts.lenses import marked
from apps.contacts.models import Book, Contact, Group, Hidden, Member, Share
from apps.contacts.services import groups, keeping, photos
from apps.contacts.services.keeping import Doing

NAME = "Айгерим Токоева"
COLOURS = {"photo": (201, 17, 93)}


@dataclass(frozen=True)
class Field:
    label: str
    value: Value
    told: tuple[str, ...]  # any of these in an answer tells it
    asked: str = ""  # what finds it by search

    @property
    def question(self) -> str:
        return self.asked or self.told[0]


def _field(label: str, name: str, text: object, *told: str, types: tuple[str, ...] = (), asked: str = "") -> Field:
    return Field(label, Value(name, text, types), told or (str(text),), asked)  # type: ignore[arg-type]


FIELDS = (
    _field("email work", "EMAIL", "qmailwork@felt.example", types=("work",)),
    _field("email home", "EMAIL", "qmailhome@yurt.example", types=("home",)),
    _field("email other", "EMAIL", "qmailother@ice.example"),
    _field("email at both", "EMAIL", "qaboth@ice.example", types=("work", "home")),
    _field("tel work", "TEL", "+43 1 7101001", "7101001", types=("work",)),
    _field("tel cell", "TEL", "+43 1 7101002", "7101002", types=("cell",)),
    _field("tel home", "TEL", "+43 1 7101003", "7101003", types=("home",)),
    _field("tel other", "TEL", "+43 1 7101004", "7101004", types=("fax",)),
    _field("adr work", "ADR", ("", "", "Qaworkstreet 1", "Wien", "", "", ""), "Qaworkstreet", types=("work",)),
    _field("adr home", "ADR", ("", "", "Qahomestreet 2", "Graz", "", "", ""), "Qahomestreet", types=("home",)),
    _field("adr other", "ADR", ("", "", "Qaotherstreet 3", "Linz", "", "", ""), "Qaotherstreet"),
    _field("org", "ORG", ("Qaorganisation",), "Qaorganisation"),
    _field("title", "TITLE", "Qatitle"),
    _field("nickname", "NICKNAME", "Qanickname"),
    _field("url", "URL", "https://qaweb.example", "qaweb.example", asked="qaweb"),
    _field("impp", "IMPP", "xmpp:qaimpp@felt.example", "qaimpp"),
    _field("bday", "BDAY", "1931-03-14", "1931", asked="1931"),
    _field("related", "RELATED", "Qarelated"),
    _field("lang", "LANG", "tlh-x-qalang", "tlh-x-qalang"),
    _field("tag", "CATEGORIES", "Qatag"),
    _field("note", "NOTE", "Qanote in words", "Qanote"),
    _field("key", "KEY", "Qakey"),
    _field("own field", "X-FIELD", "Qaownfield"),
    _field("unknown", "X-UNKNOWN", "Qaunknown"),
    _field("photo", "PHOTO", "", "PHOTO:", "PHOTO;", '<img class="av xl"', "jpegPhoto"),
)
#: Values of the same kinds, seen by the owner alone.
PRIVATE = tuple(
    Field(f"private {label}", marked(value, True), told, told[0])
    for label, value, told in (
        ("email work", Value("EMAIL", "qapriv1@felt.example", ("work",)), ("qapriv1@felt.example",)),
        ("tel work", Value("TEL", "+43 1 7202002", ("work",)), ("7202002",)),
        ("note", Value("NOTE", "Qapriv3 in words"), ("Qapriv3",)),
        ("tag", Value("CATEGORIES", "Qapriv4"), ("Qapriv4",)),
    )
)
#: What stood there before: in the history alone.
FORMER = (
    _field("email home", "EMAIL", "qaformer1@yurt.example", types=("home",)),
    _field("note", "NOTE", "Qaformer2 in words", "Qaformer2"),
    _field("tel work", "TEL", "+43 1 7303003", "7303003", types=("work",)),
)
EVERY = frozenset(each.label for each in FIELDS)
MINE = EVERY | {each.label for each in PRIVATE}
WORK_MAIL, WORK_TEL = frozenset({"email work"}), frozenset({"tel work"})


@dataclass(frozen=True)
class Given:
    what: str  # "book", "group", "outer" (a group around it), "contact"; "other book", "other contact": not this one
    fields: tuple[str, ...] | None = None
    level: int = 1
    team: bool = False  # to a group of the portal
    gone: str = ""  # "removed", "hidden", "left" (the group), "moved" (the contact, out of it)


@dataclass(frozen=True)
class Role:
    gives: tuple[Given, ...] = ()
    sees: frozenset[str] | None = frozenset()  # None: not even that the contact exists
    edits: frozenset[str] = frozenset()
    names: bool = field(default=False)  # may change the name

    @property
    def finds(self) -> bool:
        return self.sees is not None


ROLES = {
    "owner": Role((), MINE, MINE, True),
    "stranger": Role((), None),
    "administrator": Role((), None),
    "reader of the book": Role((Given("book"),), EVERY),
    "editor of the book": Role((Given("book", None, 2),), EVERY, EVERY, True),
    "manager of the book": Role((Given("book", None, 3),), EVERY, EVERY, True),
    "reader of one mail address": Role((Given("book", ("EMAIL:work",)),), WORK_MAIL),
    "reader of names": Role((Given("book", ()),), frozenset()),
    "editor of one number": Role((Given("book", ("TEL:work",), 2),), WORK_TEL, WORK_TEL, True),
    "team with number and address": Role(
        (Given("book", ("TEL:work", "ADR:work"), team=True),), WORK_TEL | {"adr work"}
    ),
    "team that edits": Role((Given("book", None, 2, team=True),), EVERY, EVERY, True),
    "reader of a group": Role((Given("group", ("NOTE", "ORG")),), frozenset({"note", "org", "title"})),
    "reader of a group around it": Role((Given("outer", ("NOTE",)),), frozenset({"note"})),
    "reader of the contact": Role((Given("contact"),), EVERY),
    "reader of photo and birthday": Role((Given("contact", ("PHOTO", "BDAY")),), frozenset({"photo", "bday"})),
    "reader of tags": Role((Given("contact", ("CATEGORIES",)),), frozenset({"tag"})),
    "reader of what is private": Role(
        (Given("book", ("EMAIL:home", "TEL:home", "ADR:home")),),
        frozenset({"email home", "email at both", "tel home", "adr home"}),
    ),
    "reader of the rest": Role((Given("book", ("REST",)),), frozenset({"unknown"})),
    "reader by two shares": Role(
        (Given("book", ("EMAIL:work",)), Given("contact", ("NOTE",))), frozenset({"email work", "note"})
    ),
    "reads all, edits a number": Role((Given("book"), Given("contact", ("TEL:work",), 2)), EVERY, WORK_TEL, True),
    "share was removed": Role((Given("book", gone="removed"),), None),
    "share is hidden": Role((Given("book", gone="hidden"),), None),
    "has left the team": Role((Given("book", team=True, gone="left"),), None),
    "not in the group any more": Role((Given("group", gone="moved"),), None),
    "reader of another book": Role((Given("other book"),), None),
    "reader of another contact": Role((Given("other contact"),), None),
}


@dataclass
class World:
    owner: User
    contact: Contact
    other: Contact
    book: Book
    group: Group
    own: dict[str, Contact] = field(default_factory=dict)

    @property
    def fields(self) -> tuple[Field, ...]:
        return FIELDS + PRIVATE


def picture(colour: tuple[int, int, int]) -> bytes:
    made = io.BytesIO()
    Image.new("RGB", (9, 9), colour).save(made, "PNG")
    return made.getvalue()


def built(owner: User) -> World:
    """A contact with everything and a history, in a book, and in a group in a group."""
    doing = Doing(owner)
    book = Book.objects.create(owner=owner, name="Qabook")
    other_book = Book.objects.create(owner=owner, name="Qaotherbook")
    given, family = NAME.split()
    names = [Value("N", (family, given, "", "", "")), Value("FN", NAME)]
    contact = keeping.create(book, [*names, *(each.value for each in FORMER)], doing)
    values = [replace(each.value, value=_text(owner, each)) for each in (*PRIVATE, *FIELDS)]
    # the first values become others: only the history knows what they were
    stays = keeping.document(contact).values
    by_label = dict(zip((each.label for each in FORMER), stays[2:], strict=True))
    new = [
        replace(value, id=by_label.pop(each.label).id) if each.label in by_label else value
        for each, value in zip((*PRIVATE, *FIELDS), values, strict=True)
    ]
    keeping.change(contact, [*stays[:2], *new], doing, version=1)
    other = keeping.create(other_book, [Value("FN", "Quite Another")], doing)
    group, outer = groups.make(owner.pk, "Qagroup"), groups.make(owner.pk, "Qaouter")
    groups.add(group, [contact])
    Member.objects.create(group=outer, child=group)
    return World(owner, Contact.objects.get(pk=contact.pk), other, book, group)


def _text(owner: User, each: Field) -> object:
    return photos.keep(owner.pk, picture(COLOURS["photo"])) if each.value.name == "PHOTO" else each.value.value


def give(world: World, user: User, role: Role) -> None:
    for given in role.gives:
        things: dict[str, dict[str, object]] = {
            "book": {"book": world.book},
            "group": {"circle": world.group},
            "outer": {"circle": Group.objects.get(name="Qaouter")},
            "contact": {"contact": world.contact},
            "other book": {"book": world.other.book},
            "other contact": {"contact": world.other},
        }
        whom: dict[str, object] = {"user": user}
        if given.team:
            team = Team.objects.create(name="Team")
            user.groups.add(team)
            whom = {"group": team}
        fields = list(given.fields) if given.fields is not None else None
        share = Share.objects.create(
            owner=world.owner, level=given.level, fields=fields, by=world.owner, **things[given.what], **whom
        )
        if given.gone == "removed":
            share.delete()
        elif given.gone == "hidden":
            Hidden.objects.create(user=user, share=share)
        elif given.gone == "left":
            user.groups.clear()
        elif given.gone == "moved":
            groups.remove(world.group, [world.contact])


def told(texts: str) -> set[str]:
    """The labels of what stands in this."""
    plain = texts.replace("\r\n ", "").replace("&quot;", '"')  # lines of vCards are folded
    labels = {each.label for each in (*FIELDS, *PRIVATE) if any(part in plain for part in each.told)}
    return labels | {f"former {each.label}" for each in FORMER if any(part in plain for part in each.told)}
