"""What imports and exports say to people."""

from __future__ import annotations

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, pgettext_lazy

from apps.mail.folder_models import Transfer
from portal.contracts import Text

State = Transfer.State
FORMATS: dict[str, Text] = {
    "mbox": "mbox",
    "zip": gettext_lazy("zip of .eml files"),
    "maildir": gettext_lazy("Maildir (tar)"),
    "eml": gettext_lazy("one message (.eml)"),
}
STATES: dict[str, Text] = {
    State.RECEIVING: gettext_lazy("file not here yet"),
    State.RUNNING: gettext_lazy("under way"),
    State.PAUSED: pgettext_lazy("import", "paused"),
    State.DONE: pgettext_lazy("import", "finished"),
    State.CANCELLED: pgettext_lazy("import", "cancelled"),
    State.FAILED: gettext_lazy("broken off"),
    State.UNDOING: gettext_lazy("being undone"),
    State.UNDONE: gettext_lazy("undone"),
}
TROUBLE: dict[str, Text] = {
    "away": gettext_lazy("The mail server does not answer just now. It is tried again by itself."),
    "full": gettext_lazy(
        "The mailbox is full. Make room in it, then go on: what is there already is not imported again."
    ),
    "gone": gettext_lazy("The folder isn’t there any more. Going on makes it anew for what is left."),
    "password": gettext_lazy("The mail server does not accept the password any more. Going on uses the one of today."),
    "over": gettext_lazy("It waited for too long, so the file was thrown away. What was imported until then is there."),
    "damaged": gettext_lazy(
        "The file is damaged or ends too early. All messages up to there were imported, as far as they are not listed."
    ),
    "revoked": gettext_lazy("You have taken back the permission for it. What was imported until then is there."),
    "broken": gettext_lazy("The download broke off. Its file is not whole: throw it away and download it again."),
}
REASONS: dict[str, Text] = {
    "large": gettext_lazy("It is larger than 100 MB."),
    "damaged": gettext_lazy("It is damaged within the archive."),
    "method": gettext_lazy("It is packed in a way that is not known here."),
    "locked": gettext_lazy("It is locked with a password."),
    "empty": gettext_lazy("It is empty."),
    "foreign": gettext_lazy("It is no message."),
    "nul": gettext_lazy("It has octets (NUL) that mail servers do not take."),
    "refused": gettext_lazy("The mail server refused it."),
    "withheld": gettext_lazy("The mail server does not give it out."),
}


def format_of(row: Transfer) -> str:
    kind, _dot, packed = row.format.partition(".")
    return f"{FORMATS.get(kind, kind)}{' (gz)' if packed else ''}"


def result(row: Transfer) -> str:
    """How far it has come, in a sentence."""
    if row.is_export:
        if row.state == State.DONE or not row.total:
            return ngettext("%(n)d message exported.", "%(n)d messages exported.", row.done) % {"n": row.done}
        text = ngettext("%(n)d of %(total)d message.", "%(n)d of %(total)d messages.", row.total)
        return text % {"n": row.done, "total": row.total}
    texts = [ngettext("%(n)d message imported.", "%(n)d messages imported.", row.done) % {"n": row.done}]
    if row.state == State.UNDONE:
        texts = [_("All that it had imported was removed again.")]
    if row.left:
        text = ngettext("%(n)d was not taken, see below.", "%(n)d were not taken, see below.", row.left)
        texts.append(text % {"n": row.left})
    return " ".join(texts)
