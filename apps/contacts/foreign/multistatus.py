"""Answers of WebDAV servers (RFC 4918 section 14.16), read with bounds and without what XML can do to its reader: a
document type, and with it every entity, ends the reading. No Django, no network."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from xml.parsers import expat

DAV = "DAV:"
CARD = "urn:ietf:params:xml:ns:carddav"
SERVER = "http://calendarserver.org/ns/"
MOST_NODES = 1_500_000  # of an answer: seven for each card of a list
MOST_DEPTH = 30


class Nonsense(Exception):
    """Not the XML that was asked for."""


@dataclass(slots=True)
class Node:
    name: str  # "DAV:href", "urn:ietf:params:xml:ns:carddav:address-data"
    children: list[Node] = field(default_factory=list)
    pieces: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        return "".join(self.pieces).strip()

    def all(self, name: str) -> Iterator[Node]:
        return (child for child in self.children if child.name == name)

    def first(self, name: str) -> Node | None:
        return next(self.all(name), None)

    def has(self, *path: str) -> bool:
        """Whether there is this child, with this child, and so on."""
        return not path or any(child.has(*path[1:]) for child in self.all(path[0]))


@dataclass(slots=True)
class Response:
    """One resource: its address as the server writes it, and what it says of it."""

    href: str
    status: int  # 0 where each property has one of its own
    props: dict[str, Node]  # those with status 200

    def text(self, name: str) -> str:
        found = self.props.get(name)
        return found.text if found else ""

    def href_in(self, name: str) -> str:
        """The first address in this property; "" where there is none."""
        return next(self.hrefs_in(name), "")

    def hrefs_in(self, name: str) -> Iterator[str]:
        found = self.props.get(name)
        return (node.text for node in found.all("DAV:href")) if found else iter(())

    @property
    def is_book(self) -> bool:
        kind = self.props.get("DAV:resourcetype")
        return kind is not None and kind.has(f"{CARD}:addressbook")


@dataclass(slots=True)
class Multistatus:
    responses: list[Response]
    sync_token: str = ""  # RFC 6578 section 6.4


def read(octets: bytes) -> Multistatus:
    """Raises ``Nonsense``."""
    root = tree(octets)
    if root.name != "DAV:multistatus":
        raise Nonsense(root.name)
    token = root.first("DAV:sync-token")
    return Multistatus([_response(node) for node in root.all("DAV:response")], token.text if token else "")


def tree(octets: bytes) -> Node:
    """Raises ``Nonsense``."""
    top = Node("")
    open_nodes, count = [top], 0
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.buffer_text = True

    def begin(name: str, _attributes: object) -> None:
        nonlocal count
        count += 1
        if count > MOST_NODES or len(open_nodes) > MOST_DEPTH:
            raise Nonsense("too much of it")
        space, _blank, local = name.rpartition(" ")
        node = Node(f"{space}{'' if space == DAV else ':'}{local}")
        open_nodes[-1].children.append(node)
        open_nodes.append(node)

    def refuse(*_arguments: object) -> None:
        raise Nonsense("a document type")

    parser.StartElementHandler = begin
    parser.EndElementHandler = lambda _name: open_nodes.pop()
    parser.CharacterDataHandler = lambda text: open_nodes[-1].pieces.append(text)
    parser.StartDoctypeDeclHandler = parser.EntityDeclHandler = refuse
    try:
        parser.Parse(octets, True)
    except (expat.ExpatError, ValueError) as error:  # ValueError: an encoding that nobody knows
        raise Nonsense(str(error)) from error
    return top.children[0]


def _response(node: Node) -> Response:
    href, status = node.first("DAV:href"), node.first("DAV:status")
    props: dict[str, Node] = {}
    for part in node.all("DAV:propstat"):
        said, prop = part.first("DAV:status"), part.first("DAV:prop")
        if prop is not None and (said is None or _number(said.text) == 200):
            props.update((each.name, each) for each in prop.children)
    return Response(href.text if href else "", _number(status.text) if status else 0, props)


def _number(line: str) -> int:
    """Of a status line: ``HTTP/1.1 200 OK``."""
    words = line.split()
    return int(words[1]) if len(words) > 1 and words[1].isascii() and words[1].isdecimal() else 0
