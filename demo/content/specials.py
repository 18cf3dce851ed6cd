"""Messages that are more than text and files: invitations, bounces, receipts, a signature, broken ones, drafts."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from email.message import Message
from email.policy import compat32

from demo.bounce import bounce
from demo.content.broken import BROKEN
from demo.content.invitations import invitations
from demo.content.people import PEOPLE
from demo.content.plan import Letter, Place, moment, working_day
from demo.content.render import address, container, entity, octets, render, text_part
from demo.content.signed import sign


@dataclass(frozen=True, slots=True)
class Stored:
    """A message as it lies in the mailboxes named by `places`."""

    when: datetime
    raw: bytes
    places: tuple[Place, ...]


def specials(now: datetime) -> list[Stored]:
    return [*_invitations(now), *_signed(now), *_bounces(now), *_notices(now), *_broken(now), *_drafts(now)]


def letter(now: datetime, sender: str, to: str, at: str, subject: str, text: str, **more: object) -> Letter:
    person = PEOPLE[sender]
    basis = Letter(
        sender=person,
        to=tuple(PEOPLE[key] for key in to.split()),
        cc=(),
        when=working_day(moment(at, now=now, person=person)),
        subject=subject,
        text=text,
        message_id=f"<{abs(hash_of(subject + at)):020d}@ims.example>",
    )
    return replace(basis, **more)  # type: ignore[arg-type]


def hash_of(text: str) -> int:
    """A number that is the same in every run, unlike `hash`."""
    result = 7
    for character in text:
        result = (result * 31 + ord(character)) % 10**18
    return result


def _inbox(*accounts: str, flags: str = "\\Seen", mailbox: str = "INBOX") -> tuple[Place, ...]:
    return tuple(Place(account, mailbox, flags) for account in accounts)


def _invitations(now: datetime) -> list[Stored]:
    found = []
    for invitation in invitations(now):
        one = letter(now, invitation.sender, invitation.to, invitation.at, invitation.subject, invitation.text)
        calendar = text_part(invitation.calendar, subtype="calendar", cte="quoted-printable")
        calendar.set_param("method", invitation.method)
        message = container("alternative", (entity(one), calendar), f"=_{one.message_id[1:17]}")
        address(message, one)
        places = _inbox(*invitation.to.split(), flags=invitation.flags)
        if invitation.sender in ("alice", "bob", "charlie"):
            places += _inbox(invitation.sender, mailbox="Sent")
        found.append(Stored(one.when, octets(message), places))
    return found


def _signed(now: datetime) -> list[Stored]:
    approval = letter(
        now,
        "maren",
        "alice",
        "2 09:40",
        "Travel approval, signed",
        "Dear Alice,\n\nthe trip to Belluno is approved, five days, cost centre 4410. This message is signed,\n"
        "so finance takes it as it is.\n\nMaren\n",
        attach=("pdf:Travel approval 4410-17",),
    )
    minutes = letter(
        now,
        "director",
        "alice bob charlie",
        "22 17:00",
        "Decision of the senate on the data policy",
        "Dear colleagues,\n\nthe senate has adopted the data policy without a vote against. It is valid from today.\n\n"
        "Ruth Zurbriggen\n",
    )
    found = []
    for one, places in ((approval, _inbox("alice", flags="")), (minutes, _inbox("alice", "bob", "charlie"))):
        message = sign(entity(one), signer=one.sender, when=one.when)
        address(message, one)
        found.append(Stored(one.when, octets(message), places))
    return found


def _bounces(now: datetime) -> list[Stored]:
    lost = letter(now, "alice", "tomas", "11 15:01", "Poster draft", "Hi Tomáš, here is the draft.\n\nAlice\n")
    full = letter(now, "bob", "gudrun", "27 10:12", "Radar dates", "Sæl Guðrún, may I come on 3 March?\n\nBob\n")
    cases = (
        (lost, "alice", "t.dvorak@krkonose.example", "5.1.1", "User unknown in virtual mailbox table"),
        (full, "bob", "gudrun@jokull.example", "5.2.2", "Mailbox is full, try again when it is not"),
    )
    found = []
    for one, account, recipient, status, words in cases:
        raw = render(one)
        when = one.when + timedelta(minutes=2)
        notice = bounce(
            raw, to=one.sender.mail, recipient=recipient, status=status, explanation=words, when=when, seed=status
        )
        found.append(Stored(one.when, raw, _inbox(account, mailbox="Sent")))
        found.append(Stored(when, notice, _inbox(account)))
    return found


def _notices(now: datetime) -> list[Stored]:
    """A read receipt (RFC 8098), an automatic answer (RFC 3834), and a message forwarded as attachment."""
    receipt = letter(now, "editor", "alice", "30 07:10", "Read: Re: Review: manuscript JSI-2291", "")
    fate = Message(policy=compat32)
    fate["Content-Type"] = "message/disposition-notification"
    fate.set_payload(
        "Reporting-UA: mail.snow-and-ice.example; Editor 3\nFinal-Recipient: rfc822;editorial@snow-and-ice.example\n"
        "Disposition: manual-action/MDN-sent-manually; displayed\n"
    )
    words = text_part("Your message was displayed on a screen. This is no guarantee that it was understood.\n")
    report = container("report", (words, fate), "=_receipt")
    report.set_param("report-type", "disposition-notification")
    address(report, receipt)
    away = letter(
        now,
        "marta",
        "alice bob",
        "13 12:01",
        "Automatic reply: gone to the snow",
        "I am on the glacier until {day} and read mail when the wind allows.\n".replace("{day}", "Sunday"),
        headers={"Auto-Submitted": "auto-replied", "Precedence": "bulk"},
    )
    forwarded = letter(
        now,
        "zoe",
        "bob",
        "36 13:37",
        "Fwd: Invoice, is this ours?",
        "Bob, does this belong to you?\n\nZoë\n",
        attach=("eml:Invoice 7734", "pdf:Invoice 7734"),
    )
    return [
        Stored(receipt.when, octets(report), _inbox("alice", mailbox="Archive")),
        Stored(away.when, render(away), _inbox("alice", "bob")),
        Stored(forwarded.when, render(forwarded), _inbox("bob")),
    ]


def _broken(now: datetime) -> list[Stored]:
    found = []
    for number, (raw, account) in enumerate(BROKEN):
        when = now - timedelta(days=3 + 9 * number, hours=number)
        text = raw.replace("@DATE@", f"{when:%a, %d %b %Y %H:%M:%S +0000}").replace("\n", "\r\n")
        mailbox = "INBOX" if number in (1, 2) else "Odd messages"
        found.append(Stored(when, text.encode("latin-1"), _inbox(account, mailbox=mailbox)))
    return found


def _drafts(now: datetime) -> list[Stored]:
    rows = (
        ("alice", "giulia", "1 17:50", "Belluno", "Cara Giulia,\n\narrivo lunedì con il treno delle\n", ()),
        ("alice", "editor", "5 22:14", "Report on JSI-2291", "Dear editor,\n\nthe manuscript is\n\n1. \n2. \n", ()),
        ("alice", "maren", "16 18:03", "Holiday", "Dear Maren,\n\nI would like to take off\n", ()),
        (
            "bob",
            "ingrid",
            "2 09:30",
            "Eagles",
            "Hei Ingrid,\n\nhere is the map.\n",
            ("png:new-line",),
        ),
        ("charlie", "alice bob", "4 16:16", "Coffee machine: a proposal", "Colleagues,\n\nafter long thought\n", ()),
    )
    found = []
    for sender, to, at, subject, text, attach in rows:
        one = letter(now, sender, to, at, subject, text, attach=attach)
        found.append(Stored(one.when, render(one), _inbox(sender, flags="\\Seen \\Draft", mailbox="Drafts")))
    return found
