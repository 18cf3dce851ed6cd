"""The compose form. What it cannot take it says beside the field, and everything else stays as it was typed."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from apps.mail.mime import addresses
from portal.contracts import Address

MOST_RECIPIENTS = 500
FIELDS = ("to", "cc", "bcc")


class RecipientsField(forms.CharField):
    """People as one types them: ``Ann <ann@x.example>, bob@y.example``. Cleans to a list of ``Address``; what cannot
    be written to is named, one error for each."""

    def __init__(self) -> None:
        attrs = {"class": "rc-plain", "data-field": "", "autocomplete": "off", "spellcheck": "false", "dir": "auto"}
        super().__init__(required=False, max_length=60_000, widget=forms.TextInput(attrs=attrs))

    def clean(self, value: Any) -> list[Address]:
        text = super().clean(value) or ""
        found = addresses.split(text)
        if len(found) > MOST_RECIPIENTS:
            words = ngettext("At most %(count)d address.", "At most %(count)d addresses.", MOST_RECIPIENTS)
            raise forms.ValidationError(words % {"count": MOST_RECIPIENTS})
        wrong = [address.email for address in found if not addresses.is_valid(address.email)]
        if wrong:
            raise forms.ValidationError([_t("“%(text)s” is not a mail address.") % {"text": text} for text in wrong])
        return [address for (group,) in [addresses.unique([found])] for address in group]


class ComposeForm(forms.Form):
    id = forms.RegexField(r"\A[A-Za-z0-9_-]{16,64}\Z", widget=forms.HiddenInput)  # the same for every try to send it
    kind = forms.ChoiceField(
        choices=[(kind, kind) for kind in ("new", "reply", "forward")], required=False, widget=forms.HiddenInput
    )
    source = forms.CharField(required=False, max_length=4000, widget=forms.HiddenInput)  # the message answered
    draft = forms.CharField(required=False, max_length=4000, widget=forms.HiddenInput)  # the draft this replaces
    in_reply_to = forms.CharField(required=False, max_length=1000, widget=forms.HiddenInput)
    references = forms.CharField(required=False, max_length=20_000, widget=forms.HiddenInput)
    html = forms.CharField(required=False, strip=False, max_length=5_000_000, widget=forms.HiddenInput)
    to = RecipientsField()
    cc = RecipientsField()
    bcc = RecipientsField()
    subject = forms.CharField(
        required=False,
        max_length=2000,
        widget=forms.TextInput(attrs={"class": "strong", "dir": "auto", "autocomplete": "off"}),
    )
    text = forms.CharField(
        required=False,
        strip=False,
        max_length=5_000_000,
        widget=forms.Textarea(attrs={"class": "ed", "dir": "auto", "rows": 14}),
    )
    format = forms.ChoiceField(
        choices=[("plain", _("Plain text")), ("html", _("Rich text"))], initial="plain", widget=forms.RadioSelect
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("auto_id", "compose-%s")
        super().__init__(*args, **kwargs)
        for name in FIELDS:
            if self.is_bound and self.errors.get(name):
                self.fields[name].widget.attrs |= {
                    "aria-invalid": "true",
                    "aria-describedby": f"compose-{name}_error",
                }

    @property
    def recipients(self) -> list[Address]:
        return [address for name in FIELDS for address in self.cleaned_data.get(name) or ()]

    def refuse(self, address: str, text: str) -> None:
        """Say beside the field that holds it why an address was refused."""
        for name in FIELDS:
            if any(known.email.casefold() == address.casefold() for known in self.cleaned_data.get(name) or ()):
                self.add_error(name, text)
                return
        self.add_error(None, text)
