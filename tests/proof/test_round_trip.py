"""Well-formed messages, answered and passed on through the writing page and SMTP, keep every code point of their texts
and every octet of their files. A few in each run, 400 in `make soak`.

Which ones: all of the collections and of the demo's mail that ``independent.is_well_formed`` takes, each once, in the
order of their names. What must arrive is read by ``independent``, not by the portal. Blanks at line ends are no
part of it (format=flowed gives them a meaning), nor is the layout of HTML: its visible characters are.
"""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from html import unescape
from pathlib import Path

import pytest

from apps.mail.services import stores
from tests.mail.conftest import send_at_once
from tests.mail.desk import Writer
from tests.mail.mime.support import CORPORA
from tests.proof import mutations
from tests.proof.collected import FOLDERS, messages
from tests.proof.conftest import SignInTo
from tests.proof.independent import Node, holds_lines, is_well_formed, is_within, lines, read, visible
from tests.support.mailserver import MailServer, crlf
from tests.support.receiver import SmallPost, arrived

pytestmark = [pytest.mark.needs_app("mail"), pytest.mark.django_db]
SEED, SAMPLE, ALL = 20261126, 20, 400
_EDITED = re.compile(r'<input type="hidden" name="html" value="([^"]*)"')  # what the editor is given
WAYS = ("reply", "reply rich", "forward", "forward rich", "forward_attached")


@cache
def well_formed() -> dict[str, bytes]:
    """By name, with CRLF line ends; the collections first."""
    collected = {name: octets for folder in FOLDERS for name, octets in messages(folder).items()}
    found: dict[str, bytes] = {}
    known: set[bytes] = set()
    for name, octets in [*sorted(collected.items()), *mutations.pool("own").items()]:
        raw = crlf(octets)
        if raw not in known and (name in collected or name.startswith("demo#")) and is_well_formed(raw):
            known.add(raw)
            found[name] = raw
    return found


@pytest.fixture
def writer(dovecot: MailServer, sign_in_to: SignInTo, settings, tmp_path: Path) -> Iterator[Writer]:
    """Somebody whose mail goes out at once, to a receiver that keeps the octets as they were sent."""
    stores.pool()
    settings.DATA_DIR = tmp_path
    person = sign_in_to(dovecot)
    send_at_once(person)
    post = SmallPost(dovecot.password)
    post.start()
    settings.SMTP_URL = post.url
    yield Writer(person, post)
    post.stop()


def sent(writer: Writer, uid: int, way: str) -> Node:
    """What arrives when this message is answered or passed on like that."""
    name, _blank, rich = way.partition(" ")
    page = writer.on(name, uid, **({"format": "html"} if rich else {}))
    somebody = writer.post.new_login()
    given = {"to": f"{somebody}@example.test", "cc": "", "bcc": "", "reminded": "yes"}
    if page.value("format") == "html":
        given["html"] = unescape(_EDITED.findall(page.html)[0])
    answer = page.press(**given)
    assert answer.said == ["Message sent."], answer.errors
    return read(arrived(writer.post, somebody)[0])


def missing(original: Node, raw: bytes, arrived: Node, way: str) -> list[str]:
    """What of the original has not come along."""
    if way == "forward_attached":
        whole = Node("message/rfc822", {}, True, raw).digest
        return [] if any(leaf.digest == whole for leaf in arrived.leaves()) else ["the message"]
    texts = [leaf for leaf in arrived.leaves() if leaf.is_text and not leaf.named]
    files = Counter(leaf.digest for leaf in arrived.leaves())
    quoted = way.startswith("reply")

    def shows(leaf: Node) -> bool:
        if leaf.type != "text/html":
            wanted = [(depth + quoted, text) for depth, text in lines(leaf)]
            plain = visible_text("\n".join(">" * depth + text for depth, text in lines(leaf)))
            return any(
                holds_lines(lines(text), wanted) if text.type == "text/plain" else plain in visible(text.text)
                for text in texts
            )
        return any(
            is_within(visible(leaf.text), visible_text(text.text))
            if text.type == "text/plain"
            else visible(leaf.text) in visible(text.text)
            for text in texts
        )

    def lost(node: Node) -> list[str]:
        if node.type == "multipart/alternative":  # the same in several forms: one of them, and whatever is no text
            forms = [lost(child) for child in node.children]
            files_lost = [name for child in node.children for name in lost_files(child)]
            return files_lost or min(forms, key=len, default=[])
        if node.children:
            return [name for child in node.children for name in lost(child)]
        if node.is_text and (not node.named or quoted):
            return [] if shows(node) or (not quoted and files[node.digest]) or (quoted and node.named) else [node.type]
        return [] if quoted or files[node.digest] else [node.type]

    def lost_files(node: Node) -> list[str]:
        return [leaf.type for leaf in node.leaves() if not quoted and not leaf.is_text and not files[leaf.digest]]

    return lost(original)


def visible_text(text: str) -> str:
    return "".join(text.split())


def run(writer: Writer, chosen: dict[str, bytes], ways: dict[str, tuple[str, ...]]) -> None:
    uids = dict(zip(chosen, writer.person.receive(*chosen.values()), strict=True))
    wrong: list[str] = []
    done: Counter[str] = Counter()
    characters = octets = files = 0
    for name, raw in chosen.items():
        original = read(raw)
        for leaf in original.leaves():
            characters += len(leaf.text) if leaf.is_text and not leaf.named else 0
            files += leaf.named or not leaf.is_text
            octets += len(leaf.octets) if leaf.named or not leaf.is_text else 0
        for way in ways[name]:
            done[way] += 1
            try:
                found = missing(original, raw, sent(writer, uids[name], way), way)
            except AssertionError as error:
                found = [repr(error)[:300]]
            wrong += [f"{name} {way}: {what}" for what in found]
    ours = sum(name.startswith("demo#") for name in chosen)
    print(f"{len(chosen)} messages ({len(chosen) - ours} of the collections, {ours} of the demo), {dict(done)}")
    print(f"{characters} code points of text, {files} files with {octets} octets")
    assert not wrong, "\n".join(wrong)


def test_a_sample_keeps_everything(writer: Writer) -> None:
    if not CORPORA.is_dir():
        pytest.skip("shared corpora absent")
    names = random.Random(SEED).sample(list(well_formed()), SAMPLE)
    chosen = {name: well_formed()[name] for name in names}
    run(writer, chosen, {name: (WAYS[at % len(WAYS)],) for at, name in enumerate(names)})


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_all_keep_everything(writer: Writer) -> None:
    if not CORPORA.is_dir():
        pytest.skip("shared corpora absent")
    chosen = well_formed()
    assert len(chosen) >= ALL
    run(writer, chosen, dict.fromkeys(chosen, WAYS))


def test_what_is_missing_is_found() -> None:
    """That the proof bites."""
    raw = (
        b'Content-Type: multipart/mixed; boundary="b"\r\n\r\n--b\r\n\r\nOne\r\nTwo\r\n--b\r\n'
        b"Content-Type: image/png\r\n\r\nPNG\r\n--b--\r\n"
    )
    original = read(raw)
    assert missing(original, raw, original, "forward") == []
    assert missing(original, raw, read(raw.replace(b"Two", b"Tow")), "forward") == ["text/plain"]
    assert missing(original, raw, read(raw.replace(b"PNG", b"PNg")), "forward") == ["image/png"]
    assert missing(original, raw, read(b"\r\n> One\r\n> Two\r\n"), "reply") == []
    assert missing(original, raw, read(b"\r\n> One\r\nTwo\r\n"), "reply") == ["text/plain"]
