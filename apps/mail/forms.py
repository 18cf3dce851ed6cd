"""The compose form. What it cannot take it says beside the field, and everything else stays as it was typed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from django import forms
from django.forms.utils import flatatt
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext, ngettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from apps.mail.mime import addresses, render_html, wire
from apps.mail.mime.outgoing import Group
from apps.mail.services import later, wrong_addresses
from portal.contracts import Address

MOST_RECIPIENTS = 500
FIELDS = ("to", "cc", "bcc")
_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_ID = re.compile(r"[A-Za-z0-9_-]{16,64}")


def is_id(value: str) -> bool:
    """Whether it can be the id of a form, as ``prefill.new_id`` makes them."""
    return _ID.fullmatch(value) is not None


class People(list[Address]):
    """The addresses of a field, and its groups, whose people are put in when the message is sent."""

    def __init__(self, people: Iterable[Address] = (), groups: tuple[Group, ...] = ()) -> None:
        super().__init__(people)
        self.groups = groups


class RecipientsField(forms.CharField):
    """People as one types them: ``Ann <ann@x.example>, bob@y.example``, ``Field team:;``. Cleans to ``People``; what
    cannot be written to is named, one error for each."""

    def __init__(self) -> None:
        attrs = {"class": "rc-plain", "data-field": "", "autocomplete": "off", "spellcheck": "false", "dir": "auto"}
        super().__init__(required=False, max_length=60_000, widget=forms.TextInput(attrs=attrs))

    def clean(self, value: Any) -> People:
        text = super().clean(value) or ""
        found = addresses.split(text)
        if len(found) > MOST_RECIPIENTS:
            words = ngettext("At most %(count)d address.", "At most %(count)d addresses.", MOST_RECIPIENTS)
            raise forms.ValidationError(words % {"count": MOST_RECIPIENTS})
        wrong = [address.email for address in found if not wire.can_be_written_to(address.email)]
        if wrong:
            raise forms.ValidationError([of_address(text, wrong_addresses.why(text)) for text in wrong])
        return People(addresses.unique([found])[0], addresses.groups(text, encoded=False))


def of_address(address: str, text: str) -> forms.ValidationError:
    """An error of one address of a field; pages mark that one."""
    return forms.ValidationError("%(text)s", params={"text": text, "address": address})


class Unseen(forms.HiddenInput):
    """Drawn without a template of its own: a writing page has a dozen."""

    def render(self, name: str, value: Any, attrs: Any = None, renderer: object = None) -> SafeString:
        attributes = flatatt(self.build_attrs(self.attrs, attrs))
        return format_html(
            '<input type="hidden" name="{}" value="{}"{}>', name, self.format_value(value) or "", attributes
        )


class Carried(forms.CharField):
    """What a page of ours carries along unseen. Nobody could correct it, so nothing that stands there is an error."""

    def __init__(self) -> None:
        super().__init__(required=False, widget=Unseen)
        self.validators = []


class ComposeForm(forms.Form):
    id = Carried()  # the same for every try to send it
    identity = forms.CharField(required=False)  # drawn by the template: nothing to choose where there is one
    signed = Carried()  # the identity whose signature, Reply-To and Bcc stand in the form
    because = Carried()  # the address of the original that decided about the identity
    asked = Carried()  # keys of questions that were asked: see ``views.questions``
    again = Carried()  # the person knows that it may have been sent before
    kind = Carried()  # "new", "reply" or "forward"
    source = Carried()  # the message answered
    also = Carried()  # the messages that go along as files: see ``services.forwarded``
    draft = Carried()  # the draft this replaces
    in_reply_to = Carried()
    references = Carried()
    reply_to = Carried()  # as a draft of another program has it
    kept = Carried()  # further header fields of such a draft, url-encoded
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
    # Only the editor can write it: it is sent along once the editor stands, and the plain text counts until then.
    html = forms.CharField(
        required=False,
        strip=False,
        max_length=render_html.MAX_HTML,  # what is sent is cleaned first, and that would cut it
        widget=forms.HiddenInput(attrs={"disabled": True, "autocomplete": "off"}),
    )
    format = forms.ChoiceField(
        choices=[("plain", _("Plain text")), ("html", _("Rich text"))],
        initial="plain",
        required=False,
        widget=forms.RadioSelect,
    )
    priority = forms.ChoiceField(
        label=_("Priority"),
        choices=[
            ("", pgettext_lazy("priority", "Normal")),
            ("high", pgettext_lazy("priority", "High")),
            ("low", pgettext_lazy("priority", "Low")),
        ],
        required=False,
        widget=forms.Select(attrs={"class": "select", "autocomplete": "off"}),
    )
    receipt = forms.BooleanField(
        label=_("Ask for a read receipt"),
        required=False,
        widget=forms.CheckboxInput(attrs={"class": "sw", "autocomplete": "off"}),
    )

    reports = forms.BooleanField(
        label=_("Ask for a delivery report"),
        required=False,
        widget=forms.CheckboxInput(attrs={"class": "sw", "autocomplete": "off"}),
    )
    remind = forms.ChoiceField(
        label=_("Remind me if no reply"),
        choices=[("", pgettext_lazy("reminder", "No")), *later.WAITS, ("on", _("on a day"))],
        required=False,
        widget=forms.Select(attrs={"class": "select", "autocomplete": "off"}),
    )
    remind_on = forms.CharField(
        label=_("Day"), required=False, widget=forms.DateInput(attrs={"class": "in", "type": "date"})
    )
    later_at = forms.CharField(
        label=_("Day and time"),
        required=False,
        widget=forms.DateTimeInput(attrs={"class": "in", "type": "datetime-local"}),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("auto_id", "compose-%s")
        super().__init__(*args, **kwargs)

    def clean_id(self) -> str:
        value: str = self.cleaned_data["id"]
        return value if _ID.fullmatch(value) else ""

    def clean_subject(self) -> str:
        """On one line: a line end in a subject would begin another header field."""
        return " ".join(_CONTROLS.sub(" ", self.cleaned_data["subject"]).split(" "))

    @property
    def has_recipients(self) -> bool:
        return any(people or people.groups for name in FIELDS if (people := self.cleaned_data.get(name)) is not None)

    @property
    def unfinished(self) -> Mapping[str, str]:
        """Recipients that are no addresses yet, as they were typed: a draft keeps them."""
        return {name: str(self.data.get(name, "")) for name in FIELDS if self.errors.get(name)}

    @property
    def can_be_kept(self) -> bool:
        """Whether all of it fits into a draft."""
        return not set(self.errors) - set(FIELDS)

    def refuse(self, reasons: Mapping[str, str]) -> None:
        """Say beside the field that holds it why an address was refused; also on a page that is only opened."""
        if not self.is_bound:
            self.cleaned_data = {name: addresses.split(str(self.initial.get(name, ""))) for name in FIELDS}
        given = {name: {a.email.casefold() for a in self.cleaned_data.get(name) or ()} for name in FIELDS}
        for address, text in reasons.items():
            name = next((name for name in FIELDS if address.casefold() in given[name]), None)
            self.add_error(name, of_address(address, text))

    def mark_errors(self) -> None:
        """Tell assistive technology which fields are wrong and where it says why. To be called before drawing."""
        for name in (*FIELDS, "subject"):
            if self.errors.get(name):
                self.fields[name].widget.attrs |= {
                    "aria-invalid": "true",
                    "aria-describedby": f"compose-{name}_error",
                }


class RedirectForm(forms.Form):
    id = Carried()  # the same for every try to send it
    again = Carried()  # the person knows that it may have been sent before
    counted = Carried()
    identity = forms.CharField(required=False)
    to = RecipientsField()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("auto_id", "redirect-%s")
        super().__init__(*args, **kwargs)

    def clean_id(self) -> str:
        value: str = self.cleaned_data["id"]
        if not _ID.fullmatch(value):
            raise forms.ValidationError("no id")
        return value

    def clean_to(self) -> People:
        found: People = self.cleaned_data["to"]
        if not found and not found.groups:
            raise forms.ValidationError(gettext("Say who the message is for."))
        return found

    def ask_again(self) -> None:
        self.data["again"] = "yes"  # type: ignore[index]  # a copy of what came
        self.add_error(None, outcome_unknown())

    def ask_anew(self, id: str) -> None:
        self.data["id"] = id  # type: ignore[index]  # a copy of what came
        self.add_error(None, changed_since())


def changed_since() -> str:
    return gettext("This was sent already, and has been changed since. Send it again to send it as a new message.")


def outcome_unknown() -> str:
    return gettext("Nobody knows whether this was sent: the connection ended too early. Look in Sent, then send again.")
