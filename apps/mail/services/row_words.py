"""What rows of a list say beside the words of their messages, and whom they name."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache

from django.utils.translation import get_language, ngettext, pgettext
from django.utils.translation import gettext as _

from apps.mail.mailbox.store import Conversation, Summary
from portal.contracts import Address


@lru_cache(maxsize=200)
def words_in(language: str | None) -> RowWords:
    return RowWords()


class RowWords:
    """What rows say beside their own words, in the present language."""

    def __init__(self) -> None:
        self.language = get_language()
        self.no_subject = _("(no subject)")
        self.no_sender = _("(no sender)")
        self.no_recipient = _("(no recipient)")
        # Translators: before the recipients of a message in the list of sent messages.
        self.to = _("To: %(people)s")
        self.pick = _("Select: %(subject)s")
        self._unread = pgettext("message", "unread")
        self._flagged = pgettext("message", "flagged")
        self._answered = pgettext("message", "answered")
        self._forwarded = pgettext("message", "forwarded")
        self._attachment = pgettext("message", "with attachment")
        self._marks = {"$pinned": pgettext("message", "pinned"), "$muted": pgettext("message", "muted")}

    def marks(self, summary: Summary) -> dict[str, str]:
        """Its keywords that have an icon, with what they are called."""
        return {keyword: words for keyword, words in self._marks.items() if summary.has(keyword)}

    def states(self, summary: Summary, conversation: Conversation | None = None) -> Iterable[str]:
        if conversation.unseen if conversation else not summary.seen:
            yield self._unread
        if conversation.flagged if conversation else summary.flagged:
            yield self._flagged
        if summary.answered:
            yield self._answered
        if summary.forwarded:
            yield self._forwarded
        if conversation.attachment if conversation else summary.has_attachment:
            yield self._attachment


def people_of(summary: Summary, *, outgoing: bool) -> tuple[Address, ...]:
    envelope = summary.envelope
    return (*envelope.to, *envelope.cc, *envelope.bcc) if outgoing else envelope.from_ or envelope.sender


def everyone_of(conversation: Conversation, *, outgoing: bool) -> tuple[Address, ...]:
    """Whom a conversation is with, each once, who was heard last first."""
    found: dict[str, Address] = {}
    for summary in reversed(conversation.looked):
        for person in people_of(summary, outgoing=outgoing):
            found.setdefault(person.email.casefold(), person)
    return tuple(found.values())


def names(people: Sequence[Address], most: int = 3) -> str:
    """The first few names; how many more there are."""
    shown = ", ".join(person.label for person in people[:most])
    more = len(people) - most
    if more <= 0:
        return shown
    # Translators: a list of names is cut: "Ann, Bob, Carol and 4 more"
    return ngettext("%(names)s and %(count)d more", "%(names)s and %(count)d more", more) % {
        "names": shown,
        "count": more,
    }
