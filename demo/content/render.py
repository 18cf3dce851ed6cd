"""A letter as RFC 5322 octets, in the charset, encoding and style that its row asks for."""

import base64
import quopri
import re
from collections.abc import Iterable
from email import encoders, message_from_bytes
from email.header import Header
from email.message import Message
from email.policy import compat32
from email.utils import format_datetime, formataddr
from html import escape

from babel.dates import format_date

from demo.content.files import File, Order, make
from demo.content.people import HERE, Person
from demo.content.pictures import png
from demo.content.plan import Letter, expand

RTL = {"ar", "he", "fa"}
CRLF_POLICY = compat32.clone(linesep="\r\n")
ATTRIBUTION = {
    "en": "On {date}, {name} wrote:",
    "de": "Am {date} schrieb {name}:",
    "fr": "Le {date}, {name} a écrit :",
    "es": "El {date}, {name} escribió:",
    "it": "Il {date} {name} ha scritto:",
    "pt": "Em {date}, {name} escreveu:",
    "pl": "W dniu {date} {name} pisze:",
    "ru": "{date}, {name} пишет:",
    "ja": "{date}、{name} さんは書きました:",
    "ar": "في {date}، كتب {name}:",
    "hi": "{date} को {name} ने लिखा:",
}
HTML_STYLE = "font:15px/1.55 Calibri,Carlito,Arial,sans-serif;color:#1f2a30"


def quoted_text(letter: Letter) -> str:
    """The letter's plain text with what it answers below, quoted one level deeper."""
    if letter.quoted is None or (letter.mailing_list and not letter.subject.startswith("Re:")):
        return letter.text
    before = letter.quoted
    lang = letter.lang if letter.lang in ATTRIBUTION else "en"
    date = format_date(before.when, "long", locale=lang)
    intro = ATTRIBUTION[lang].format(date=date, name=before.sender.name)
    lines = quoted_text(before).rstrip("\n").split("\n")
    quote = "\n".join(f">{line}" if line.startswith(">") else f"> {line}".rstrip() for line in lines)
    return f"{letter.text}\n{intro}\n{quote}\n"


def text_part(text: str, *, subtype: str = "plain", charset: str = "utf-8", cte: str = "") -> Message:
    """A text part in exactly this charset and transfer encoding (by default what a mail program would choose)."""
    part = Message(policy=compat32)
    part["Content-Type"] = f'text/{subtype}; charset="{charset}"'
    octets = text.encode(charset, "replace")
    dense = sum(octet > 126 for octet in octets) * 4 > len(octets)
    cte = cte or ("7bit" if octets.isascii() else "base64" if dense else "quoted-printable")
    part["Content-Transfer-Encoding"] = cte
    if cte == "base64":
        part.set_payload(base64.encodebytes(octets).decode("ascii"))
    elif cte == "quoted-printable":
        part.set_payload(quopri.encodestring(octets).decode("ascii"))
    else:
        part.set_payload(octets.decode("ascii", "surrogateescape"))
    return part


def flowed(text: str) -> str:
    """Lines of one paragraph end in a space (RFC 3676), quotes keep their depth."""
    lines = text.split("\n")
    out = []
    for line, following in zip(lines, [*lines[1:], ""], strict=True):
        same = re.match(r">*", line).group() == re.match(r">*", following).group()  # type: ignore[union-attr]
        soft = len(line) > 40 and same and following.lstrip("> ") and not following.startswith(" ")
        out.append(f"{line} " if soft else line)
    return "\n".join(out)


def simple_html(letter: Letter) -> str:
    """What a mail program makes of a few paragraphs."""
    direction = ' dir="rtl"' if letter.lang in RTL else ""
    body = "".join(
        f"<p>{'<br>'.join(map(escape, paragraph.splitlines()))}</p>" for paragraph in letter.text.strip().split("\n\n")
    )
    quote = ""
    if letter.quoted is not None:
        inner = escape(letter.quoted.text.strip()).replace("\n", "<br>")
        quote = f'<blockquote type="cite" style="border-left:2px solid #9ab;padding-left:12px">{inner}</blockquote>'
    return (
        f'<html lang="{letter.lang}"{direction}><head><meta charset="utf-8"></head>'
        f'<body style="{HTML_STYLE}">{body}{quote}</body></html>\n'
    )


def container(subtype: str, parts: Iterable[Message], boundary: str) -> Message:
    message = Message(policy=compat32)
    message["Content-Type"] = f'multipart/{subtype}; boundary="{boundary}"'
    message.set_payload(list(parts))
    return message


def file_part(file: File, *, content_id: str = "") -> Message:
    part = Message(policy=compat32)
    part["Content-Type"] = file.type
    name: str | tuple[str, str, str] = file.name if file.name.isascii() else ("utf-8", "", file.name)
    part.add_header("Content-Disposition", "inline" if content_id else "attachment", filename=name)
    if content_id:
        part["Content-ID"] = f"<{content_id}>"
    if file.type == "message/rfc822":
        part.set_payload([message_from_bytes(file.data)])
    else:
        part.set_payload(file.data)
        encoders.encode_base64(part)
    return part


def _body(letter: Letter, boundary: str) -> Message:
    text = quoted_text(letter)
    if letter.html:
        template = (HERE / "html" / letter.html).read_text(encoding="utf-8")
        page = expand(template, when=letter.when, lang=letter.lang, values=letter.values)
        html = text_part(page, subtype="html", cte="quoted-printable")
        if "cid:mirror" in page:
            picture = File("mirror.png", "image/png", png(letter.subject, 600, 200))
            html = container("related", (html, file_part(picture, content_id="mirror")), f"{boundary}-r")
        return container("alternative", (text_part(text), html), f"{boundary}-a")
    if letter.style == "html":
        parts = (text_part(text), text_part(simple_html(letter), subtype="html"))
        return container("alternative", parts, f"{boundary}-a")
    if letter.style == "flowed":
        part = text_part(flowed(text), cte="7bit" if text.isascii() else "8bit")
        part.set_param("format", "flowed")
        return part
    cte = "8bit" if letter.style == "8bit" else letter.cte
    return text_part(text, charset=letter.charset, cte=cte)


def _header_charset(text: str, charset: str) -> str:
    """The letter's own charset where it has all the characters; header words in GB 18030 are hardly ever seen."""
    try:
        text.encode(charset)
    except UnicodeEncodeError:
        return "utf-8"
    return "utf-8" if charset == "gb18030" else charset


def _addresses(people: Iterable[Person], charset: str) -> str:
    return ",\n ".join(formataddr((one.name, one.mail), _header_charset(one.name, charset)) for one in people)


def _references(letter: Letter) -> list[str]:
    return [*_references(letter.quoted), letter.quoted.message_id] if letter.quoted else []


def address(message: Message, letter: Letter) -> None:
    """Put the letter's header fields before those of `message`, which is its finished body."""
    own = message.items()
    for name, _ in own:
        del message[name]
    charset = letter.charset
    message["Return-Path"] = f"<{letter.sender.mail}>"
    message["From"] = _addresses([letter.sender], charset)
    if letter.mailing_list:
        address = f"{letter.mailing_list}@lists.glacier.example"
        message["To"] = f"Ice core handling <{address}>"
        message["List-Id"] = f"Ice core handling <{letter.mailing_list}.lists.glacier.example>"
        message["List-Post"] = f"<mailto:{address}>"
        message["List-Unsubscribe"] = f"<mailto:{letter.mailing_list}-leave@lists.glacier.example>"
        message["Precedence"] = "list"
    else:
        message["To"] = _addresses(letter.to, charset)
    if letter.cc:
        message["Cc"] = _addresses(letter.cc, charset)
    tag = f"[{letter.mailing_list}] " if letter.mailing_list else ""
    subject = f"Re: {tag}{letter.subject[4:]}" if letter.subject.startswith("Re: ") else tag + letter.subject
    words = "us-ascii" if subject.isascii() else _header_charset(subject, charset)
    message["Subject"] = Header(subject, words, header_name="Subject").encode()
    message["Date"] = format_datetime(letter.when)
    message["Message-ID"] = letter.message_id
    if letter.quoted:
        message["In-Reply-To"] = letter.quoted.message_id
        message["References"] = "\n ".join(_references(letter))
    for name, value in letter.headers.items():
        message[name] = value
    message["MIME-Version"] = "1.0"
    for name, value in own:
        message[name] = value


def entity(letter: Letter) -> Message:
    """The letter's body with its attachments, without the header fields of the letter."""
    boundary = f"=_{letter.message_id[1:17]}"
    message = _body(letter, boundary)
    if letter.attach:
        files = [make(kind, Order(title, letter.text, letter.when)) for kind, _, title in map(_split, letter.attach)]
        message = container("mixed", (message, *map(file_part, files)), f"{boundary}-m")
    return message


def _split(name: str) -> tuple[str, str, str]:
    return name.partition(":")


def octets(message: Message) -> bytes:
    return message.as_bytes(policy=CRLF_POLICY)


def render(letter: Letter) -> bytes:
    message = entity(letter)
    address(message, letter)
    return octets(message)
