"""Which messages belong together: the REFERENCES algorithm of RFC 5256 section 3, with Message-IDs alone or with
subjects besides; and the reading of a server's THREAD answer. Pure: no network, no Django.

It is linear but for the look for loops, which climbs from a parent to its root where the child has children already.
Nothing recurses, so hostile depth is no danger.
"""

from __future__ import annotations

import re
from array import array
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

#: What subjects join: nothing (as REFS); answers that name no message themselves; whatever has the same (RFC 5256).
NOTHING, ANSWERS, EVERYTHING = "nothing", "answers", "everything"
MOST_REFERENCES = 50  # of one message: its first ones and its last ones
DEEPEST = 255

_TOKEN = re.compile(rb"\d+|[()]")
_MESSAGE_ID = re.compile(r"<([^<>\s]{1,500})>")


@dataclass(frozen=True, slots=True)
class Linked:
    """What tells where a message belongs. Message-IDs are without their brackets."""

    uid: int
    message_id: str = ""
    references: tuple[str, ...] = ()  # from the oldest to the parent; of In-Reply-To where there is no References
    subject: str = ""  # the base subject (RFC 5256 section 2.1)
    is_answer: bool = False  # the subject says so: "Re:", "Fwd:"
    date: float = 0.0  # when it was sent


@dataclass(frozen=True, slots=True)
class Forest:
    """Threads one after the other, each as a tree from its root down, siblings from the oldest on."""

    uids: array[int]
    depths: bytes  # beside ``uids``: 0 for a root, at most ``DEEPEST``
    starts: array[int]  # where in ``uids`` each thread begins

    def __len__(self) -> int:
        return len(self.starts)

    def span(self, thread: int) -> tuple[int, int]:
        return self.starts[thread], self.starts[thread + 1] if thread + 1 < len(self.starts) else len(self.uids)

    def members(self, thread: int) -> Sequence[int]:
        begin, end = self.span(thread)
        return self.uids[begin:end]

    def at(self, place: int) -> int:
        """The thread of what stands at this place of ``uids``."""
        return bisect_right(self.starts, place) - 1

    def by_uid(self) -> dict[int, int]:
        """The thread of each message."""
        found: dict[int, int] = {}
        for thread in range(len(self.starts)):
            found |= dict.fromkeys(self.members(thread), thread)
        return found


def message_ids(text: str) -> tuple[str, ...]:
    """Those in a header field, in their order, each once. What is too long is no Message-ID."""
    return tuple(dict.fromkeys(_MESSAGE_ID.findall(text)))


def references_of(references: str, in_reply_to: str) -> tuple[str, ...]:
    """Of the two fields; of In-Reply-To only the first counts (RFC 5256: it may name others)."""
    found = message_ids(references)
    if not found:
        return message_ids(in_reply_to)[:1]
    half = MOST_REFERENCES // 2
    return found if len(found) <= MOST_REFERENCES else (*found[:half], *found[-half:])


def read(data: Iterable[bytes]) -> Forest:
    """THREAD answers (RFC 5256 section 5): ``(2)(3 6 (4 23)(44 7 96))``. What makes no sense ends the reading."""
    uids, depths, starts = array("I"), bytearray(), array("I")
    for line in data:
        depth, levels, begins = 0, list[int](), False
        for token in _TOKEN.findall(line):
            if token == b"(":
                if not levels:
                    depth, begins = 0, True
                levels.append(depth)
            elif token == b")":
                if not levels:
                    break
                depth = levels.pop()
            elif levels and len(token) <= 10 and 0 < (uid := int(token)) < 2**32:
                if begins:
                    starts.append(len(uids))
                    begins = False
                uids.append(uid)
                depths.append(min(depth, DEEPEST))
                depth += 1
    return Forest(uids, bytes(depths), starts)


def gather(messages: Sequence[Linked], *, subjects: str = ANSWERS) -> Forest:
    """``messages``: in the order of the mailbox, which decides between those of one date."""
    trees = _Trees(messages)
    trees.link()
    trees.prune()
    if subjects != NOTHING:
        trees.join(everything=subjects == EVERYTHING)
    return trees.flattened()


class _Trees:
    """Nodes are numbers: those of ``messages``, then those that are only referred to ("dummies")."""

    def __init__(self, messages: Sequence[Linked]) -> None:
        self.messages = messages
        self.parent: list[int] = [-1] * len(messages)
        self.children: list[list[int]] = [[] for _ in messages]
        self.roots: list[int] = []

    # step 1: links

    def link(self) -> None:
        known: dict[str, int] = {}
        for node, message in enumerate(self.messages):
            if message.message_id:
                known.setdefault(message.message_id, node)  # another one of that name stands for itself
        for node, message in enumerate(self.messages):
            chain = [self._node(known, name) for name in message.references if name != message.message_id]
            for above, below in pairwise(chain):
                if self.parent[below] < 0 and above != below and not self._is_above(below, above):
                    self._put(below, above)
            self._cut(node)
            if chain and not self._is_above(node, chain[-1]):
                self._put(node, chain[-1])

    def _node(self, known: dict[str, int], name: str) -> int:
        node = known.setdefault(name, len(self.parent))
        if node == len(self.parent):
            self._new()
        return node

    def _new(self) -> int:
        self.parent.append(-1)
        self.children.append([])
        return len(self.parent) - 1

    def _is_above(self, node: int, other: int) -> bool:
        """Whether ``other`` is ``node`` or below it: then it cannot be its parent."""
        if not self.children[node]:
            return node == other
        while other >= 0:
            if other == node:
                return True
            other = self.parent[other]
        return False

    def _put(self, node: int, parent: int) -> None:
        self.parent[node] = parent
        self.children[parent].append(node)

    def _cut(self, node: int) -> None:
        if self.parent[node] >= 0:
            self.children[self.parent[node]].remove(node)
            self.parent[node] = -1

    def is_dummy(self, node: int) -> bool:
        return node >= len(self.messages)

    # steps 2 to 4: what is only referred to goes, but for a root with several children

    def prune(self) -> None:
        roots = [node for node, parent in enumerate(self.parent) if parent < 0]
        for node in reversed(list(self._walk(roots))):  # children before their parents
            kept: list[int] = []
            for child in self.children[node]:
                kept += self.children[child] if self.is_dummy(child) else [child]
            self.children[node] = kept
        self.roots = []
        for root in roots:
            if not self.is_dummy(root) or len(self.children[root]) > 1:
                self.roots.append(root)
            else:
                self.roots += self.children[root]
        self.roots.sort(key=self._date)

    def _walk(self, roots: Iterable[int]) -> Iterator[int]:
        stack = list(roots)[::-1]
        while stack:
            node = stack.pop()
            yield node
            stack.extend(reversed(self.children[node]))

    def _date(self, node: int) -> tuple[float, int]:
        """Of a dummy: of its first child."""
        if self.is_dummy(node):
            return min(map(self._date, self.children[node]), default=(0.0, 0))
        return self.messages[node].date, node

    # step 5: subjects

    def join(self, *, everything: bool) -> None:
        table: dict[str, int] = {}
        for root in self.roots:
            subject = self._first(root).subject
            known = table.get(subject)
            if subject and (known is None or self._serves_better(root, known)):
                table[subject] = root
        gone: set[int] = set()
        for root in list(self.roots):
            known = table.get(self._first(root).subject)
            if known is None or known == root or not (everything or self._is_lost(root)):
                continue
            gone.add(root)
            if self.is_dummy(known):
                self.children[known] += self.children[root] if self.is_dummy(root) else [root]
            elif not self.is_dummy(root) and self._first(root).is_answer and not self._first(known).is_answer:
                self.children[known].append(root)
            else:
                both = self._new()
                self.children[both] = [known, *(self.children[root] if self.is_dummy(root) else [root])]
                gone.add(known)
                self.roots.append(both)
                table[self._first(root).subject] = both
        self.roots = [root for root in self.roots if root not in gone]

    def _serves_better(self, root: int, known: int) -> bool:
        if self.is_dummy(known):
            return False
        return self.is_dummy(root) or (self._first(known).is_answer and not self._first(root).is_answer)

    def _is_lost(self, root: int) -> bool:
        return not self.is_dummy(root) and self._first(root).is_answer and not self._first(root).references

    def _first(self, root: int) -> Linked:
        while self.is_dummy(root):
            root = min(self.children[root], key=self._date)
        return self.messages[root]

    # step 6

    def flattened(self) -> Forest:
        uids, depths, starts = array("I"), bytearray(), array("I")
        for root in sorted(self.roots, key=self._date):
            starts.append(len(uids))
            stack = [(root, 0)]
            while stack:
                node, depth = stack.pop()
                below = depth
                if not self.is_dummy(node):
                    uids.append(self.messages[node].uid)
                    depths.append(min(depth, DEEPEST))
                    below = depth + 1
                stack += [(child, below) for child in sorted(self.children[node], key=self._date, reverse=True)]
        return Forest(uids, bytes(depths), starts)
