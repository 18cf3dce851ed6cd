from __future__ import annotations

from typing import Any

from django import forms
from django.core.files.uploadedfile import UploadedFile
from django.utils.translation import gettext_lazy as _

from apps.directory.services import photos
from portal.ldap.presets import EDITABLE

LABELS = {
    "title": _("Title"),
    "phone": _("Phone"),
    "mobile": _("Mobile phone"),
    "fax": _("Fax"),
    "room": _("Room"),
    "building": _("Building"),
    "place": _("Place"),
    "street": _("Street"),
    "languages": _("Languages"),
    "web": _("Web page"),
    "notes": _("Notes"),
    "photo": _("Photo"),
}
SEVERAL = {"phone", "mobile", "fax", "web"}
HELP = {
    "languages": _("Short names, the preferred first: fr, es, en"),
    "photo": _("JPEG, PNG, GIF or WebP. It is made small before it is kept."),
}


class OwnEntry(forms.Form):
    """What somebody may change of themselves; several values of a kind stand on lines of their own."""

    def __init__(self, *args: Any, fields: tuple[str, ...], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in (each for each in EDITABLE if each in fields):
            if name == "photo":
                picture = forms.FileInput(attrs={"class": "in", "accept": "image/*"})
                self.fields[name] = forms.FileField(
                    required=False, label=LABELS[name], help_text=HELP[name], widget=picture
                )
                continue
            kind: Any = forms.Textarea if name in SEVERAL | {"street", "notes"} else forms.TextInput
            attrs = {"class": "in", "dir": "auto", **({"rows": 2} if kind is forms.Textarea else {})}
            self.fields[name] = forms.CharField(
                required=False,
                max_length=2000,
                label=LABELS[name],
                help_text=HELP.get(name, ""),
                widget=kind(attrs=attrs),
            )

    def clean_photo(self) -> UploadedFile[bytes] | None:
        given: UploadedFile[bytes] | None = self.cleaned_data.get("photo")
        if given is not None and not photos.drawn_anew(given.read(), photos.SIDES[0]):
            raise forms.ValidationError(_("This is no picture that can be shown. JPEG, PNG, GIF and WebP can."))
        return given
