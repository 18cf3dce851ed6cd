"""The keys of mail (DESIGN: those of most web mail programs), and where people of Roundcube look for them."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from portal.contracts import Shortcut

SHORTCUTS = (
    Shortcut(key="c", label=_("New message")),
    Shortcut(key="r", label=_("Reply")),
    Shortcut(key="a", label=_("Reply all"), roundcube="Shift+R"),
    Shortcut(key="f", label=pgettext_lazy("verb", "Forward")),
    Shortcut(key="e", label=pgettext_lazy("verb", "Archive"), roundcube="z"),
    Shortcut(key="#", label=_("Delete"), roundcube="d"),
    Shortcut(key="Delete", label=_("Delete")),
    Shortcut(key="!", label=_("Report junk")),
    Shortcut(key="Shift+I", label=_("Mark as read")),
    Shortcut(key="Shift+U", label=_("Mark as unread")),
    Shortcut(key="s", label=pgettext_lazy("verb", "Flag"), roundcube="Shift+F"),
    Shortcut(key="v", label=_("Move to a folder")),
    Shortcut(key="l", label=_("Labels")),
    Shortcut(key="Shift+P", label=_("Print"), roundcube="p"),
    Shortcut(key="n", label=_("Next message of the conversation")),
    Shortcut(key="p", label=_("Previous message of the conversation"), roundcube="Shift+P"),
    Shortcut(key=";", label=_("Open all messages of the conversation")),
    Shortcut(key=":", label=_("Close all messages of the conversation")),
    Shortcut(key="q", label=_("Quick reply")),
    Shortcut(key="o", label=_("Open the message")),
    Shortcut(key="u", label=_("Back"), roundcube="b"),
    Shortcut(key="j", label=_("Older message"), roundcube="k"),
    Shortcut(key="k", label=_("Newer message"), roundcube="j"),
    Shortcut(key="x", label=_("Select the message")),
    Shortcut(key="Shift+X", label=_("Select from the last one to this")),
    Shortcut(key="Shift+ArrowDown", label=_("Select this and the one below")),
    Shortcut(key="Shift+ArrowUp", label=_("Select this and the one above")),
    Shortcut(key="Ctrl+A", label=_("Select all messages on this page")),
    Shortcut(key="Escape", label=_("Select none")),
    Shortcut(key="w", label=_("Go to the message being written")),
    Shortcut(key="g f", label=_("Folders")),
    Shortcut(key="g d", label=_("Drafts")),
    Shortcut(key="g t", label=_("Sent")),
    Shortcut(key="g s", label=pgettext_lazy("messages", "Flagged")),
    Shortcut(key="g a", label=pgettext_lazy("folder", "Archive")),
)
