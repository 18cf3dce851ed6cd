"""Delivery status notifications (RFC 3464): what a mail system sends back when it gave up."""

from datetime import datetime
from email.message import Message
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from email.parser import BytesHeaderParser
from email.policy import compat32
from email.utils import format_datetime, make_msgid

from demo.accounts import DOMAIN

TEXT = """\
This is the mail system at {domain}.

Your message could not be delivered to the address below. Nothing is wrong
with your mailbox, and nobody else received a broken copy.

    {recipient}
    {explanation}

The headers of your message are attached, so that you can recognise it.
"""


def bounce(
    original: bytes, *, to: str, recipient: str, status: str, explanation: str, when: datetime, seed: str = ""
) -> bytes:
    """The notification as sent to `to`; `status` is an RFC 3463 code such as "5.1.2". A `seed` fixes what is random."""
    report = Message(policy=compat32)
    report["Content-Type"] = "message/delivery-status"
    report["Content-Description"] = "Delivery report"
    about = _fields({"Reporting-MTA": f"dns; mail.{DOMAIN}", "Arrival-Date": format_datetime(when)})
    fate = _fields(
        {
            "Final-Recipient": f"rfc822; {recipient}",
            "Action": "failed",
            "Status": status,
            "Diagnostic-Code": f"smtp; 550 {status} {explanation}",
        }
    )
    report.set_payload([about, fate])
    headers = BytesHeaderParser(policy=compat32).parsebytes(original)
    excerpt = Message(policy=compat32)
    excerpt["Content-Type"] = 'text/rfc822-headers; charset="utf-8"'
    excerpt["Content-Description"] = "Headers of the undelivered message"
    wanted = ("From", "To", "Subject", "Date", "Message-ID")
    excerpt.set_payload("".join(f"{name}: {headers[name]}\n" for name in wanted if headers[name] is not None))
    words = MIMEText(TEXT.format(domain=DOMAIN, recipient=recipient, explanation=explanation), policy=compat32)
    boundary = f"=_bounce-{seed}" if seed else None
    message = MIMEMultipart("report", boundary, [words, report, excerpt], report_type="delivery-status")
    message["From"] = f"Mail Delivery System <mailer-daemon@{DOMAIN}>"
    message["To"] = to
    message["Subject"] = "Undelivered mail returned to sender"
    message["Date"] = format_datetime(when)
    message["Message-ID"] = f"<bounce-{seed}@{DOMAIN}>" if seed else make_msgid("bounce", domain=DOMAIN)
    message["Auto-Submitted"] = "auto-replied"
    return message.as_bytes(policy=compat32.clone(linesep="\r\n"))


def _fields(values: dict[str, str]) -> Message:
    block = Message(policy=compat32)
    for name, value in values.items():
        block[name] = value
    return block
