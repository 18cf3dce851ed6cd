"""The people of a form, those of its groups among them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from django.contrib.auth.models import AbstractBaseUser
from django.http import QueryDict
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from apps.mail.forms import MOST_RECIPIENTS, ComposeForm, People, RedirectForm, of_address
from apps.mail.mime import addresses
from apps.mail.mime.outgoing import Group
from apps.mail.services import expanding, strangers
from apps.mail.services.asking import Question
from apps.mail.services.expanding import Found
from portal import addressing
from portal.contracts import Address

MANY = 50  # people of groups: with more, or where somebody gets nothing, the writer is asked once


def of(user: AbstractBaseUser, form: RedirectForm) -> Mapping[str, list[Address]] | None:
    """Whom the valid form is for, by field, each address once. None where the form has to say something first: what
    is wrong with a group, or how many people they are."""
    found = expanded(user, form)
    if found is None or (found.question is not None and not _are_counted(form, found.question)):
        return None
    return found.people


@dataclass(frozen=True, slots=True)
class Everybody:
    people: Mapping[str, list[Address]]  # by field, each address once
    question: Question | None = None  # of groups that are large, or in which somebody gets nothing


def expanded(user: AbstractBaseUser, form: ComposeForm | RedirectForm) -> Everybody | None:
    """Whom the valid form is for. None where it has to say what is wrong with a group."""
    people = _people_of(form)
    if not any(each.groups for each in people.values()):
        return Everybody({name: list(each) for name, each in people.items()})
    groups = {name: _found_in(user, form, name, each.groups) for name, each in people.items()}
    if form.errors:
        return None
    every = [each for field in groups.values() for each in field]
    lists = [[*each, *_members(groups[name])] for name, each in people.items()]
    whole = dict(zip(people, map(list, addresses.unique(lists)), strict=True))
    for name, each in whole.items():
        if len(each) > MOST_RECIPIENTS:
            words = ngettext("At most %(count)d address.", "At most %(count)d addresses.", MOST_RECIPIENTS)
            form.add_error(name, words % {"count": MOST_RECIPIENTS})
    if form.errors:
        return None
    shown = isinstance(form, ComposeForm) and bool(groups.get("to") or groups.get("cc"))
    return Everybody(whole, _count(every, shown=shown))


def _found_in(
    user: AbstractBaseUser, form: ComposeForm | RedirectForm, name: str, groups: tuple[Group, ...]
) -> list[Found]:
    every = []
    for group in groups:
        try:
            every.append(expanding.found(user, group))
        except expanding.NotExpanded as error:
            form.add_error(name, of_address(addresses.format([], [group]), error.text))
    return every


def _members(groups: list[Found]) -> list[Address]:
    return [address for each in groups for address in each.people.addresses]


def _count(every: list[Found], *, shown: bool) -> Question | None:
    """Whether the writer knows to how many it goes. Asked once, and again when there are others meanwhile."""
    count = sum(len(each.people.addresses) for each in every)
    without = sum(len(each.people.without) for each in every)
    if count <= MANY and not without:
        return None
    lines = [each.text for each in every]
    if shown and count > MANY:
        lines.append(_("In To and Cc everybody sees all addresses, in Bcc nobody does."))
    return Question(f"people.{count}.{without}", tuple(lines))


def _are_counted(form: RedirectForm, question: Question) -> bool:
    if form.cleaned_data["counted"] == question.key:
        return True
    form.data["counted"] = question.key  # type: ignore[index]  # a copy of what came
    for line in question.lines:
        form.add_error(None, line)
    form.add_error(None, _("Send again to send it to them."))
    return False


def in_text(user: AbstractBaseUser, people: People) -> tuple[str, list[str]]:
    """The field with its groups opened up, where they are not too large for that, and how many people they are."""
    opened: list[Address] = list(people)
    kept, said = [], []
    for group in people.groups:
        try:
            each = expanding.found(user, group)
        except expanding.NotExpanded as error:
            kept.append(group)
            said.append(error.text)
            continue
        said.append(each.text)
        if addressing.is_far(each.group.ref) or len(each.people.addresses) > MANY:
            kept.append(each.group)
        else:
            opened += each.people.addresses
    return addresses.format(addresses.unique([opened])[0], kept), said


def checked(user: AbstractBaseUser, form: ComposeForm, post: QueryDict, *, own: str) -> list[str]:
    """Open up the groups of a form without scripts, in what it is drawn from; returns what there is to say."""
    said: list[str] = []
    people: list[Address] = []
    for name, each in _people_of(form).items():
        if each.groups:
            post[name], words = in_text(user, each)
            said += words
        people += each
    said += [f"{who}: {sign.text}." for who, sign in strangers.signs(user, own, people).items()]
    if outside := [each.email for each in people if strangers.is_external(each.email)]:
        said.append(_("Outside of your organisation: %(people)s.") % {"people": ", ".join(outside)})
    return said


def _people_of(form: ComposeForm | RedirectForm) -> dict[str, People]:
    return {name: value for name, value in form.cleaned_data.items() if isinstance(value, People)}
