"""Messages made worse, each again the same from its seed and number.

python -m tests.proof.mutations POOL SEED NUMBER    writes that one to standard output
"""

from __future__ import annotations

import hashlib
import random
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache

from demo.content import messages as demo_messages
from tests.mail.mime.support import CORPORA
from tests.proof.collected import FOLDERS, messages
from tests.support.vectors import items

MOST = 6 * 1024 * 1024  # octets of one mutation
HTML_VECTORS = ("html_xss", "html_leaks", "ui_redress")
Change = Callable[[random.Random, bytes, bytes], bytes]

_FIELD = re.compile(rb"^[!-9;-~]+:.*(?:\r?\n[ \t].*)*\r?\n", re.MULTILINE)
_CHARSETS = (
    b"utf-8 utf-7 utf-16 utf-32 us-ascii iso-8859-1 iso-2022-jp iso-2022-kr iso-2022-cn hz gb18030 big5 euc-jp cp932 "
    b"koi8-r cp1252 cp037 zip rot13 idna punycode unicode_escape undefined x-unknown _ 8bit utf-8;format=flowed"
).split()
_ENCODINGS = b"7bit 8bit binary base64 quoted-printable x-uuencode uuencode x-nothing base64base64 BASE64; ?".split()
_TYPES = (
    b"text/plain text/html text/enriched text/calendar multipart/mixed multipart/alternative multipart/related "
    b"multipart/digest multipart/signed multipart/report message/rfc822 message/global message/delivery-status "
    b"message/partial message/external-body image/png image/svg+xml application/octet-stream application/pgp-encrypted "
    b"text text/ /plain multipart text/plain;text/html */*"
).split()
_NASTY = (
    b"",
    b'"',
    b"<<a@[x>",
    b"((((((" * 400,
    b'"a"' * 3000,
    b"a@b, " * 3000,
    b"<" * 5000,
    b"=?utf-8?B?" * 500,
    b"=?utf-8?Q?=C3?= =?utf-8?Q?=A4?=",
    b"=?x-none?B?////?=",
    b"=?utf-7?Q?+2D3eAA-?=",
    b"=?iso-2022-jp?B?GyRC?=",
    b"Mon, 99 Foo 0000 99:99:99 +9999",
    b"Mon, 1 Jan 0001 00:00:00 +1400",
    b"Fri, 31 Dec 9999 23:59:59 -1200",
    b"\xff\xfe\x00\x80",
    b"\xe2\x80\xae\xe2\x80\x8b\xf0\x9f\x98\x80",
    b"text/plain; charset*0*=utf-8''%FF%FE; charset*1*=%00",
    b"attachment; filename*=utf-8''..%2F..%2Fetc%2Fpasswd%00.png; filename=\"\\\\..\\con\"",
    b"attachment" + b"; filename*9999=x" * 400,
    b"multipart/mixed; boundary=",
    b'multipart/mixed; boundary=" "',
    b"x" * 70_000,
    b"x y\r\n " * 4000,
)


@dataclass(frozen=True, slots=True)
class Mutation:
    octets: bytes
    kinds: tuple[str, ...]  # what was done, in order
    base: str  # the name of the message it was done to


# --- what there is to begin with --------------------------------------------------------------------------------------


@cache
def pool(name: str) -> dict[str, bytes]:
    """ "own": the demo's mail and the vectors as messages; "corpora": those and what others have collected."""
    found = _demo() | _vectors()
    if name == "corpora":
        for folder in FOLDERS:
            found |= messages(folder)
    return found


def there(name: str) -> bool:
    return name == "own" or CORPORA.is_dir()


def _demo() -> dict[str, bytes]:
    """Without what is signed anew in each run."""
    mail = demo_messages(datetime(2026, 11, 23, 14, 30, tzinfo=UTC))
    return {f"demo#{at}": one.raw for at, one in enumerate(mail) if b"pkcs7-signature" not in one.raw}


def _vectors() -> dict[str, bytes]:
    found = {}
    for file in (*HTML_VECTORS, "text_channels", "attachment_names"):
        for item in items(file):
            found[item["id"]] = _message_of(item)
    return found


def _message_of(item: dict[str, str]) -> bytes:
    value = item.get("html") or item.get("value") or item.get("name") or ""
    octets = value.encode("utf-8", "surrogatepass")
    line = octets.replace(b"\r", b" ").replace(b"\n", b" ")
    head = b"From: Somebody <somebody@example.test>\r\nTo: alice@example.test\r\nMIME-Version: 1.0\r\n"
    if "html" in item:
        return head + b"Subject: Vector\r\nContent-Type: text/html; charset=utf-8\r\n\r\n" + octets + b"\r\n"
    return (
        (head + b"Subject: " + line + b'\r\nContent-Type: multipart/mixed; boundary="b"\r\n\r\n--b\r\n\r\n' + octets)
        + b'\r\n--b\r\nContent-Type: image/png; name="'
        + line
        + b'"\r\n\r\nPNG\r\n--b--\r\n'
    )


# --- what is done to it -----------------------------------------------------------------------------------------------


def mutation(name: str, seed: int, number: int) -> Mutation:
    """The mutation of this number, from the pool of this name."""
    # not hash(): that differs from run to run
    rng = random.Random(int.from_bytes(hashlib.sha256(f"{name} {seed} {number}".encode()).digest()[:8]))
    known = pool(name)
    names = sorted(known)
    base = rng.choice(names)
    octets, other = known[base], known[rng.choice(names)]
    kinds = rng.choices(list(CHANGES), weights=[weight for _change, weight in CHANGES.values()], k=rng.randint(1, 4))
    for kind in kinds:
        octets = CHANGES[kind][0](rng, octets, other)[:MOST]
    return Mutation(octets, tuple(kinds), base)


def _place(rng: random.Random, octets: bytes) -> int:
    """Anywhere, in half of all cases near the beginning: there are the headers."""
    return rng.randint(0, min(len(octets), rng.choice((2000, len(octets)))))


def _bits(rng: random.Random, octets: bytes, _other: bytes) -> bytes:
    changed = bytearray(octets)
    for _count in range(rng.randint(1, 60) if changed else 0):
        changed[min(_place(rng, octets), len(changed) - 1)] ^= 1 << rng.randrange(8)
    return bytes(changed)


def _noise(rng: random.Random, octets: bytes, _other: bytes) -> bytes:
    at, size = _place(rng, octets), rng.choice((1, 10, 200, 5000))
    return octets[:at] + rng.randbytes(size) + octets[at + rng.choice((0, size)) :]


def _nul(rng: random.Random, octets: bytes, _other: bytes) -> bytes:
    for _count in range(rng.choice((1, 3, 30))):
        at = _place(rng, octets)
        octets = octets[:at] + b"\0" * rng.choice((1, 1, 100)) + octets[at:]
    return octets


def _cut(rng: random.Random, octets: bytes, _other: bytes) -> bytes:
    return octets[: _place(rng, octets)]


def _headless(rng: random.Random, octets: bytes, _other: bytes) -> bytes:
    return octets[_place(rng, octets) :]


def _splice(rng: random.Random, octets: bytes, other: bytes) -> bytes:
    return octets[: rng.randint(0, len(octets))] + other[rng.randint(0, len(other)) :]


def _repeat(rng: random.Random, octets: bytes, _other: bytes) -> bytes:
    start, stop = sorted((_place(rng, octets), rng.randint(0, len(octets))))
    times = rng.choice((2, 10, 300))
    return octets[:start] + octets[start:stop] * min(times, 1 + 2_000_000 // (stop - start + 1)) + octets[stop:]


def _shuffle(rng: random.Random, octets: bytes, _other: bytes) -> bytes:
    lines = octets.splitlines(keepends=True)
    start = rng.randint(0, len(lines))
    some = lines[start : start + rng.choice((5, 50, len(lines)))]
    rng.shuffle(some)
    return b"".join([*lines[:start], *some, *lines[start + len(some) :]])


def _with_field(rng: random.Random, octets: bytes, change: Callable[[bytes], bytes], name: bytes = b"") -> bytes:
    """With another one in the place of a header field, of the message or of a part of it."""
    fields = [found for found in _FIELD.finditer(octets) if found[0].lower().startswith(name.lower())]
    if not fields:
        return change(b"") + octets
    found = rng.choice(fields)
    return octets[: found.start()] + change(found[0]) + octets[found.end() :]


def _field_again(rng: random.Random, octets: bytes, _other: bytes) -> bytes:
    return _with_field(rng, octets, lambda field: field * rng.choice((2, 3, 600, 3000) if len(field) < 300 else (2, 3)))


def _field_gone(rng: random.Random, octets: bytes, _other: bytes) -> bytes:
    return _with_field(rng, octets, lambda _field: b"")


def _field_nasty(rng: random.Random, octets: bytes, _other: bytes) -> bytes:
    value = rng.choice(_NASTY)
    return _with_field(rng, octets, lambda field: (field.partition(b":")[0] or b"Subject") + b": " + value + b"\r\n")


def _field_from_elsewhere(rng: random.Random, octets: bytes, other: bytes) -> bytes:
    found = _FIELD.findall(other) or [b"X: y\r\n"]
    return _with_field(rng, octets, lambda field: field + rng.choice(found))


def _field_huge(rng: random.Random, octets: bytes, _other: bytes) -> bytes:
    name = rng.choice((b"Subject", b"From", b"To", b"References", b"Content-Type", b"X-Huge", b"Message-ID", b"Date"))
    piece = rng.choice(
        (b"x", b"word ", b"<a@b> ", b"a@b.test, ", b"=?utf-8?Q?=F0=9F=98=80?= ", b"(c) ", b"; a=b", b"\xe9")
    )
    size = rng.choice((1_000, 70_000, 400_000))
    value = piece * (size // len(piece))
    if rng.random() < 0.5:
        value = b"\r\n ".join(value[at : at + 900] for at in range(0, len(value), 900))
    return name + b": " + value + b"\r\n" + octets


def _charset(rng: random.Random, octets: bytes, _other: bytes) -> bytes:
    label = rng.choice(_CHARSETS)
    changed = re.sub(rb"(?i)charset=[^;\s]*", b"charset=" + label, octets, count=rng.choice((0, 1)))
    if changed == octets:
        changed = b"Content-Type: text/plain; charset=" + label + b"\r\n" + octets
    return changed


def _encoding(rng: random.Random, octets: bytes, _other: bytes) -> bytes:
    field = b"Content-Transfer-Encoding: " + rng.choice(_ENCODINGS) + b"\r\n"
    return _with_field(rng, octets, lambda _field: field, b"Content-Transfer-Encoding:")


def _type(rng: random.Random, octets: bytes, _other: bytes) -> bytes:
    kind = rng.choice(_TYPES)

    def change(field: bytes) -> bytes:
        parameters = field.partition(b";")[2]
        return b"Content-Type: " + kind + (b";" + parameters if parameters else b"\r\n")

    return _with_field(rng, octets, change, b"Content-Type:")


def _boundary(rng: random.Random, octets: bytes, _other: bytes) -> bytes:
    """Its lines gone, doubled, garbled, closed too early, or the declaration changed."""
    declared = re.findall(rb'(?i)boundary="?([^"\s;]+)', octets)
    if not declared:
        return b'Content-Type: multipart/mixed; boundary="x"\r\n' + octets
    mark = rng.choice(declared)
    new = rng.choice((b"", mark[:-1], mark + b"x", mark + b"--", mark.swapcase(), mark[:1] * 9000, b"\xff\x00", b"(*)"))
    where = [found.span() for found in re.finditer(re.escape(mark), octets)]
    pieces, end = [], 0
    for start, stop in sorted(rng.sample(where, rng.randint(1, len(where)))):
        pieces += [octets[end:start], new]
        end = stop
    return b"".join([*pieces, octets[end:]])


def _boundary_lines(rng: random.Random, octets: bytes, _other: bytes) -> bytes:
    declared = re.findall(rb'(?i)boundary="?([^"\s;]+)', octets) or [b"x"]
    line = b"\r\n--" + rng.choice(declared) + rng.choice((b"", b"--", b" ")) + b"\r\n"
    for _count in range(rng.choice((1, 5, 40))):
        at = rng.randint(0, len(octets))
        octets = octets[:at] + line + octets[at:]
    return octets


def _nested(rng: random.Random, octets: bytes, _other: bytes) -> bytes:
    """Wrapped in multiparts, or in messages."""
    depth = rng.choice((2, 10, 49, 51, 200, 1500))
    if rng.random() < 0.5:
        return b"Subject: in\r\nContent-Type: message/rfc822\r\n\r\n" * depth + octets
    kind = rng.choice((b"mixed", b"alternative", b"related", b"digest"))
    head = b"".join(
        b'Content-Type: multipart/%s; boundary="n%d"\r\n\r\n--n%d\r\n' % (kind, level, level) for level in range(depth)
    )
    tail = b"".join(b"\r\n--n%d--\r\n" % level for level in range(depth - 1, -1, -1))
    return head + octets + (tail if rng.random() < 0.7 else b"")


def _many_parts(rng: random.Random, octets: bytes, _other: bytes) -> bytes:
    count = rng.choice((20, 300, 3000, 6000))
    part = rng.choice(
        (
            b"--p\r\n\r\n",
            b"--p\r\nContent-Type: text/html\r\n\r\n<p>x\r\n",
            b'--p\r\nContent-Type: image/png; name="a.png"\r\n\r\nPNG\r\n',
            b"--p\r\nContent-Type: message/rfc822\r\n\r\nSubject: x\r\n\r\ny\r\n",
        )
    )
    return (
        b'Content-Type: multipart/mixed; boundary="p"\r\n\r\n' + part * count + b"--p\r\n" + octets + b"\r\n--p--\r\n"
    )


def _long_line(rng: random.Random, octets: bytes, _other: bytes) -> bytes:
    piece = rng.choice(
        (b"x", b"> ", b"<a>", b"word ", b"http://a.b/", b"=41", b"\xc3\xa4", b"&amp;", b"a@b.c ", b" ", b"-")
    )
    at = _place(rng, octets)
    return octets[:at] + piece * (rng.choice((2_000, 100_000, 1_500_000)) // len(piece)) + octets[at:]


def _line_ends(rng: random.Random, octets: bytes, _other: bytes) -> bytes:
    new = rng.choice((b"\n", b"\r", b"\r\r\n", b"\n\r", b"\x85", b"\x0b", b"\x0c"))
    odds = rng.choice((0.05, 1.0))
    return re.sub(rb"\r?\n", lambda found: new if rng.random() < odds else found[0], octets)


def _html(rng: random.Random, octets: bytes, other: bytes) -> bytes:
    """The message as HTML that is hard on whoever reads it, and then itself."""
    size = rng.choice((100, 5_000, 60_000))
    hard = rng.choice(
        (
            b"<div>" * size,
            b"<table><tr><td>" * size,
            b"<b><i><u><p>" * size,
            b"<a href='//x'>" * size,
            b"<blockquote>" * size,
            b"<ul><li>" * size,
            b"<img src=http://x/%d.png>" * size,
            b"<p style='" + b"color:red;" * size + b"'>",
            b"".join(b"<p style='width:%dpx'>x</p>" % at for at in range(size)),
            b"<style>" + b"".join(b".c%d > a ~ b + i{color:red}" % at for at in range(size)) + b"</style>",
            b"<style>" + b"@media all{" * size + b"</style>",
            b"<style>p" + b":not(p" * size + b"{}</style><p>x",
            b"<p title='" + b"&#x41;" * size + b"'>",
            b"<!--" * size,
            b"<p " + b" ".join(b"a%d=1" % at for at in range(size)) + b">",
            b"&" * size,
            b"<" * size,
            b"</p>" * size,
            b"<svg><math><style>" * size,
            b"<select><option>" * size,
            b"<font color=red>x" * size,
        )
    )
    return b"From: a@example.test\r\nSubject: hard\r\nContent-Type: text/html\r\n\r\n" + hard + octets


def _quotes(rng: random.Random, octets: bytes, _other: bytes) -> bytes:
    size = rng.choice((50, 3_000, 60_000))
    text = rng.choice(
        (
            b">" * size,
            b"> " * size,
            b"".join(b">" * (at % 60) + b" x\r\n" for at in range(size)),
            b"".join(b">" * rng.randint(0, 40) + b" flowed \r\n" for _at in range(size)),
            b"-- \r\n" * size,
            b"\r\n" * size,
            b"On Monday x wrote:\r\n" * size,
        )
    )
    head = b"From: a@example.test\r\nSubject: quotes\r\nContent-Type: text/plain; format=flowed; delsp=yes\r\n\r\n"
    return head + text + octets


#: By name: what is done, and how often compared with the others.
CHANGES: dict[str, tuple[Change, float]] = {
    "bits": (_bits, 3),
    "noise": (_noise, 3),
    "nul": (_nul, 2),
    "cut": (_cut, 2),
    "headless": (_headless, 1),
    "splice": (_splice, 3),
    "repeat": (_repeat, 0.7),
    "shuffle": (_shuffle, 2),
    "field again": (_field_again, 1.5),
    "field gone": (_field_gone, 2),
    "field nasty": (_field_nasty, 4),
    "field from elsewhere": (_field_from_elsewhere, 2),
    "field huge": (_field_huge, 0.5),
    "charset": (_charset, 3),
    "encoding": (_encoding, 3),
    "type": (_type, 3),
    "boundary": (_boundary, 3),
    "boundary lines": (_boundary_lines, 2),
    "nested": (_nested, 0.8),
    "many parts": (_many_parts, 0.3),
    "long line": (_long_line, 0.6),
    "line ends": (_line_ends, 1.5),
    "html": (_html, 0.7),
    "quotes": (_quotes, 0.5),
}


if __name__ == "__main__":
    sys.stdout.buffer.write(mutation(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])).octets)
