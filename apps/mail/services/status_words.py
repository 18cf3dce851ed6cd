"""Status codes of delivery (RFC 3463, and the registry of RFC 5248) in plain words. The first digit, which says whether
it is for good, is told by what happened."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from portal.contracts import Text

_UNPROVED = _("The receiving system could not make sure that the message is really from your domain.")

#: Subject and detail.
WORDS: dict[str, Text] = {
    "1.1": _("There is no such mailbox."),
    "1.2": _("There is no such domain, or it takes no mail."),
    "1.3": _("The address is not written correctly."),
    "1.4": _("The address is that of several people."),
    "1.6": _("The mailbox has moved, and nobody has left the new address."),
    "1.7": _("Your own address was not accepted as the sender’s."),
    "1.8": _("Your own address was not accepted as the sender’s."),
    "1.10": _("The domain says that it takes no mail."),
    "2.1": _("The mailbox is switched off."),
    "2.2": _("The mailbox is full."),
    "2.3": _("The message is larger than this mailbox takes."),
    "2.4": _("The mailing list could not be resolved."),
    "3.1": _("The receiving system has no room left."),
    "3.2": _("The receiving system takes no mail just now."),
    "3.4": _("The message is larger than the receiving system takes."),
    "4.1": _("The receiving server does not answer."),
    "4.2": _("The connection to the receiving server broke."),
    "4.3": _("The name servers did not answer."),
    "4.4": _("No way to the receiving server could be found."),
    "4.5": _("The receiving server is overloaded."),
    "4.6": _("The message went in a circle."),
    "4.7": _("It could not be delivered in time, so the server has given up."),
    "5.3": _("The message had too many recipients at once."),
    "7.2": _("You may not write to this mailing list."),
    "7.3": _("The receiving system refuses the message by its rules."),
    **dict.fromkeys(("7.20", "7.21", "7.22", "7.23", "7.24", "7.25", "7.26", "7.27", "7.29", "7.30"), _UNPROVED),
    "7.28": _("Too many messages came from your server, or went to this mailbox."),
}
#: Subject alone.
SUBJECTS: dict[str, Text] = {
    "1": _("Something is wrong with the address."),
    "2": _("The mailbox does not take it."),
    "3": _("The receiving system has a problem."),
    "4": _("The network on the way has a problem."),
    "5": _("The servers did not understand each other."),
    "6": _("The receiving system cannot take a message of this kind."),
    "7": _("The receiving system refuses the message by its rules."),
}


def words(status: str) -> Text:
    """``5.1.1`` in words; "" where it says nothing."""
    _class, _dot, rest = status.partition(".")
    return WORDS.get(rest) or SUBJECTS.get(rest.partition(".")[0], "")
