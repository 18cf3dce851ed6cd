"""What the writing page asks before it sends, and what its buttons do with spelling and templates."""

from __future__ import annotations

from collections.abc import Iterator

from django.http import HttpResponse, JsonResponse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from apps.mail.mailbox.store import MailStore
from apps.mail.prefs import ANSWER, ATTACHMENT_REMINDER
from apps.mail.services import identities, options, strangers, templates
from apps.mail.services.asking import Question
from apps.mail.views import everybody
from apps.mail.views.sheet import Sheet
from portal import spelling

MOST_LISTED = 12  # words of a question


def questions(sheet: Sheet, found: everybody.Everybody) -> Iterator[Question | None]:
    if not sheet.data["subject"].strip():
        yield Question("subject", (_("The message has no subject."),))
    if word := _forgotten(sheet):
        yield Question("file", (options.reminder(word),))
    yield found.question
    people = [each for field in found.people.values() for each in field]
    for address, like in strangers.mistyped(sheet.request.user, sheet.identity.address.email, people).items():
        yield Question(f"domain {address}", (strangers.mistyped_text(address, like),))
    if names := templates.unfilled(sheet.data):
        yield Question(f"unfilled {names}", (templates.unfilled_text(names),))
    if words := _misspelt(sheet):
        yield Question(f"spelling {words}", (_misspelt_text(words),))


def _forgotten(sheet: Sheet) -> str:
    if not sheet.request.prefs[ATTACHMENT_REMINDER]:
        return ""
    above = sheet.data["kind"] == "forward" or sheet.request.prefs[ANSWER] != "below"
    signature = identities.signature_of(sheet.identity)
    return options.forgotten(sheet.data, signature, files=len(sheet.tokens), above=above)


def _misspelt(sheet: Sheet) -> list[str]:
    return sorted({each.word for each in spelling.before_sending(sheet.request, options.text_of(sheet.data))})


def _misspelt_text(words: list[str]) -> str:
    listed = ", ".join(words[:MOST_LISTED]) + (", …" if len(words) > MOST_LISTED else "")
    found = ngettext("This word may be misspelt: %(words)s", "These words may be misspelt: %(words)s", len(words))
    return found % {"words": listed}


# --- spelling, for a page without scripts -----------------------------------------------------------------------------


def spell(sheet: Sheet, store: MailStore) -> HttpResponse:
    """The wrong words of the text, each with what may have been meant."""
    sheet.review = spelling.review(sheet.request, sheet.data.get("text", ""))
    if sheet.review is None:
        sheet.tips.append(_("No misspelt words were found."))
    return sheet.plain(store)


def correct(sheet: Sheet, store: MailStore) -> HttpResponse:
    """The text with what was chosen there; what is still wrong is shown again."""
    text = spelling.corrected(sheet.request, sheet.data.get("text", ""))
    sheet.post["text"] = text
    sheet.review = spelling.review(sheet.request, text)
    return sheet.plain(store)


# --- templates --------------------------------------------------------------------------------------------------------


def put_in(sheet: Sheet, store: MailStore) -> HttpResponse:
    """A template into the text, for a page without scripts."""
    found = templates.find(sheet.request.user, sheet.post.get("template", ""))
    if found is None:
        sheet.notes.append(_("This template is not there any more."))
        return sheet.again(store)
    below = sheet.data.get("kind") == "reply" and sheet.request.prefs[ANSWER] == "below"
    templates.put_in(sheet.post, found, user=sheet.request.user, identity=sheet.identity, below=below)
    return sheet.plain(store)


def keep(sheet: Sheet, store: MailStore) -> HttpResponse:
    """What is written, as a template."""
    above = sheet.data.get("kind") == "forward" or sheet.request.prefs[ANSWER] != "below"
    signature = identities.signature_of(sheet.identity)
    name = sheet.post.get("template_name", "")
    try:
        kept = templates.keep(sheet.request.user, sheet.data, signature, name=name, above=above)
    except templates.CannotKeep as error:
        if sheet.wants_json:
            return JsonResponse({"error": error.text}, status=422)
        sheet.form.add_error(None, error.text)
        return sheet.again(store)
    text = _("Kept as the template “%(name)s”.") % {"name": kept.name}
    if sheet.wants_json:
        return JsonResponse({"text": text, "key": kept.key, "name": kept.name})
    sheet.tips.append(text)
    sheet.post["template_name"] = ""
    return sheet.plain(store)
