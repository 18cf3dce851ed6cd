"""Which parts of a message are its text, which are pictures in the text, and which are files."""

from __future__ import annotations

from collections.abc import Iterator

from apps.mail.mime.parts import Part

TEXT_TYPES = {"text/plain", "text/html"}
#: Texts that are shown when nothing better is there, as the plain text they are.
ALSO_TEXT = {"text/enriched", "text/richtext", "text/markdown", "text/x-markdown", "message/delivery-status"}
#: Of an alternative, the form that is shown; the others are the same in another dress, not files. Calendar parts are
#: kept as files, since an invitation is more than its text.
_RANK = {"html": ("text/html", "text/plain"), "plain": ("text/plain", "text/html")}


def bodies(structure: Part, prefer: str = "html") -> tuple[Part, ...]:
    """The parts to draw one below the other, in document order, alternatives resolved by ``prefer`` (html, plain)."""
    shown = tuple(_shown(structure, prefer))
    return shown or tuple(_first_text(structure))


def attachments(structure: Part) -> tuple[Part, ...]:
    """All leaves that are neither drawn in either form nor pictures of the HTML; and of those that are drawn, the files
    that a mailer put into the text: named, and below the text's beginning."""
    shown = [bodies(structure, prefer) for prefer in _RANK]
    first = {parts[0].number for parts in shown if parts}
    hidden = {part.number for parts in shown for part in parts if not part.filename} | first
    hidden |= {part.number for part in (*inline_images(structure), *_beside_files(structure))}
    found = []
    for part in _leaves(structure):
        if part.number in hidden or (part.type in {"application/pgp-encrypted"} and not part.filename):
            continue
        if _is_text(part) and not (part.size or part.filename):
            continue  # no file, and no text either
        found.append(part)
    return tuple(found)


def inline_images(structure: Part) -> tuple[Part, ...]:
    """Pictures that an HTML part can name by Content-ID or Content-Location. Meant for the text only where they stand
    in multipart/related beside it and were not sent as attachments."""
    found = []
    stack = [structure]
    while stack:
        part = stack.pop()
        if part.type == "multipart/related" and any(p.type == "text/html" for p in part.walk()):
            found += [
                p
                for p in _leaves(part)
                if p.type.startswith("image/") and (p.content_id or p.location) and p.disposition != "attachment"
            ]
        elif part.is_multipart:
            stack.extend(reversed(part.children))
    return tuple(found)


def _beside_files(structure: Part) -> Iterator[Part]:
    """What a Mac keeps beside a file, which is the other part of its multipart/appledouble (RFC 1740)."""
    for part in structure.walk():
        if part.type == "multipart/appledouble" and len(part.children) > 1:
            yield from (child for child in part.children if child.type == "application/applefile")


def _leaves(part: Part) -> Iterator[Part]:
    """What is no multipart; a message inside the message is one leaf."""
    stack = [part]
    while stack:
        current = stack.pop()
        if current.is_multipart:
            stack.extend(reversed(current.children))
        else:
            yield current


def _is_text(part: Part) -> bool:
    return part.type in TEXT_TYPES and part.disposition != "attachment" and not _named_file(part)


def _named_file(part: Part) -> bool:
    """A text part with a file name is a file that a mailer showed inline, unless it is said to be inline."""
    return bool(part.filename) and part.disposition != "inline"


def _shown(root: Part, prefer: str) -> Iterator[Part]:
    stack = [root]
    while stack:
        part = stack.pop()
        if part.type == "multipart/alternative":
            best = _best(part, prefer)
            stack.extend([best] if best is not None else reversed(part.children))
        elif part.type == "multipart/related":
            stack.extend(reversed(_related_root(part)))
        elif part.is_multipart:
            stack.extend(reversed(part.children))
        elif _is_text(part) or (part.type == "message/delivery-status" and part.disposition != "attachment"):
            yield part


def _best(part: Part, prefer: str) -> Part | None:
    """The child that holds the preferred form; the last one with any text where neither does (RFC 2046 5.1.4). One with
    nothing in it only where all are like that: servers that misread a boundary make up an empty part at the end."""
    for least in (1, 0):
        for wanted in _RANK["plain" if prefer == "plain" else "html"]:
            for child in reversed(part.children):
                if any(p.type == wanted and p.size >= least and _is_text(p) for p in child.walk()):
                    return child
    return None


def _related_root(part: Part) -> list[Part]:
    """The root of a multipart/related (RFC 2387): the named start, else the first; further texts are drawn too."""
    start = part.params.get("start", "").strip("<>")
    named = [child for child in part.children if start and child.content_id == start]
    root = named or list(part.children[:1])
    texts = [child for child in part.children if child not in root and child.type in TEXT_TYPES and _is_text(child)]
    return [*root, *texts]


def _first_text(root: Part) -> list[Part]:
    """For a message without any regular text: the first part that reads as text and is not sent as a file."""
    for part in _leaves(root):
        if (part.type in ALSO_TEXT or part.type in TEXT_TYPES) and part.disposition != "attachment":
            return [part]
    leaves = list(_leaves(root))
    lone = leaves[0] if len(leaves) == 1 else None
    return [lone] if lone is not None and lone.type.startswith("text/") and not lone.filename else []
