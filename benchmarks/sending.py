"""A letter sent: beside the submission server's own time and a copy stored in Sent."""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Iterator
from email.message import EmailMessage
from email.policy import SMTP

from benchmarks.measure import Operation
from benchmarks.operations import Walk
from scripts.servers.dovecot import PASSWORD
from tests.support import forms
from tests.support.servers import SubmissionServer

TO, SUBJECT, TEXT = "bob@example.test", "The poles", "They are cut and lie behind the house.\n"
#: Sent at once: the seconds in which sending can be undone are the person's time, not the portal's.
AT_ONCE = (
    "from apps.prefs.models import PreferenceDefault as P; "
    "P.objects.create(key='mail.undo_send', scope='everybody', value=0)"
)


def operations(walk: Walk, submission: SubmissionServer) -> Iterator[Operation]:
    sender = walk.server.address(walk.login)
    trust = ssl.create_default_context(cafile=str(submission.ca_file))
    letter = EmailMessage(policy=SMTP)
    letter["From"], letter["To"], letter["Subject"] = sender, TO, SUBJECT
    letter.set_content(TEXT)
    octets = letter.as_bytes()

    def bare(_: int) -> None:
        with smtplib.SMTP_SSL("localhost", submission.tls_port, context=trust) as client:
            client.login(walk.login, PASSWORD)
            client.sendmail(sender, [TO], octets)
        walk.bare.send(f"x APPEND Sent (\\Seen) {{{len(octets)}+}}\r\n".encode() + octets + b"\r\n")

    fields: list[tuple[str, str]] = []

    def write(_: int) -> None:
        page = walk.browser.get("/mail/@/compose/").text
        known = forms.fields(page, "compose") | {"to": [TO], "subject": [SUBJECT], "body": [TEXT], "action": ["send"]}
        fields[:] = [(name, value) for name, values in known.items() for value in values]

    yield Operation(
        name="send",
        before=write,
        floor=bare,
        portal=lambda _: walk.browser.post("/mail/@/compose/", fields, fragment=False),
        above=15,
        rounds=10,
    )
