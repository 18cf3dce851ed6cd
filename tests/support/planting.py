"""Rows of a person in every table that an app has claimed (``portal.registry.Holding``), with a word in each text.

Made from the models themselves, so a new table is planted by being there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from django.apps import apps as django_apps
from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractBaseUser, Group
from django.contrib.contenttypes.models import ContentType
from django.db import models
from django.utils import timezone

from portal import your_data
from portal.registry import Table

WORD, OTHERS = "Kanarie7", "Fremdling"


def _card(word: str) -> object:
    from apps.contacts.card import Card, Value

    return Card([Value("FN", word), Value("EMAIL", f"{word}@example.test")]).to_json()


#: What a row has to hold to be one, where the kind of a column does not tell.
GIVEN: dict[str, dict[str, Callable[[str], Any]]] = {
    "contacts.card": {"data": _card},
    "contacts.member": {"child": lambda word: None},
    "contacts.share": {"circle": lambda word: None, "contact": lambda word: None},
    "contacts.contact": {"deleted": lambda word: None, "photo": lambda word: ""},
}


def tables() -> list[Table]:
    return [table for _app, holding in your_data.holdings() for table in holding.tables]


class Planter:
    """``person`` has a row in each table; what a row needs besides and is not theirs is ``other``'s, and has another
    word. Where rows of others name them, the word is in the columns that a removal clears."""

    def __init__(self, person: AbstractBaseUser, other: AbstractBaseUser) -> None:
        self.person, self.other = person, other
        self._made: dict[tuple[str, int], models.Model] = {}

    def plant(self) -> None:
        for table in tables():
            if table.owner == "pk":
                continue
            if table.clear:
                self._row(table, self.person, around=self.other)
            else:
                self._of(table.model, self.person)

    def _of(self, label: str, person: AbstractBaseUser) -> models.Model:
        if (label, person.pk) not in self._made:
            own = [table for table in tables() if table.model == label and not table.clear]
            table = own[0] if own else next(table for table in tables() if table.model == label)
            self._made[label, person.pk] = self._row(table, person, around=person)
        return self._made[label, person.pk]

    def _row(self, table: Table, person: AbstractBaseUser, *, around: AbstractBaseUser) -> models.Model:
        model: type[models.Model] = django_apps.get_model(table.model)
        given = GIVEN.get(table.model, {})
        theirs = [field.name for field in model._meta.concrete_fields if person == self.person]
        if table.clear:
            theirs = list(table.clear)
        values = {}
        for field in model._meta.concrete_fields:
            word = WORD if field.name in theirs else OTHERS
            if field.name not in given and (
                isinstance(field, models.AutoField) or (field.has_default() and not _takes_text(field))
            ):
                continue
            if field.name in given:
                values[field.name] = given[field.name](word)
            elif isinstance(field, models.ForeignKey):
                values[field.name] = self._related(field, table, person, around)
            else:
                values[field.name] = _value(field, word)
        return model._base_manager.create(**values)

    def _related(
        self, field: models.ForeignKey[Any, Any], table: Table, person: AbstractBaseUser, around: AbstractBaseUser
    ) -> object:
        label = field.related_model._meta.label_lower
        if field.related_model is get_user_model():
            return person if field.name == table.owner else None if field.null else self.other
        if field.related_model is Group:
            return Group.objects.get_or_create(name="staff")[0]
        if not any(each.model == label for each in tables()):
            return (
                ContentType.objects.first()
                if field.related_model is ContentType
                else field.related_model._base_manager.first()
            )
        if field.null and label == table.model:
            return None
        return self._of(label, around)


def _takes_text(field: models.Field[Any, Any]) -> bool:
    return isinstance(field, models.CharField | models.TextField | models.JSONField) and not field.choices


def _value(field: models.Field[Any, Any], word: str) -> object:
    if field.choices:
        return next(iter(field.flatchoices))[0]
    if isinstance(field, models.CharField | models.TextField):
        return word if (field.max_length or 99) >= len(word) else ""
    if isinstance(field, models.JSONField):
        return {"word": word}
    if isinstance(field, models.BinaryField):
        return word.encode()
    if isinstance(field, models.DateTimeField):
        return None if field.null else timezone.now()
    return None if field.null else 1


def found(word: str = WORD) -> Iterator[str]:
    """Tables and columns of the whole database in which the word stands, in whatever case."""
    for model in django_apps.get_models(include_auto_created=True):
        for row in model._base_manager.all():
            for field in model._meta.concrete_fields:
                value = field.value_from_object(row)
                text = bytes(value).decode("latin-1") if isinstance(value, bytes | memoryview) else str(value)
                if word.casefold() in text.casefold():
                    yield f"{model._meta.label_lower}.{field.name}"
