"""What is done to messages and undone, in random order, beside a model that knows what must come of it."""

from __future__ import annotations

import contextlib
import random
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest

from apps.mail.mailbox.errors import NoSuchMessage
from apps.mail.mailbox.imap.store import ImapStore
from apps.mail.services import actions
from apps.mail.services.snoozing import Snooze
from apps.mail.services.steps import Chosen, Step
from tests.mail.mailbox.conftest import Person, letter

FOLDERS = ("INBOX", "Archive", "Trash", "Junk", "Projects")
LESSONS = {"$Junk", "$NotJunk", "\\Recent"}  # for filters and sessions
TARGETS = {  # of those that lead to no folder
    "label": ["$label1", "trip"],
    "unlabel": ["$label1", "trip"],
    "snooze": ["40000", "40001u", "77"],
}
KEYWORDS = {*TARGETS, "unsnooze", "pin", "unpin", "mute", "unmute"}
Message = tuple[str, frozenset[str]]  # subject and flags: copies of a message are alike until one is flagged


@dataclass
class Reality:
    """What the server has, read by a session of its own."""

    person: Person
    messages: dict[str, dict[int, Message]] = field(default_factory=dict)
    uidvalidity: dict[str, int] = field(default_factory=dict)

    def look(self) -> dict[str, Counter[Message]]:
        with self.person.server.session(self.person.login) as session:
            for name in FOLDERS:
                session.select(name, readonly=True)
                self.uidvalidity[name] = int(session.response("UIDVALIDITY")[1][0])
                _ok, lines = session.uid("FETCH", "1:*", "(FLAGS BODY.PEEK[HEADER.FIELDS (SUBJECT)])")
                self.messages[name] = dict(_message(line) for line in _joined(lines))
        return {name: Counter(found.values()) for name, found in self.messages.items()}


def _joined(lines: list[bytes | tuple[bytes, ...] | None]) -> list[bytes]:
    """One text for each FETCH: flags may stand before or behind the literal."""
    found: list[bytes] = []
    for line in lines:
        if isinstance(line, tuple):
            found.append(b" ".join(line))
        elif line and found:
            found[-1] += b" " + line
    return found


def _message(text: bytes) -> tuple[int, Message]:
    uid = int(re.search(rb"UID (\d+)", text)[1])
    flags = frozenset(re.search(rb"FLAGS \(([^)]*)\)", text)[1].decode().split()) - LESSONS
    return uid, (re.search(rb"Subject: (\S+)", text)[1].decode(), flags)


def run(person: Person, store: ImapStore, *, seed: int, steps: int) -> Counter[str]:
    """Raises where the server has anything else than the model; how often each action was done."""
    chance = random.Random(seed)
    for name in FOLDERS:
        person.server.append(person.login, letter(f"{name}-0"), letter(f"{name}-1"), letter(f"{name}-2"), mailbox=name)
    reality = Reality(person)
    now = reality.look()
    done: Counter[str] = Counter()
    for step in range(steps):
        source = chance.choice([name for name in FOLDERS if reality.messages[name]])
        impossible = {"delete"} if source == "Trash" else set()
        impossible |= set() if store.opened(source).takes("\\*") else KEYWORDS
        do = chance.choice(sorted(actions.ALL - impossible))
        targets = TARGETS.get(do) or [name for name in FOLDERS if name != source]
        target = chance.choice(targets)
        uids = chance.sample(sorted(reality.messages[source]), chance.randint(1, min(3, len(reality.messages[source]))))
        chosen = [reality.messages[source][uid] for uid in uids]
        expected = model(now, source, chosen, do, target)
        ways = act(store, Chosen(source, reality.uidvalidity[source], tuple(uids)), do, target)
        told = f"seed {seed}, step {step}: {do} {uids} of {source} to {target}"
        assert reality.look() == expected, told
        done[do] += 1
        if ways and chance.random() < 0.6:
            arrived = f"new-{step}"
            person.server.append(person.login, letter(arrived), mailbox=source)  # it is none of undo's business
            for _twice in range(chance.randint(1, 2)):
                take_back(store, ways)
            now[source][(arrived, frozenset())] += 1
            if do == "copy" and target != "Trash":  # there they go for ever
                now["Trash"] += Counter(chosen)
            assert reality.look() == now, f"{told}, undone"
            done["undo"] += 1
        else:
            now = expected
    return done


def act(store: ImapStore, chosen: Chosen, do: str, target: str) -> Sequence[Step]:
    """The way back."""
    (step,) = actions.planned(store, [chosen], do=do, target=target, known=actions.Known(store))
    return actions.take(store, step).ways


def take_back(store: ImapStore, ways: Sequence[Step]) -> None:
    for step in actions.planned_back(ways, actions.Known(store)):
        with contextlib.suppress(NoSuchMessage):  # it was taken back already
            actions.take(store, step)


def model(
    before: dict[str, Counter[Message]], source: str, chosen: list[Message], do: str, target: str
) -> dict[str, Counter[Message]]:
    after = {name: Counter(found) for name, found in before.items()}
    if do in actions.TARGET_ROLES:
        target = {"inbox": "INBOX"}.get(actions.TARGET_ROLES[do], actions.TARGET_ROLES[do].capitalize())
    for subject, flags in chosen:
        if do in actions.MARKS:
            flag, on = actions.MARKS[do]
            flag = flag or target
            after[source][(subject, flags)] -= 1
            after[source][(subject, flags | {flag} if on else flags - {flag})] += 1
            continue
        if do in actions.SNOOZES:
            bare = frozenset(flag for flag in flags if not flag.startswith("$snooze"))
            after[source][(subject, flags)] -= 1
            after[source][(subject, bare | set(Snooze.parse(target).keywords) if do == "snooze" else bare)] += 1
            continue
        if do != "copy":
            after[source][(subject, flags)] -= 1
        after[target][(subject, flags)] += 1
    return {name: +found for name, found in after.items()}


def test_a_few_actions_and_undos_do_what_the_model_says(person: Person, store: ImapStore) -> None:
    done = run(person, store, seed=3, steps=14)
    assert done["undo"] >= 3


@pytest.mark.soak
@pytest.mark.timeout(1800)
def test_many_actions_and_undos_do_what_the_model_says(person: Person, store: ImapStore) -> None:
    done = run(person, store, seed=2026, steps=500)
    print(", ".join(f"{count} {name}" for name, count in sorted(done.items())))
