"""Sentences about what was done to messages: for toasts, and while it goes on."""

from __future__ import annotations

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from apps.mail.services.actions import FOR_EVER, LABEL, MARKS, SNOOZE, SNOOZES, UNCOPY, UNLABEL, UNSNOOZE


def done(do: str, count: int, folder: object = "") -> str:
    """``folder``: where they went, of "move" and "copy"; the label; until when they are away."""
    texts = {
        "read": ngettext("%(count)d message marked as read.", "%(count)d messages marked as read.", count),
        "unread": ngettext("%(count)d message marked as unread.", "%(count)d messages marked as unread.", count),
        "flag": ngettext("%(count)d message flagged.", "%(count)d messages flagged.", count),
        "unflag": ngettext("Flag removed from %(count)d message.", "Flag removed from %(count)d messages.", count),
        "archive": ngettext("%(count)d message archived.", "%(count)d messages archived.", count),
        "delete": ngettext("%(count)d message moved to the trash.", "%(count)d messages moved to the trash.", count),
        "junk": ngettext("%(count)d message reported as junk.", "%(count)d messages reported as junk.", count),
        "notjunk": ngettext("%(count)d message moved to the inbox.", "%(count)d messages moved to the inbox.", count),
        "move": ngettext("%(count)d message moved to %(folder)s.", "%(count)d messages moved to %(folder)s.", count),
        "copy": ngettext("%(count)d message copied to %(folder)s.", "%(count)d messages copied to %(folder)s.", count),
        LABEL: ngettext("%(count)d message labelled “%(folder)s”.", "%(count)d messages labelled “%(folder)s”.", count),
        UNLABEL: ngettext(
            "Label “%(folder)s” taken off %(count)d message.",
            "Label “%(folder)s” taken off %(count)d messages.",
            count,
        ),
        "pin": ngettext("%(count)d message pinned.", "%(count)d messages pinned.", count),
        "unpin": ngettext("%(count)d message is no longer pinned.", "%(count)d messages are no longer pinned.", count),
        "mute": ngettext(
            "%(count)d message muted. Replies to it come in as read.",
            "%(count)d messages muted. Replies to them come in as read.",
            count,
        ),
        "unmute": ngettext("%(count)d message is no longer muted.", "%(count)d messages are no longer muted.", count),
        SNOOZE: ngettext(
            "%(count)d message snoozed until %(folder)s.", "%(count)d messages snoozed until %(folder)s.", count
        ),
        UNSNOOZE: ngettext(
            "%(count)d message is no longer snoozed.", "%(count)d messages are no longer snoozed.", count
        ),
        FOR_EVER: ngettext("%(count)d message deleted for ever.", "%(count)d messages deleted for ever.", count),
    }
    return texts[do] % {"count": count, "folder": folder}


def undone(do: str, count: int, folder: object = "") -> str:
    """``do``: one of ``actions.WAYS_BACK``."""
    if do in MARKS or do in SNOOZES:
        return done(do, count, folder)
    if do == UNCOPY:
        text = ngettext("%(count)d copy removed.", "%(count)d copies removed.", count)
    else:
        text = ngettext("%(count)d message is back.", "%(count)d messages are back.", count)
    return text % {"count": count}


def still_to_do(count: int) -> str:
    return ngettext("%(count)d is still to do.", "%(count)d are still to do.", count) % {"count": count}


def stopped(count: int) -> str:
    return ngettext("Stopped: %(count)d stays as it is.", "Stopped: %(count)d stay as they are.", count) % {
        "count": count
    }


def left_alone(count: int) -> str:
    return ngettext(
        "%(count)d message was left alone: it is in the trash already, its folder has changed, or the server refused.",
        "%(count)d messages were left alone: "
        "they are in the trash already, their folders have changed, or the server refused.",
        count,
    ) % {"count": count}


def under_way() -> str:
    return _("Another page is at it.")


def nothing_chosen() -> str:
    return _("No message is selected. Tick the boxes of the ones you mean.")


def nothing_to_undo() -> str:
    return _("There is nothing left to undo.")


def no_way_back() -> str:
    return _("Your mail server does not say where they are, so this cannot be undone.")


def gone() -> str:
    return _("This is not here any more: it was moved or deleted, perhaps by another program.")


def messages(count: int) -> str:
    return ngettext("%(count)d message", "%(count)d messages", count) % {"count": count}


def whole(do: str, count: int) -> str:
    """The label of what is done to a conversation, where that is several messages."""
    texts = {
        "archive": ngettext(
            "Archive %(count)d message in this conversation", "Archive %(count)d messages in this conversation", count
        ),
        "delete": ngettext(
            "Delete %(count)d message in this conversation", "Delete %(count)d messages in this conversation", count
        ),
        FOR_EVER: ngettext(
            "Delete %(count)d message in this conversation for ever",
            "Delete %(count)d messages in this conversation for ever",
            count,
        ),
        "junk": ngettext(
            "Report %(count)d message in this conversation as junk",
            "Report %(count)d messages in this conversation as junk",
            count,
        ),
        "notjunk": ngettext(
            "Move %(count)d message in this conversation to the inbox",
            "Move %(count)d messages in this conversation to the inbox",
            count,
        ),
        "read": ngettext(
            "Mark %(count)d message in this conversation as read",
            "Mark %(count)d messages in this conversation as read",
            count,
        ),
        "unread": ngettext(
            "Mark %(count)d message in this conversation as unread",
            "Mark %(count)d messages in this conversation as unread",
            count,
        ),
        "flag": ngettext(
            "Flag %(count)d message in this conversation", "Flag %(count)d messages in this conversation", count
        ),
        "unflag": ngettext(
            "Remove the flag from %(count)d message in this conversation",
            "Remove the flag from %(count)d messages in this conversation",
            count,
        ),
        "move": ngettext(
            "Move %(count)d message in this conversation to a folder",
            "Move %(count)d messages in this conversation to a folder",
            count,
        ),
        "copy": ngettext(
            "Copy %(count)d message in this conversation to a folder",
            "Copy %(count)d messages in this conversation to a folder",
            count,
        ),
    }
    return texts[do] % {"count": count}
