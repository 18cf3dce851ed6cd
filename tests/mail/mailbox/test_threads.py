"""Which messages belong together: the algorithm alone, and beside Dovecot's own THREAD."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.mail.mailbox import threads
from apps.mail.mailbox.imap import threaded
from apps.mail.mailbox.threads import Forest, Linked, gather
from apps.mail.mime.subjects import base_subject, is_answer
from tests.mail.mailbox.conftest import Person

CORPORA = Path(__file__).resolve().parents[4] / "shared" / "corpora"


def told(uid: int, *references: int, subject: str = "", date: float | None = None, own: int | None = None) -> Linked:
    return Linked(
        uid,
        message_id=f"{uid if own is None else own}@x",
        references=tuple(f"{reference}@x" for reference in references),
        subject=base_subject(subject),
        is_answer=is_answer(subject),
        date=float(uid if date is None else date),
    )


def drawn(forest: Forest) -> list[list[tuple[int, int]]]:
    """Each thread as (depth, UID)."""
    found = []
    for thread in range(len(forest)):
        begin, end = forest.span(thread)
        found.append([(forest.depths[at], forest.uids[at]) for at in range(begin, end)])
    return found


def together(forest: Forest) -> set[frozenset[int]]:
    return {frozenset(forest.members(thread)) for thread in range(len(forest))}


def test_answers_stand_below_what_they_answer() -> None:
    assert drawn(gather([told(1), told(2, 1), told(3, 1, 2), told(4, 1), told(5)])) == [
        [(0, 1), (1, 2), (2, 3), (1, 4)],
        [(0, 5)],
    ]


def test_those_whose_first_message_is_gone_stay_together() -> None:
    assert drawn(gather([told(2, 1), told(3, 1), told(9, 7)])) == [[(0, 2), (0, 3)], [(0, 9)]]


def test_loops_and_double_names_end_nothing() -> None:
    assert together(gather([told(1, 2), told(2, 1), told(3, 3)])) == {frozenset({1, 2}), frozenset({3})}
    assert together(gather([told(1), told(2, own=1), told(3, 1)])) == {frozenset({1, 3}), frozenset({2})}


def test_subjects_join_what_names_no_message() -> None:
    letters = [
        told(1, subject="Felt"),
        told(2, subject="Felt"),
        told(3, subject="Re: felt"),
        told(4, 99, subject="Re: felt"),
    ]
    assert together(gather(letters, subjects=threads.NOTHING)) == {frozenset({n}) for n in (1, 2, 3, 4)}
    assert together(gather(letters)) == {frozenset({1, 3}), frozenset({2}), frozenset({4})}
    assert together(gather(letters, subjects=threads.EVERYTHING)) == {frozenset({1, 2, 3, 4})}


_UIDS = st.integers(1, 12)


@settings(max_examples=300, deadline=None)
@given(
    st.lists(
        st.tuples(st.lists(_UIDS, max_size=4), st.sampled_from(["", "a", "Re: a", "b", "Fwd: b"]), st.integers(0, 5)),
        max_size=12,
    ),
    st.sampled_from([threads.NOTHING, threads.ANSWERS, threads.EVERYTHING]),
    st.randoms(use_true_random=False),
)
def test_every_message_stands_once_below_its_like(
    made: list[tuple[list[int], str, int]], subjects: str, chance: random.Random
) -> None:
    letters = [
        told(uid, *references, subject=subject, date=date) for uid, (references, subject, date) in enumerate(made, 1)
    ]
    forest = gather(letters, subjects=subjects)
    assert sorted(forest.uids) == [letter.uid for letter in letters]
    assert len(forest.depths) == len(forest.uids)
    assert not len(forest) or forest.starts[0] == 0
    for thread in drawn(forest):
        assert thread[0][0] == 0
        assert all(after <= before + 1 for (before, _), (after, _) in pairwise(thread))
    whole = together(gather(letters, subjects=threads.NOTHING))
    assert all(any(part <= group for group in together(forest)) for part in whole), "subjects only join"
    shuffled = chance.sample(letters, len(letters))
    one_parent = all(len(letter.references) < 2 for letter in letters)
    if one_parent and subjects == threads.NOTHING and not _loops(letters):
        assert together(gather(shuffled, subjects=subjects)) == together(forest), "in whatever order they came"


def _loops(letters: Sequence[Linked]) -> bool:
    above = {letter.message_id: letter.references[-1] for letter in letters if letter.references}
    for name in above:
        seen = set()
        while name in above and name not in seen:
            seen.add(name)
            name = above[name]
        if name in seen:
            return True
    return False


def test_hostile_depth_takes_no_time() -> None:
    deep = [told(uid, uid - 1) for uid in range(1, 20_001)]
    forest = gather(deep)
    assert (len(forest), forest.depths[300]) == (1, threads.DEEPEST)
    assert threads.read([b"(" * 50_000 + b"1" + b")" * 50_000]).uids.tolist() == [1]


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        (b"(2)(3 6 (4 23)(44 7 96))", [[(0, 2)], [(0, 3), (1, 6), (2, 4), (3, 23), (2, 44), (3, 7), (4, 96)]]),
        (b"((3)(5 7))(9)", [[(0, 3), (0, 5), (1, 7)], [(0, 9)]]),
        (b"", []),
        (b"(1 (2)) 5 ) (6", [[(0, 1), (1, 2)]]),
        (b"(99999999999)", []),
    ],
)
def test_the_answer_of_a_server(line: bytes, wanted: list[list[tuple[int, int]]]) -> None:
    assert drawn(threads.read([line])) == wanted


# beside Dovecot


def mailboxes() -> Iterator[tuple[str, list[bytes]]]:
    yield "made", list(_made(random.Random(7), 300))
    for path in sorted((CORPORA / "imaptest-mbox").rglob("*.mbox"))[:40]:
        found = [part for part in re.split(rb"(?m)^From .*\r?\n", path.read_bytes()) if part.strip()]
        if len(found) > 1:
            yield path.name, found[:400]


def _made(chance: random.Random, count: int) -> Iterator[bytes]:
    for number in range(count):
        chain = sorted(chance.sample(range(count), chance.choice([0, 0, 1, 1, 2, 3])))
        chain = [other for other in chain if other < number or chance.random() < 0.05]
        field = chance.choice(["References", "References", "In-Reply-To"])
        head = f"From: a@x.test\nMessage-ID: <{number if chance.random() > 0.03 else 5}@x.test>\n"
        head += f"Subject: {chance.choice(['', 'Re: ', 'Fwd: ', '[x] Re: '])}{chance.choice('abcdefghijk')}\n"
        head += f"Date: {1 + number % 28} Mar 2025 08:{number % 60:02}:00 +0000\n"
        head += f"{field}: {' '.join(f'<{other}@x.test>' for other in chain)}\n" if chain else ""
        yield f"{head}\nwords\n".encode()


@pytest.mark.parametrize(("algorithm", "subjects"), [("REFS", threads.NOTHING), ("REFERENCES", threads.EVERYTHING)])
def test_dovecot_says_the_same(rich: Person, algorithm: str, subjects: str) -> None:
    same = total = 0
    store = rich.lease()
    for number, (name, letters) in enumerate(mailboxes()):
        store.create(f"box{number}")
        rich.deliver(*letters, mailbox=f"box{number}")
        selected = store._open(f"box{number}", None, news=True)
        raw = store.connection.execute(threaded.command("UID THREAD", threaded.guard.words(f"{algorithm} UTF-8 ALL")))
        theirs = together(threads.read(answer.data for answer in raw.named(b"THREAD")))
        read = threaded.read(store.connection, range(1, selected.exists + 1))
        ours = together(gather([read[uid] for uid in sorted(read)], subjects=subjects))
        group_of = {uid: group for group in theirs for uid in group}
        agree = sum(group_of[uid] == group for group in ours for uid in group)
        print(name, len(letters), agree)
        same, total = same + agree, total + len(letters)
    assert total > 250
    assert same >= 0.99 * total, (same, total)


def test_threads_without_what_has_gone_are_those_the_server_tells(rich: Person) -> None:
    """By leaves alone it is known here; with what stands below it is asked again."""
    chance = random.Random(3)
    rich.deliver(*_made(chance, 60))
    store, other = rich.lease(), rich.lease()
    selected = store._open("INBOX", None, news=True)
    left = list(range(1, 61))
    for _ in range(12):
        threaded.current(store.connection, store._memory)
        gone = [left.pop(chance.randrange(len(left))) for _ in range(chance.choice([1, 1, 3]))]
        other.expunge("INBOX", gone, uidvalidity=selected.uidvalidity)
        store._open("INBOX", None, news=True)
        known = threaded.current(store.connection, store._memory).forest
        raw = store.connection.execute(threaded.command("UID THREAD", threaded.guard.words("REFS UTF-8 ALL")))
        assert together(known) == together(threads.read(answer.data for answer in raw.named(b"THREAD")))
