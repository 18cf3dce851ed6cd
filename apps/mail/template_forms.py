"""The form of one template, for its owner and for administrators. Rich text is cleaned as everything that is sent."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from apps.mail.mime import addresses, to_text, wire
from apps.mail.models import Template
from apps.mail.services import templates


def cleaned_people(text: str) -> str:
    """Recipients as they are kept. Raises ``ValidationError``."""
    found = addresses.split(text)
    wrong = [each.email or each.name for each in found if not wire.can_be_written_to(each.email)]
    if wrong:
        raise forms.ValidationError([gettext("“%(text)s” is not a mail address.") % {"text": each} for each in wrong])
    return addresses.format(found)


class TemplateForm(forms.Form):
    name = forms.CharField(
        label=_("Name"), max_length=100, widget=forms.TextInput(attrs={"class": "in", "dir": "auto"})
    )
    subject = forms.CharField(
        label=_("Subject"),
        required=False,
        max_length=500,
        help_text=_("Used where the message has none yet."),
        widget=forms.TextInput(attrs={"class": "in", "dir": "auto"}),
    )
    to = forms.CharField(
        label=_("To"),
        required=False,
        max_length=2000,
        help_text=_("Used where the message is for nobody yet."),
        widget=forms.TextInput(attrs={"class": "in", "dir": "auto", "spellcheck": "false"}),
    )
    text = forms.CharField(
        label=_("Text"),
        required=False,
        strip=False,
        max_length=templates.MOST_TEXT,
        widget=forms.Textarea(attrs={"class": "in", "dir": "auto", "rows": 8}),
    )
    # As in the writing form: only the editor can write it.
    html = forms.CharField(
        required=False,
        strip=False,
        max_length=templates.MOST_HTML,
        widget=forms.HiddenInput(attrs={"disabled": True, "autocomplete": "off"}),
    )
    format = forms.ChoiceField(
        choices=[("plain", _("Plain text")), ("html", _("Rich text"))], required=False, widget=forms.RadioSelect
    )

    def __init__(self, template: Template, data: Any = None) -> None:
        self.template = template
        initial = {name: getattr(template, name) for name in ("name", "subject", "to", "text", "html")}
        initial["format"] = "html" if template.html else "plain"
        super().__init__(data, initial=initial, auto_id="identity-%s")  # ids that the editor's page knows

    def clean_to(self) -> str:
        return cleaned_people(self.cleaned_data["to"])

    def apply(self) -> Template:
        """Rich text that came without its editor is as it was, unless the plain text beside it was changed."""
        data, template = self.cleaned_data, self.template
        for name in ("name", "subject", "to"):
            setattr(template, name, data[name])
        text = data["text"].replace("\r\n", "\n").strip("\n")
        if data["format"] == "html" and data["html"].strip():
            template.html = templates.cleaned(data["html"])
            template.text = to_text.text(template.html)
        elif data["format"] != "html" or text != template.text.strip("\n"):
            template.text, template.html = text, ""
        return template
