"""How many planted duplicates are found, and how many look-alikes are offered with them."""

from __future__ import annotations

import time
from collections import Counter

import pytest

from apps.auth.models import User
from apps.contacts.models import Change, Contact
from apps.contacts.services import duplicates, keeping
from apps.contacts.services.keeping import Doing
from tests.contacts.planting import KINDS, LOOK_ALIKES, PAIRS, Book, planted
from tests.contacts.world import book_of

pytestmark = pytest.mark.django_db


def keep(user: User, book: Book) -> dict[int, int]:
    """Save everybody; returns the places by the ids of the contacts."""
    shelf, places = book_of(user), {}
    for start in range(0, len(book.people), 500):
        part = book.people[start : start + 500]
        made = keeping.create_many(shelf, [("", each.values()) for each in part], Doing(user))
        places |= {contact.pk: start + at for at, contact in enumerate(made)}
    return places


def measured(user: User, book: Book) -> tuple[set[tuple[int, int]], str]:
    """(pairs that were found, by their places; what to print)."""
    places = keep(user, book)
    started, cost = time.monotonic(), time.process_time()
    found = duplicates.find(user.pk)
    took, cost = time.monotonic() - started, time.process_time() - cost
    pairs = {(min(a, b), max(a, b)) for each in found for a, b in [(places[each.one.pk], places[each.other.pk])]}
    lines = [
        f"{len(book.people):,} contacts, {len(found)} pairs offered in {took:.1f} s ({cost:.1f} s of processor time)"
    ]
    for title, planted_pairs in (("planted", book.pairs), ("look-alikes", book.look_alikes)):
        hits = Counter(kind for pair, kind in planted_pairs.items() if pair in pairs)
        lines.append(f"{title}: {sum(hits.values())} of {len(planted_pairs)}")
        lines += [f"  {kind:<32}{hits[kind]:>4} of {n}" for kind, n in Counter(planted_pairs.values()).items()]
    by_certainty = Counter(
        (each.certainty, pair in book.pairs)
        for each in found
        for pair in [tuple(sorted((places[each.one.pk], places[each.other.pk])))]
    )
    for word in dict.fromkeys(each.certainty for each in found):
        lines.append(f"  {word}: {by_certainty[word, True]} planted, {by_certainty[word, False]} others")
    lines.append(f"neither: {len(pairs - book.pairs.keys() - book.look_alikes.keys())}")
    return pairs, "\n".join(lines)


def test_every_kind_of_the_table_has_its_maker() -> None:
    assert KINDS["pairs"].keys() == PAIRS.keys() and KINDS["look_alikes"].keys() == LOOK_ALIKES.keys()
    assert sum(kind["count"] for kind in KINDS["pairs"].values()) == 500
    assert sum(kind["count"] for kind in KINDS["look_alikes"].values()) == 500
    one, other = planted(size=1000, part=0.1), planted(size=1000, part=0.1)
    assert one.people == other.people and one.pairs == other.pairs  # the same seed, the same book


def check(alice: User, book: Book) -> None:
    pairs, text = measured(alice, book)
    print(text)
    hits = len(book.pairs.keys() & pairs)
    assert hits >= 0.95 * len(book.pairs), text
    assert len(book.look_alikes.keys() & pairs) <= 0.1 * len(book.look_alikes), text
    assert len(pairs) <= 1.3 * len(book.pairs), text
    assert Contact.objects.kept().count() == len(book.people)  # nobody was merged by being found
    assert not Change.objects.exclude(kind=Change.Kind.CREATED).exists()


def test_planted_pairs_are_found_and_few_look_alikes_offered(alice: User) -> None:
    check(alice, planted(size=1000, part=0.2, seed=3))


@pytest.mark.soak
@pytest.mark.parametrize("seed", [1, 2])
def test_475_of_500_planted_pairs_among_10_000_are_found(alice: User, seed: int) -> None:
    check(alice, planted(size=10_000, seed=seed))
