from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.mail.mime import select
from apps.mail.mime.parts import Part


def leaf(number: str, type_: str, *, size: int = 10, **given_: Any) -> Part:
    return Part(number=number, type=type_, size=size, **given_)


def multi(number: str, subtype: str, *children: Part, **given_: Any) -> Part:
    return Part(number=number, type=f"multipart/{subtype}", children=children, **given_)


def numbers(parts: tuple[Part, ...]) -> list[str]:
    return [part.number for part in parts]


PLAIN, HTML = leaf("1", "text/plain"), leaf("2", "text/html")


def test_the_preferred_form_of_an_alternative_is_shown_and_the_other_is_no_file() -> None:
    root = multi("", "alternative", PLAIN, HTML)
    assert numbers(select.bodies(root)) == ["2"]
    assert numbers(select.bodies(root, "plain")) == ["1"]
    assert select.attachments(root) == ()


@pytest.mark.parametrize("prefer", ["html", "plain"])
def test_a_form_with_nothing_in_it_is_no_form(prefer: str) -> None:
    """As Dovecot makes one up at the end where a boundary with "=" in it stands there without quotes."""
    root = multi("", "alternative", PLAIN, HTML, leaf("3", "text/plain", size=0))
    assert numbers(select.bodies(root, prefer)) == ["2" if prefer == "html" else "1"]
    assert select.attachments(root) == ()
    root = multi("", "alternative", leaf("1", "text/plain", size=0), leaf("2", "text/html", size=0))
    assert numbers(select.bodies(root, prefer)) == ["2" if prefer == "html" else "1"]
    assert numbers(select.bodies(multi("", "alternative", PLAIN, leaf("2", "text/html", size=0)), prefer)) == ["1"]


def test_an_invitation_in_an_alternative_is_a_file() -> None:
    root = multi("", "alternative", PLAIN, HTML, leaf("3", "text/calendar"))
    assert numbers(select.bodies(root)) == ["2"]
    assert numbers(select.attachments(root)) == ["3"]


def test_mixed_shows_its_texts_and_lists_the_rest_named_or_not() -> None:
    root = multi(
        "",
        "mixed",
        leaf("1", "text/plain"),
        leaf("2", "application/pdf", filename="a.pdf", disposition="attachment"),
        leaf("3", "image/png", disposition="inline"),
        leaf("4", "text/html"),
        leaf("5", "text/plain", disposition="attachment"),
        leaf("6", "text/plain", filename="notes.txt"),
        leaf("7", "application/octet-stream"),
    )
    assert numbers(select.bodies(root)) == ["1", "4"]
    assert numbers(select.attachments(root)) == ["2", "3", "5", "6", "7"]


def test_a_named_text_is_shown_and_a_file_unless_the_message_begins_with_it() -> None:
    named = {"filename": "a.txt", "disposition": "inline"}
    root = multi(
        "", "mixed", leaf("1", "text/plain", **named), leaf("2", "text/plain", **named), leaf("3", "text/html")
    )
    assert numbers(select.bodies(root)) == ["1", "2", "3"]
    assert numbers(select.attachments(root)) == ["2"]
    both = multi("", "alternative", leaf("1", "text/plain", **named), leaf("2", "text/html", **named))
    assert select.attachments(both) == ()


def test_pictures_of_related_html_are_inline() -> None:
    related = multi("2", "related", leaf("2.1", "text/html"), leaf("2.2", "image/png", content_id="a@b"))
    root = multi("", "alternative", PLAIN, related)
    assert numbers(select.bodies(root)) == ["2.1"]
    assert numbers(select.inline_images(root)) == ["2.2"]
    assert select.attachments(root) == ()


def test_pictures_sent_as_files_stay_files_although_they_have_an_id() -> None:
    image = leaf("2", "image/png", content_id="a@b", disposition="attachment", filename="a.png")
    root = multi("", "mixed", leaf("1", "text/html"), image)
    assert numbers(select.attachments(root)) == ["2"]


def test_the_root_of_related_is_the_named_start() -> None:
    root = multi(
        "",
        "related",
        leaf("1", "image/png", content_id="p@x"),
        leaf("2", "text/html", content_id="start@x"),
        params={"start": "<start@x>"},
    )
    assert numbers(select.bodies(root)) == ["2"]


def test_of_a_signed_message_the_content_is_shown_and_the_signature_is_a_file() -> None:
    root = multi(
        "", "signed", leaf("1", "text/plain"), leaf("2", "application/pgp-signature", filename="signature.asc")
    )
    assert numbers(select.bodies(root)) == ["1"]


def test_a_report_shows_its_explanation_and_its_details() -> None:
    root = multi(
        "", "report", leaf("1", "text/plain"), leaf("2", "message/delivery-status"), leaf("3", "message/rfc822")
    )
    assert numbers(select.bodies(root))[0] == "1"
    assert "3" in numbers(select.attachments(root))


def test_the_messages_of_a_digest_are_listed() -> None:
    inner = Part(number="1", type="message/rfc822", children=(leaf("1.1", "text/plain"),))
    root = multi("", "digest", inner)
    assert numbers(select.attachments(root)) == ["1"]


def test_what_lies_in_an_attached_message_is_not_shown_as_ours() -> None:
    inner = Part(number="2", type="message/rfc822", children=(leaf("2.1", "text/html"),))
    root = multi("", "mixed", PLAIN, inner)
    assert numbers(select.bodies(root)) == ["1"]
    assert numbers(select.attachments(root)) == ["2"]


@pytest.mark.parametrize("type_", ["application/pdf", "image/png", "message/rfc822", "application/octet-stream"])
def test_a_message_that_is_one_file(type_: str) -> None:
    root = leaf("1", type_)
    assert select.bodies(root) == ()
    assert numbers(select.attachments(root)) == ["1"]


TYPES = st.sampled_from(
    ["text/plain", "text/html", "image/png", "application/pdf", "text/calendar", "message/rfc822", "text/enriched"]
)
LEAVES = st.builds(
    lambda type_, disposition, filename, content_id, size: leaf(
        "x", type_, disposition=disposition, filename=filename, content_id=content_id, size=size
    ),
    TYPES,
    st.sampled_from(["", "inline", "attachment"]),
    st.sampled_from(["", "a.bin"]),
    st.sampled_from(["", "a@b", "c@d"]),
    st.sampled_from([0, 10]),
)
KINDS = st.sampled_from(["mixed", "alternative", "related", "signed", "report", "digest", "strange"])
TREES = st.recursive(
    LEAVES,
    lambda children: st.builds(lambda kind, parts: multi("x", kind, *parts), KINDS, st.lists(children, max_size=4)),
    max_leaves=12,
)


def numbered(part: Part, number: str = "") -> Part:
    children = tuple(
        numbered(child, f"{number}.{index}" if number else str(index)) for index, child in enumerate(part.children, 1)
    )
    return Part(
        number=number or ("" if part.is_multipart else "1"),
        type=part.type,
        disposition=part.disposition,
        filename=part.filename,
        content_id=part.content_id,
        size=part.size,
        children=children,
    )


@given(TREES)
def test_nothing_but_another_form_of_the_text_is_ever_out_of_reach(tree: Part) -> None:
    root = numbered(tree)
    reachable = {part.number for prefer in ("html", "plain") for part in select.bodies(root, prefer)}
    reachable |= set(numbers(select.attachments(root))) | set(numbers(select.inline_images(root)))
    for part in root.walk():
        if not part.is_multipart and (part.size or part.filename or not part.type.startswith("text/")):
            assert part.number in reachable, (part.type, part.number)
    shown = numbers(select.bodies(root))
    assert len(shown) == len(set(shown))
    both = [part for part in select.attachments(root) if part.number in shown]
    assert all(part.filename and part.number != shown[0] for part in both)
