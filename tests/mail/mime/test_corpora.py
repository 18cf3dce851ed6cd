"""Every message that others have collected opens, in time, and nothing in it harms."""

from __future__ import annotations

from pathlib import Path

import pytest

from apps.mail.mime import build, decode, filenames, parse, render, select
from apps.mail.mime.snippet import LENGTH, snippet
from tests.mail.mime.support import CORPORA, bounded
from tests.mail.mime.test_render_html import assert_harmless

MESSAGES = sorted(path for path in CORPORA.rglob("*") if path.suffix in (".eml", ".msg", ".txt", ".mbox"))


@pytest.mark.parametrize(
    "path", MESSAGES or [None], ids=lambda path: str(path.relative_to(CORPORA)) if path else "none"
)
def test_messages_open(path: Path | None) -> None:
    if path is None:
        pytest.skip("shared corpora absent")
    with bounded():
        parsed = parse.parse(path.read_bytes())
        pages = []
        shown = 0
        for prefer in ("html", "plain"):
            for part in select.bodies(parsed.structure, prefer):
                octets = parsed.body(part.number)
                text = decode.text(part, octets)
                assert len(snippet(part, octets[:2048])) <= LENGTH
                shown += 1
                if part.type == "text/html":
                    pages.append(render.html(text, cid=lambda _id: None).html)
                else:
                    render.text(text, flowed=part.params.get("format") == "flowed")
        for part in select.attachments(parsed.structure):
            assert filenames.safe(part.filename, part.type)
            decode.payload(part, parsed.body(part.number))
            shown += 1
        build.from_draft(parsed)
        build.reply_recipients(parsed.header, own=["alice@example.test"], to_all=True)
    for page in pages:
        assert_harmless(page)
    assert shown or not parsed.body("1").strip()


def test_the_corpora_are_whole() -> None:
    if not MESSAGES:
        pytest.skip("shared corpora absent")
    assert len(MESSAGES) > 300
