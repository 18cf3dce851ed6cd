"""What a message says about the list it came by."""

from __future__ import annotations

from apps.mail.mime import authentication, headers, lists


def test_names_of_lists() -> None:
    for text, known in (
        ("Felt <felt.lists.test>", lists.ListId("felt.lists.test", "Felt")),
        ('"=?utf-8?q?F=C3=A9lt?=" <felt.lists.test>', lists.ListId("felt.lists.test", "Félt")),
        ("<felt.lists.test>", lists.ListId("felt.lists.test")),
        ("felt.lists.test", lists.ListId("felt.lists.test")),
        ("no list at all", None),
    ):
        assert lists.list_id(headers.parse(f"List-Id: {text}".encode())) == known
    nothing = lists.ways(headers.Header(), b"", authentication.Verdict())
    assert not nothing
