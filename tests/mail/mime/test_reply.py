from __future__ import annotations

import pytest

from apps.mail.mime import build, parse
from apps.mail.mime.reply import MAX_REFERENCES
from portal.contracts import Address

ALICE = Address("alice@example.test", "Alice")


def header(**fields: str) -> bytes:
    lines = [f"{name.replace('_', '-')}: {value}" for name, value in fields.items()]
    return "\r\n".join([*lines, "", ""]).encode()


def emails(people: tuple[Address, ...]) -> list[str]:
    return [address.email for address in people]


@pytest.mark.parametrize(
    ("subject", "answer"),
    [
        ("Hello", "Re: Hello"),
        ("Re: Hello", "Re: Hello"),
        ("RE: re: Hello", "Re: Hello"),
        ("AW: Re: Antw: Hallo", "Re: Hallo"),
        ("Re[2]: Hello", "Re: Hello"),
        ("SV: VS: Hej", "Re: Hej"),
        ("回复：你好", "Re: 你好"),
        ("Отв: привет", "Re: привет"),
        ("Fwd: Hello", "Re: Fwd: Hello"),
        ("Report: numbers", "Re: Report: numbers"),
        ("Ref: 123", "Re: Ref: 123"),
        ("", "Re:"),
    ],
)
def test_the_subject_of_an_answer(subject: str, answer: str) -> None:
    assert build.reply_subject(subject) == answer
    assert build.reply_subject(answer) == answer


@pytest.mark.parametrize(
    ("subject", "passed_on"),
    [("Hello", "Fwd: Hello"), ("WG: Fwd: Hello", "Fwd: Hello"), ("Re: Hello", "Fwd: Re: Hello"), ("转发: x", "Fwd: x")],
)
def test_the_subject_of_what_is_passed_on(subject: str, passed_on: str) -> None:
    assert build.forward_subject(subject) == passed_on


OWN = ["alice@example.test", "alice@other.test"]


@pytest.mark.parametrize(
    ("fields", "one", "everybody"),
    [
        ({"From": "bob@x.test", "To": "alice@example.test"}, ["bob@x.test"], (["bob@x.test"], [])),
        (
            {"From": "bob@x.test", "To": "Alice@Example.test, c@x.test", "Cc": "alice@other.test, d@x.test, c@x.test"},
            ["bob@x.test"],
            (["bob@x.test"], ["c@x.test", "d@x.test"]),
        ),
        (
            {"From": "bob@x.test", "Reply-To": "help@x.test, bob2@x.test", "To": "alice@example.test, bob@x.test"},
            ["help@x.test", "bob2@x.test"],
            (["help@x.test", "bob2@x.test"], ["bob@x.test"]),
        ),
        # one's own message is answered to whom it went
        (
            {"From": "alice@example.test", "To": "bob@x.test", "Cc": "c@x.test"},
            ["bob@x.test"],
            (["bob@x.test"], ["c@x.test"]),
        ),
        (
            {"From": "alice@example.test", "To": "alice@example.test"},
            ["alice@example.test"],
            (["alice@example.test"], []),
        ),
        (
            {"From": "bob@x.test", "To": "list@x.test", "Mail-Followup-To": "list@x.test, alice@example.test"},
            ["bob@x.test"],
            (["list@x.test"], []),
        ),
        ({"Sender": "robot@x.test", "To": "alice@example.test"}, ["robot@x.test"], (["robot@x.test"], [])),
        ({"Subject": "nobody"}, [], ([], [])),
    ],
)
def test_who_gets_an_answer(fields: dict[str, str], one: list[str], everybody: tuple[list[str], list[str]]) -> None:
    block = header(**fields)
    assert emails(build.reply_recipients(block, own=OWN, to_all=False).to) == one
    found = build.reply_recipients(block, own=OWN, to_all=True)
    assert (emails(found.to), emails(found.cc)) == everybody


def test_the_address_of_a_mailing_list_is_offered() -> None:
    block = header(From="bob@x.test", List_Post="<mailto:list@x.test?subject=x>, <https://x.test>")
    assert build.reply_recipients(block, own=[], to_all=False).to_list == Address("list@x.test")
    assert build.reply_recipients(header(List_Post="NO"), own=[], to_all=False).to_list is None


def test_references_follow_rfc_5322() -> None:
    assert build.references(header(Message_ID="<2@x>", References="<0@x> <1@x>")) == (
        "<2@x>",
        ("<0@x>", "<1@x>", "<2@x>"),
    )
    assert build.references(header(Message_ID="<2@x>", In_Reply_To="<1@x>")) == ("<2@x>", ("<1@x>", "<2@x>"))
    assert build.references(header(Message_ID="<2@x>", In_Reply_To="<0@x> <1@x>")) == ("<2@x>", ("<2@x>",))
    assert build.references(header(References="<0@x>")) == ("", ("<0@x>",))
    assert build.references(header(Message_ID="junk")) == ("", ())


def test_references_are_bounded_and_keep_the_first() -> None:
    block = header(Message_ID="<new@x>", References=" ".join(f"<{number}@x>" for number in range(500)))
    _parent, chain = build.references(block)
    assert len(chain) == MAX_REFERENCES
    assert (chain[0], chain[-2], chain[-1]) == ("<0@x>", "<499@x>", "<new@x>")


def test_a_text_is_quoted() -> None:
    quoted = build.quote_text("Hi\n\n> older\nbye\n", attribution="On Monday Bob wrote:")
    assert quoted == "On Monday Bob wrote:\n> Hi\n>\n>> older\n> bye"


def test_html_is_quoted_sanitised_and_without_remote_images() -> None:
    quoted = build.quote_html(
        '<script>x</script><p onclick=x>Hi <img src="https://x.test/t.gif" alt="pic"></p>', attribution="<Bob> wrote:"
    )
    assert (
        quoted == '<p>&lt;Bob&gt; wrote:</p><blockquote type="cite" dir="auto"><p>Hi <img alt="pic"></p></blockquote>'
    )


BLOCK = header(From="Bob <bob@x.test>", To="alice@example.test", Subject="Re: Lunch", Message_ID="<1@x>")


def test_an_answer_is_ready_to_be_written_and_sent() -> None:
    image = build.Attachment(content=b"x", type="image/png", content_id="p@x", inline=True)
    other = build.Attachment(content=b"y", type="image/png", content_id="q@x", inline=True)
    answer = build.reply(
        BLOCK,
        from_=ALICE,
        own=OWN,
        attribution="Bob wrote:",
        text="one",
        html='<p>one <img src="cid:p@x"></p>',
        images=(image, other),
    )
    assert emails(answer.to) == ["bob@x.test"]
    assert answer.subject == "Re: Lunch"
    assert answer.text == "\n\nBob wrote:\n> one"
    assert answer.attachments == (image,)
    assert '<img src="cid:p@x">' in answer.html
    parsed = parse.parse(build.message(answer))
    assert parsed.envelope.in_reply_to == "<1@x>"
    assert parsed.problems == ()


def test_an_answer_in_html_to_a_plain_text() -> None:
    answer = build.reply(BLOCK, from_=ALICE, own=OWN, attribution="Bob wrote:", text="a <b>\nc", rich=True)
    assert '<blockquote type="cite" dir="auto">a &lt;b&gt;<br>c</blockquote>' in answer.html


def test_a_message_is_passed_on_inside() -> None:
    pdf = build.Attachment(content=b"%PDF", filename="a.pdf", type="application/pdf")
    passed = build.forward(
        BLOCK,
        from_=ALICE,
        heading="Forwarded message",
        summary=[("From", "Bob <bob@x.test>"), ("Subject", "Lunch")],
        text="one",
        html="<p>one</p><script>x</script>",
        attachments=(pdf,),
    )
    assert passed.subject == "Fwd: Re: Lunch"
    assert passed.text == "\n\n---------- Forwarded message ----------\nFrom: Bob <bob@x.test>\nSubject: Lunch\n\none"
    assert "<b>From:</b> Bob &lt;bob@x.test&gt;" in passed.html
    assert "script" not in passed.html
    assert passed.attachments == (pdf,)
    assert passed.to == ()
    assert passed.in_reply_to == ""


def test_a_message_is_passed_on_untouched() -> None:
    raw = BLOCK + b"body\r\n"
    passed = build.forward_attached(raw, from_=ALICE, filename="Lunch.eml")
    back = build.from_draft(parse.parse(build.draft(passed)))
    assert back.attachments[0].content == raw
    assert back.attachments[0].type == "message/rfc822"
    assert passed.subject == "Fwd: Re: Lunch"
