"""Words that are right although no dictionary has them: one's own, the site's, and people's names."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from django.contrib.auth.models import AbstractBaseUser
from django.db import IntegrityError, transaction
from django.db.models import QuerySet

from apps.spellcheck.engines import words
from apps.spellcheck.models import SiteWord, Word, key_of
from portal import addressing

MOST = 5000  # words of one person
MOST_OCTETS = 500_000  # of a file of them
BATCH = 500


def own(user: AbstractBaseUser) -> QuerySet[Word]:
    return Word.objects.filter(user=user.pk)


def known(user: AbstractBaseUser, asked: Collection[str]) -> set[str]:
    """Those of ``asked`` that are right."""
    keys = {word: key_of(word) for word in asked}
    entries = {row.key: [row] for row in SiteWord.objects.filter(key__in=keys.values())}
    for row in own(user).filter(key__in=keys.values()):
        entries.setdefault(row.key, []).append(row)  # type: ignore[arg-type]
    found = {word for word, key in keys.items() if any(row.allows(word) for row in entries.get(key, ()))}
    return found | addressing.names(user=user, words=[word for word in asked if word not in found])


def can_be_kept(word: str) -> str:
    """The word as it is kept; "" for what is none."""
    word = words.plain(" ".join(word.split()))
    if not 1 < len(word) <= words.LONGEST:
        return ""
    found = words.whole(word)
    return word if found else ""


def add(user: AbstractBaseUser, given: Iterable[str]) -> int:
    """How many are new. One in small letters takes the place of the same with capitals."""
    wanted = {key_of(word): word for word in map(can_be_kept, given) if word}
    if not wanted:
        return 0
    with transaction.atomic():
        there = {row.key: row for row in own(user).filter(key__in=wanted)}
        room = MOST - own(user).count()
        for key, row in there.items():
            if wanted[key] == wanted[key].lower() != row.word:
                row.word = wanted[key]
                row.save(update_fields=["word"])
        new = [Word(user_id=user.pk, word=word, key=key) for key, word in wanted.items() if key not in there][
            : max(room, 0)
        ]
        try:
            with transaction.atomic():
                Word.objects.bulk_create(new, batch_size=BATCH)
        except IntegrityError:  # another tab was quicker with one of them
            Word.objects.bulk_create(new, batch_size=BATCH, ignore_conflicts=True)
    return len(new)


def remove(user: AbstractBaseUser, pks: Collection[str]) -> int:
    numbers = [int(pk) for pk in pks if pk.isascii() and pk.isdecimal() and len(pk) < 16]
    return own(user).filter(pk__in=numbers).delete()[0]


def is_full(user: AbstractBaseUser) -> bool:
    return own(user).count() >= MOST


def as_text(user: AbstractBaseUser) -> str:
    """A word on each line, as other programs keep theirs."""
    return "".join(f"{word}\n" for word in own(user).order_by("word").values_list("word", flat=True))


def of_file(octets: bytes) -> list[str]:
    """Words of a file of another program: one on each line, with what some of them write around."""
    text = octets[:MOST_OCTETS].decode("utf-8", "replace").lstrip("\ufeff")
    lines = (line.strip().partition("/")[0].partition("\t")[0] for line in text.splitlines())
    return [line for line in lines if line and not line.startswith(("#", "personal_ws", "@"))]
