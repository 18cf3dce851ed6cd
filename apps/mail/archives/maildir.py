"""Maildir in a tar file: ``cur/1764151200.12.yurt:2,FS``, folders as directories, as Dovecot's LAYOUT=fs has them.

Keywords have letters, which Dovecot's ``dovecot-keywords`` names; it comes before the messages. The rest of them, and
names that are no Maildir's, stand in pax records, which other programs pass over.
"""

from __future__ import annotations

import re
import tarfile
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import BinaryIO

from apps.mail.archives import entries
from apps.mail.archives.entries import BEGIN, BadArchive, Found, Message, Place

_LETTERS = {"D": "\\Draft", "F": "\\Flagged", "P": "$Forwarded", "R": "\\Answered", "S": "\\Seen", "T": "\\Deleted"}
MOST_LETTERS = 26
_PATH = re.compile(r"(?:(.*)/)?(cur|new)/([^/]+)", re.S)
_INFO = re.compile(r"[:;!]2,([A-Za-z,]*)\Z")
_PAX = "YURT.keywords"
KEYWORDS = "dovecot-keywords"
_BLOCK = tarfile.BLOCKSIZE


def messages(file: BinaryIO, start: Place = BEGIN) -> Iterator[Found]:
    """The regular files of ``cur`` and ``new``, and those that end in .eml; others are passed over. Raises
    ``BadArchive``. Letters are known by what was passed, so whoever goes on from ``start`` gets them read again."""
    letters = _letters(file, start.outer) if start.outer else {}
    number = start.number
    for member, after, tar in _members(file, start.outer):
        if not member.isreg():
            continue
        if member.name.rpartition("/")[2] == KEYWORDS:
            letters[_folder_of(member.name.rpartition("/")[0])] = _named(_content(tar, member))
            continue
        path = _PATH.fullmatch(member.name)
        if path is None and not member.name.lower().endswith(".eml"):
            continue
        number += 1
        yield _message(tar, member, path, Place(number, after), letters)


def _message(
    tar: tarfile.TarFile,
    member: tarfile.TarInfo,
    path: re.Match[str] | None,
    after: Place,
    letters: dict[tuple[str, ...], dict[str, str]],
) -> Found:
    if member.size > entries.MOST:
        return Found(after=after, problem=entries.TOO_LARGE, about=member.name)
    octets = _content(tar, member)
    folder = _folder_of((path[1] or "") if path else member.name.rpartition("/")[0])
    names = letters.get(folder, {})
    info = _INFO.search(path[3]) if path else None
    flags = [_LETTERS.get(letter) or names.get(letter, "") for letter in (info[1] if info else "")]
    flags += member.pax_headers.get(_PAX, "").split()
    received = _when(float(member.mtime)) or entries.date_of(octets)
    return entries.found(
        after, octets, member.name, flags=entries.flags(filter(None, flags)), received=received, folder=folder
    )


def _members(file: BinaryIO, at: int) -> Iterator[tuple[tarfile.TarInfo, int, tarfile.TarFile]]:
    """Each with where the next one begins. None is remembered: an archive may have millions."""
    file.seek(at)
    try:
        with tarfile.open(fileobj=file, mode="r:", errorlevel=1) as tar:
            while (member := tar.next()) is not None:
                tar.members.clear()  # type: ignore[attr-defined]
                yield member, tar.offset, tar
    except (tarfile.TarError, EOFError, ValueError) as error:
        raise BadArchive(str(error)) from error


def _content(tar: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    file = tar.extractfile(member)
    octets = file.read(entries.MOST + 1) if file else b""
    if len(octets) < member.size:
        raise BadArchive("it ends too early")
    return octets


def _letters(file: BinaryIO, until: int) -> dict[tuple[str, ...], dict[str, str]]:
    """What ``dovecot-keywords`` say before an octet of the file."""
    found: dict[tuple[str, ...], dict[str, str]] = {}
    for member, after, tar in _members(file, 0):
        if after > until:
            break
        if member.isreg() and member.name.rpartition("/")[2] == KEYWORDS:
            found[_folder_of(member.name.rpartition("/")[0])] = _named(_content(tar, member))
    return found


def _named(octets: bytes) -> dict[str, str]:
    """``0 $Label1`` in each line: the letter "a" is $Label1."""
    pairs = (line.split(None, 1) for line in octets.decode("utf-8", "replace").splitlines())
    return {
        chr(97 + int(pair[0])): pair[1].strip()
        for pair in pairs
        if len(pair) == 2 and pair[0].isdecimal() and int(pair[0]) < MOST_LETTERS
    }


def _folder_of(path: str) -> tuple[str, ...]:
    """``Projects/Glacier`` and Maildir++'s ``Maildir/.Projects.Glacier``."""
    pieces: list[str] = []
    for piece in path.split("/"):
        if piece in ("", ".", ".."):
            continue
        if piece.startswith("."):
            pieces = [part for part in piece.split(".") if part]
        else:
            pieces.append(piece)
    return tuple(pieces)


def _when(seconds: float) -> datetime | None:
    try:
        return entries.sensible(datetime.fromtimestamp(seconds, UTC)) if seconds > 0 else None
    except (ValueError, OverflowError, OSError):
        return None


# --- writing ----------------------------------------------------------------------------------------------------------


def folder(path: Sequence[str], keywords: Sequence[str]) -> bytes:
    """What begins a folder: its directories, and the names of its keywords."""
    out = b""
    for name in ("cur", "new", "tmp"):
        info = tarfile.TarInfo("/".join((*path, name)))
        info.type, info.mode = tarfile.DIRTYPE, 0o700
        out += info.tobuf(tarfile.PAX_FORMAT)
    if keywords:
        lines = "".join(f"{index} {name}\n" for index, name in enumerate(keywords[:MOST_LETTERS]))
        out += _file("/".join((*path, KEYWORDS)), lines.encode("utf-8"), datetime.now(UTC), {})
    return out


def written(message: Message, path: Sequence[str], unique: str, keywords: Sequence[str]) -> bytes:
    """``unique``: what tells it from all others of its second. ``keywords`` as in ``folder``."""
    when = message.received or datetime(1970, 1, 1, tzinfo=UTC)
    known = {name.lower(): letter for letter, name in _LETTERS.items()}
    known |= {name.lower(): chr(97 + index) for index, name in enumerate(keywords[:MOST_LETTERS])}
    letters = "".join(sorted(known[flag.lower()] for flag in message.flags if flag.lower() in known))
    others = " ".join(flag for flag in message.flags if flag.lower() not in known and not flag.startswith("\\"))
    name = "/".join((*path, "cur", f"{int(when.timestamp())}.{unique}.yurt:2,{letters}"))
    return _file(name, message.octets.replace(b"\r\n", b"\n"), when, {_PAX: others} if others else {})


def end() -> bytes:
    return bytes(2 * _BLOCK)


def _file(name: str, octets: bytes, when: datetime, records: dict[str, str]) -> bytes:
    info = tarfile.TarInfo(name)
    info.size, info.mtime, info.mode = len(octets), int(when.timestamp()), 0o600
    info.pax_headers = dict(records)
    return info.tobuf(tarfile.PAX_FORMAT) + octets + bytes(-len(octets) % _BLOCK)
