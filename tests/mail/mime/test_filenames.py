from __future__ import annotations

import unicodedata
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.mail.mime import filenames, headers
from tests.mail.mime.support import vectors


def is_safe(name: str) -> bool:
    return (
        name not in ("", ".", "..")
        and not set(name) & set('/\\:*?"<>|\0')
        and not any(
            unicodedata.category(char) in ("Cc", "Cf", "Cs", "Zl", "Zp") for char in name if char not in "\u200c\u200d"
        )
        and name[0] not in "-~. "
        and name[-1] not in ". "
        and len(name.encode()) <= 255
        and name.partition(".")[0].upper() not in {"CON", "PRN", "AUX", "NUL", "COM1", "LPT1"}
    )


@pytest.mark.parametrize("item", vectors("attachment_names"))
def test_names_from_strangers_become_safe(item: Any) -> None:
    name = filenames.safe(item["name"])
    assert is_safe(name)
    assert filenames.safe(name) == name
    value = filenames.content_disposition(name)
    assert value.startswith("attachment; ")
    assert value.isascii()
    assert value.isprintable()


@given(st.text(max_size=300), st.text(max_size=40))
def test_any_name_becomes_safe_once_and_for_all(name: str, type_: str) -> None:
    safe = filenames.safe(name, type_)
    assert is_safe(safe)
    assert filenames.safe(safe, type_) == safe


@given(st.text(min_size=1, max_size=80))
def test_the_disposition_brings_the_name_to_the_browser(name: str) -> None:
    safe = filenames.safe(name)
    value = filenames.content_disposition(safe)
    assert headers.parameters(value)[1]["filename"] == safe


@pytest.mark.parametrize(
    ("name", "type_", "safe"),
    [
        ("../../etc/passwd", "", "passwd"),
        ("C:\\docs\\x.txt", "", "x.txt"),
        ("你好.pdf", "", "你好.pdf"),
        ("e\u0301.txt", "", "é.txt"),
        ("\u202etxt.exe", "", "txt.exe"),
        (".htaccess", "", "htaccess"),
        ("nul.txt", "", "_nul.txt"),
        ("", "application/pdf", "attachment.pdf"),
        ("", "message/rfc822", "attachment.eml"),
        ("", "x/y", "attachment"),
        ("Q&A; it's fine.txt", "", "Q&A; it's fine.txt"),
    ],
)
def test_what_they_become(name: str, type_: str, safe: str) -> None:
    assert filenames.safe(name, type_) == safe


def test_long_names_keep_their_extension() -> None:
    safe = filenames.safe("ü" * 500 + ".pdf")
    assert safe.endswith("ü.pdf")
    assert len(safe.encode()) <= filenames.MAX_OCTETS


@given(st.lists(st.sampled_from(["a.pdf", "A.PDF", "a (2).pdf", "b", "tar.gz"]), max_size=12))
def test_unique_names_are_unique_without_case(names: list[str]) -> None:
    found = filenames.unique(names)
    assert len({name.casefold() for name in found}) == len(names)


def test_ten_thousand_equal_names_are_numbered() -> None:
    assert filenames.unique(["a.pdf"] * 10_000)[-1] == "a (10000).pdf"


@pytest.mark.parametrize(
    "type_", ["image/svg+xml", "text/html", "application/xhtml+xml", "text/xml", "application/pdf", "x"]
)
def test_active_types_are_never_inline(type_: str) -> None:
    assert not filenames.may_be_inline(type_)


@pytest.mark.parametrize("type_", ["text/html\r\nX: y", "<img src=x onerror=window.__xss(1)>", "", "a", "a/b; c"])
def test_what_is_no_type_is_octets(type_: str) -> None:
    assert filenames.content_type(type_) == "application/octet-stream"
