"""The form that makes a folder, and gives it another name or place. What a name must be like the services say."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from apps.mail.mailbox.names import bare
from apps.mail.mailbox.store import Mailbox
from apps.mail.services import folders
from apps.mail.services.folder_names import FolderRefused, can_hold_folders, is_below
from portal.contracts import Text


class FolderForm(forms.Form):
    """``parents`` are (name, label) of the folders it can lie in."""

    name = forms.CharField(
        label=_("Name"),
        required=False,  # an empty one is refused with the others
        max_length=1000,
        strip=False,
        widget=forms.TextInput(
            attrs={"class": "in", "dir": "auto", "autocomplete": "off", "spellcheck": "false", "autofocus": True}
        ),
    )
    parent = forms.ChoiceField(
        label=_("Inside"),
        required=False,
        error_messages={"invalid_choice": _("This folder isn’t there any more, or cannot hold others.")},
        widget=forms.Select(attrs={"class": "select"}),
    )

    def __init__(self, *args: Any, parents: Sequence[tuple[str, Text]], **kwargs: Any) -> None:
        kwargs.setdefault("auto_id", "folder-%s")
        super().__init__(*args, **kwargs)
        field = self.fields["parent"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [("", _("no other folder")), *parents]

    def refuse(self, refused: FolderRefused) -> None:
        self.add_error(refused.field or None, refused.text)


def parents_for(mailboxes: Sequence[Mailbox], folder: Mailbox | None = None) -> list[tuple[str, str]]:
    """Where a folder can lie: in any that may hold others, but neither in itself nor in what lies in it. Where all
    personal folders lie below INBOX, that is the top."""
    prefix = folders.personal_prefix(mailboxes)
    return [
        (mailbox.name, _path(mailbox, mailboxes, prefix))
        for mailbox in mailboxes
        if can_hold_folders(mailbox)
        and not (bare(prefix) and mailbox.role == "inbox")
        and not (folder and (mailbox.name == folder.name or is_below(mailbox, folder)))
    ]


def all_paths(mailboxes: Sequence[Mailbox]) -> list[tuple[str, str]]:
    """Every folder that can be opened."""
    prefix = folders.personal_prefix(mailboxes)
    return [(each.name, _path(each, mailboxes, prefix)) for each in mailboxes if each.selectable]


def _path(mailbox: Mailbox, mailboxes: Sequence[Mailbox], prefix: str) -> str:
    """``Projects / Glacier survey``; the first level as people know it."""
    name = mailbox.name.removeprefix(prefix)
    first, *rest = name.split(mailbox.delimiter) if mailbox.delimiter else [name]
    known = next((known for known in mailboxes if known.name == f"{prefix}{first}"), None)
    return " / ".join([str(folders.label(known)) if known else first, *rest])
