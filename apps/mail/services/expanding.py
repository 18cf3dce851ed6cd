"""Groups become their people when a message is sent: all of them, or nothing is sent.

That is when the button is pressed, whatever happens later: the writer has seen how many they are, a message that waits
in the Outbox goes to exactly those, and neither a retry nor a worker has to ask a directory.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.contrib.auth.models import AbstractBaseUser
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from apps.mail.mime import wire
from apps.mail.mime.outgoing import Group
from apps.mail.services import wrong_addresses
from portal import addressing
from portal.addressing import Expanded

MOST_NAMED = 10


class NotExpanded(Exception):
    """``text``: why, for people."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text


@dataclass(frozen=True, slots=True)
class Found:
    """A group with its people."""

    group: Group
    people: Expanded

    @property
    def text(self) -> str:
        """How many they are, and who gets nothing."""
        count, without = len(self.people.addresses), self.people.without
        words = ngettext("“%(name)s”: %(count)d person.", "“%(name)s”: %(count)d people.", count)
        said = words % {"name": self.group.name, "count": count}
        if not without:
            return said
        names = ", ".join(without[:MOST_NAMED]) + ("…" if len(without) > MOST_NAMED else "")
        more = ngettext(
            "%(count)d of them has no address and gets nothing: %(names)s.",
            "%(count)d of them have no address and get nothing: %(names)s.",
            len(without),
        )
        return f"{said} {more % {'count': len(without), 'names': names}}"


def found(user: AbstractBaseUser, group: Group) -> Found:
    """Raises ``NotExpanded``."""
    try:
        ref = group.ref or _called(user, group.name)
        people = addressing.expand(user=user, group=ref)
    except LookupError as error:
        raise NotExpanded(_("There is no group “%(name)s” that you may write to.") % {"name": group.name}) from error
    except OSError as error:
        text = _("“%(name)s” cannot be written to just now: the directory does not answer. Try again in a moment.")
        raise NotExpanded(text % {"name": group.name}) from error
    if not people.addresses:
        raise NotExpanded(_("Nobody in “%(name)s” has an address.") % {"name": group.name})
    for each in people.addresses:
        if not wire.can_be_written_to(each.email):
            said = _("“%(name)s” cannot be written to.") % {"name": group.name}
            raise NotExpanded(f"{said} {wrong_addresses.why(each.email)}")
    return Found(Group(group.name, ref), people)


def _called(user: AbstractBaseUser, name: str) -> str:
    groups = addressing.groups_called(user=user, name=name)
    if len(groups) > 1:
        sources = ", ".join(dict.fromkeys(str(each.source) for each in groups))
        text = _("There are several groups called “%(name)s” (%(sources)s). Give the one that you mean another name.")
        raise NotExpanded(text % {"name": name, "sources": sources})
    if not groups:
        raise LookupError(name)
    return groups[0].group
