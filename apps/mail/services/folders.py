"""The folder tree as people see it, and the mailboxes that play a role."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from apps.mail.mailbox.errors import MailboxExists, NoSuchMailbox
from apps.mail.mailbox.names import bare, is_an_inbox, prefix_of, shown
from apps.mail.mailbox.store import Mailbox, MailStore
from portal.contracts import Text

ROLE_LABELS: dict[str, Text] = {
    "inbox": _("Inbox"),
    "flagged": pgettext_lazy("folder", "Flagged"),
    "drafts": _("Drafts"),
    "sent": pgettext_lazy("folder", "Sent"),
    "archive": pgettext_lazy("folder", "Archive"),
    "junk": pgettext_lazy("folder", "Junk"),
    "trash": pgettext_lazy("folder", "Trash"),
    "all": _("All mail"),
}
ROLE_ICONS = {
    "inbox": "inbox",
    "flagged": "flag",
    "drafts": "file-pen-line",
    "sent": "send",
    "archive": "archive",
    "junk": "octagon-alert",
    "trash": "trash-2",
    "all": "mail",
}
#: What somebody can give a folder, in the order of the style sheet's hues.
COLOURS = ("red", "orange", "yellow", "green", "teal", "blue", "purple", "pink")
COLOUR_NAMES: dict[str, Text] = {
    "red": pgettext_lazy("colour", "red"),
    "orange": pgettext_lazy("colour", "orange"),
    "yellow": pgettext_lazy("colour", "yellow"),
    "green": pgettext_lazy("colour", "green"),
    "teal": pgettext_lazy("colour", "teal"),
    "blue": pgettext_lazy("colour", "blue"),
    "purple": pgettext_lazy("colour", "purple"),
    "pink": pgettext_lazy("colour", "pink"),
}
#: Where the keyboard leads.
ROLE_KEYS = {"inbox": "g i", "drafts": "g d", "sent": "g t", "flagged": "g s", "archive": "g a"}
#: What a mailbox for a role is called on the server when we have to make it: usual English names, as RFC 6154 uses.
ROLE_NAMES = {"drafts": "Drafts", "sent": "Sent", "archive": "Archive", "junk": "Junk", "trash": "Trash"}
#: So many are drawn in the column.
MOST_DRAWN = 1000
#: Beyond so many folders, only the way to the open one is unfolded.
UNFOLD_ALL = 40


def hue_class(colour: str) -> str:
    return f"h{COLOURS.index(colour) + 1}" if colour in COLOURS else ""


def label(mailbox: Mailbox) -> Text:
    return ROLE_LABELS.get(mailbox.role) or mailbox.leaf


def known_role(role: str | None) -> str:
    """What an address or a form says a folder is; "" where that is none of the roles."""
    return role if role in ROLE_LABELS else ""


def label_of(name: str, mailboxes: Sequence[Mailbox] = ()) -> Text:
    """A mailbox's label when only its name is known; INBOX is always the inbox."""
    found = next((mailbox for mailbox in mailboxes if mailbox.name == name), None)
    if found is not None:
        return label(found)
    return ROLE_LABELS["inbox"] if is_an_inbox(name) else shown(bare(name))


@dataclass(slots=True)
class Node:
    """A folder in the tree. ``mailbox`` is None for a level of the hierarchy that the server does not list itself."""

    name: str
    label: Text
    icon: str
    mailbox: Mailbox | None = None
    current: bool = False
    unfolded: bool = True
    depth: int = 0  # in the tree as drawn
    children: list[Node] = field(default_factory=list)

    @property
    def selectable(self) -> bool:
        return self.mailbox is not None and self.mailbox.selectable

    @property
    def role(self) -> str:
        return self.mailbox.role if self.mailbox else ""

    @property
    def hue(self) -> str:
        """The classes of its colour."""
        hue = hue_class(self.mailbox.colour if self.mailbox else "")
        return f"hued {hue}" if hue else ""

    @property
    def key(self) -> str:
        """The keystrokes that open it, "" for most."""
        return "" if prefix_of(self.name) else ROLE_KEYS.get(self.role, "")

    @property
    def unread(self) -> bool:
        """Drawn bold: something new is in it. What I wrote or threw away is never news."""
        return self.count > 0 and self.role not in {"drafts", "trash", "junk", "sent"}

    @property
    def count(self) -> int:
        """The number beside the name: unread messages; in Drafts, all of them."""
        status = self.mailbox.status if self.mailbox and self.mailbox.polled else None
        if status is None or self.role in {"sent", "trash"}:
            return 0
        return status.messages if self.role == "drafts" else status.unseen

    def walk(self) -> Iterator[Node]:
        yield self
        for child in self.children:
            yield from child.walk()


@dataclass(frozen=True, slots=True)
class Tree:
    roles: tuple[Node, ...]  # inbox, drafts, sent ...: above; what lies in them is folded away
    folders: tuple[Node, ...]  # the user's own, nested
    others: tuple[Node, ...] = ()  # people who share some of theirs, with these
    shared: tuple[Node, ...] = ()  # of all

    def walk(self) -> Iterator[Node]:
        for node in (*self.roles, *self.folders, *self.others, *self.shared):
            yield from node.walk()

    @property
    def current(self) -> Node | None:
        return next((node for node in self.walk() if node.current), None)


def tree(mailboxes: Sequence[Mailbox], *, current: str = "") -> Tree:
    """Nest the flat list of mailboxes by their delimiter. What lies below INBOX stands with the others."""
    nodes: dict[str, Node] = {}
    roles: list[Node] = []
    roots: list[Node] = []
    small = len(mailboxes) <= UNFOLD_ALL
    for mailbox in mailboxes:
        node = Node(
            name=mailbox.name,
            label=label(mailbox),
            icon=ROLE_ICONS.get(mailbox.role, "folder"),
            mailbox=mailbox,
            current=mailbox.name == current,
            unfolded=(small and not mailbox.role) or current.startswith(f"{mailbox.name}{mailbox.delimiter}"),
        )
        nodes[mailbox.name] = node
    for mailbox in mailboxes:
        node = nodes[mailbox.name]
        parent = mailbox.name.rpartition(mailbox.delimiter)[0] if mailbox.delimiter else ""
        if mailbox.role:
            roles.append(node)
        elif parent and not is_an_inbox(parent):
            _parent(nodes, roots, parent, mailbox.delimiter).children.append(node)
        else:
            roots.append(node)
    drawn = _apart(roles, roots, nodes, {mailbox.name: mailbox.kind for mailbox in mailboxes if mailbox.kind})
    for node in drawn.walk():
        for child in node.children:
            child.depth = node.depth + 1
    return drawn


def with_none_open(tree: Tree) -> Tree:
    """For a list that is that of no folder."""
    for node in tree.walk():
        node.current = False
    return tree


def _apart(roles: list[Node], roots: list[Node], nodes: dict[str, Node], kinds: dict[str, str]) -> Tree:
    """One's own folders, and those of others. What these all lie in is no folder: its name is a heading there."""
    found: dict[str, list[Node]] = {"": [], "others": [], "shared": []}
    for node in roots:
        kind = kinds.get(node.name) or next((kinds[each.name] for each in node.walk() if each.name in kinds), "")
        found[kind] += node.children if kind and not node.selectable and node.children else [node]
    for node in found["others"]:
        node.icon = "user" if node.icon == "folder" else node.icon
    return Tree(tuple(roles), tuple(found[""]), tuple(found["others"]), tuple(found["shared"]))


def drawn(mailboxes: Sequence[Mailbox], current: str = "") -> list[Mailbox]:
    """Those that the column has room for: the first ones, those with a role, and the open one with what it lies in."""
    return [
        mailbox
        for index, mailbox in enumerate(mailboxes)
        if index < MOST_DRAWN or mailbox.role or f"{current}{mailbox.delimiter}".startswith(_path(mailbox))
    ]


def _path(mailbox: Mailbox) -> str:
    return f"{mailbox.name}{mailbox.delimiter}"


def followed(mailboxes: Sequence[Mailbox], current: str = "") -> list[Mailbox]:
    """Those somebody is subscribed to, those with a role, the open one, and what these lie in."""
    wanted = [each for each in mailboxes if each.role or each.subscribed or each.name == current]
    names = {each.name for each in wanted}
    for each in wanted:
        above = each.name.rpartition(each.delimiter)[0] if each.delimiter else ""
        while above and above not in names:
            names.add(above)
            above = above.rpartition(each.delimiter)[0]
    return [mailbox for mailbox in mailboxes if mailbox.name in names]


def _parent(nodes: dict[str, Node], roots: list[Node], name: str, delimiter: str) -> Node:
    """The node above, made up where the server lists only what lies below it. Depth is bounded by the name's length."""
    if name not in nodes:
        nodes[name] = node = Node(name=name, label=shown(bare(name.rpartition(delimiter)[2]) or name), icon="folder")
        above = name.rpartition(delimiter)[0]
        if above and not is_an_inbox(above):
            _parent(nodes, roots, above, delimiter).children.append(node)
        else:
            roots.append(node)
    return nodes[name]


#: What people move mail to, by how often they mean it: into a draft or among what they sent, hardly ever.
_TARGET_ORDER = ("archive", "", "inbox", "junk", "trash", "sent", "drafts")


def targets(mailboxes: Sequence[Mailbox], *, source: str) -> tuple[Node, ...]:
    """Where messages of ``source`` can be moved to: each folder with those below it, the likely ones first."""
    offered = [known for known in mailboxes if known.selectable and known.name != source]
    drawn = tree(offered)
    nodes = sorted((*drawn.roles, *drawn.folders, *drawn.others, *drawn.shared), key=lambda node: _rank(node.role))
    return tuple(each for node in nodes for each in node.walk())


def _rank(role: str) -> int:
    return _TARGET_ORDER.index(role) if role in _TARGET_ORDER else len(_TARGET_ORDER)


def by_role(mailboxes: Sequence[Mailbox], role: str) -> Mailbox | None:
    return next((mailbox for mailbox in mailboxes if mailbox.role == role), None)


def role_of(mailboxes: Sequence[Mailbox], name: str) -> str:
    return next((mailbox.role for mailbox in mailboxes if mailbox.name == name), "")


def ensure_role(store: MailStore, role: str, mailboxes: Sequence[Mailbox] | None = None) -> str:
    """The name of the mailbox for a role of ``ROLE_NAMES``; it is made where the account has none yet."""
    known = store.mailboxes(status=False) if mailboxes is None else mailboxes
    found = by_role(known, role)
    if found is not None:
        return found.name
    name = f"{personal_prefix(known)}{ROLE_NAMES[role]}"
    try:
        store.create(name, role=role)
    except MailboxExists:
        return name  # another tab was first
    store.subscribe(name, on=True)
    return name


def append(store: MailStore, mailbox: str, octets: bytes, *, flags: Sequence[str]) -> tuple[int, int | None]:
    """Store a message in a folder with a role, which is made anew, once, where it has gone since it was listed."""
    try:
        return store.append(mailbox, octets, flags=flags)
    except NoSuchMailbox:
        with contextlib.suppress(MailboxExists):
            store.create(mailbox)
        return store.append(mailbox, octets, flags=flags)


def personal_prefix(mailboxes: Sequence[Mailbox]) -> str:
    """``INBOX.`` where a server keeps all personal folders below INBOX (Courier, Cyrus of old), else nothing but what
    names of the account begin with."""
    account = prefix_of(mailboxes[0].name) if mailboxes else ""
    others = [mailbox for mailbox in mailboxes if mailbox.role != "inbox" and not mailbox.kind]
    for mailbox in others:
        top, delimiter, _below = mailbox.name.partition(mailbox.delimiter or "\0")
        if not delimiter or not is_an_inbox(top):
            return account
    return others[0].name[: len(account) + 6] if others else account
