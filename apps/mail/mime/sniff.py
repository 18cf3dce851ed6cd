"""What a file is by its content, whatever it is called."""

from __future__ import annotations

import io
import re
import struct
import zipfile

HEAD = 8192  # octets that are enough to tell most kinds

_STARTS: tuple[tuple[bytes, str], ...] = (
    (b"%PDF-", "pdf"),
    (b"\x89PNG\r\n\x1a\n", "png"),
    (b"\xff\xd8\xff", "jpeg"),
    (b"GIF87a", "gif"),
    (b"GIF89a", "gif"),
    (b"BM", "bmp"),
    (b"II*\0", "tiff"),
    (b"MM\0*", "tiff"),
    (b"MZ", "program"),
    (b"\x7fELF", "program"),
    (b"\xfe\xed\xfa\xce", "program"),
    (b"\xfe\xed\xfa\xcf", "program"),
    (b"\xcf\xfa\xed\xfe", "program"),
    (b"\xca\xfe\xba\xbe", "program"),
    (b"L\0\0\0\x01\x14\x02\0", "shortcut"),
    (b"#!", "script"),
    (b"PK\x03\x04", "zip"),
    (b"PK\x05\x06", "zip"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "ole"),
    (b"{\\rtf", "rtf"),
    (b"\x1f\x8b", "packed"),
    (b"7z\xbc\xaf\x27\x1c", "packed"),
    (b"Rar!\x1a\x07", "packed"),
    (b"BZh", "packed"),
    (b"\xfd7zXZ\0", "packed"),
    (b"MSCF", "packed"),
    (b"ID3", "sound"),
    (b"OggS", "sound"),
    (b"fLaC", "sound"),
    (b"\x1aE\xdf\xa3", "video"),
    (b"\x78\x9f\x3e\x22", "tnef"),
    (b"\x00\x05\x16\x00", "apple"),
    (b"\x00\x05\x16\x07", "apple"),
)
_OFFICE = (("word/", "word"), ("xl/", "excel"), ("ppt/", "powerpoint"))
_OPEN = {"text": "odt", "spreadsheet": "ods", "presentation": "odp"}
_HTML = re.compile(
    rb"\s*(?:<!--.{0,500}?-->\s*)?(?:<!doctype html|<html|<head|<body|<script)", re.IGNORECASE | re.DOTALL
)


def kind(octets: bytes) -> str:
    """One of the words above, "webp", "avif", "html", "text", or "" for what nobody knows. ``octets``: the whole file,
    or its first ``HEAD``: then an office document counts as "zip"."""
    found = next((kind for start, kind in _STARTS if octets.startswith(start)), "")
    if found == "zip":
        return _of_zip(octets)
    if found == "bmp" and not (octets[6:10] == b"\0\0\0\0" and len(octets) > 26):
        found = ""
    if found:
        return found
    if b"%PDF-" in octets[:1024]:
        return "pdf"
    if octets[:4] == b"RIFF":
        return {b"WEBP": "webp", b"WAVE": "sound", b"AVI ": "video"}.get(octets[8:12], "")
    if octets[4:8] == b"ftyp":
        return "avif" if octets[8:12] in (b"avif", b"avis") else "heic" if octets[8:11] in (b"hei", b"mif") else "video"
    if not _is_text(octets[:HEAD]):
        return ""
    return "html" if _HTML.match(octets[:HEAD].removeprefix(b"\xef\xbb\xbf")) else "text"


def _is_text(head: bytes) -> bool:
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return True
    controls = sum(octet < 32 and octet not in b"\t\n\r\f\x1b" for octet in head)
    return controls == 0 and b"\0" not in head


def _of_zip(octets: bytes) -> str:
    """By the names in it, and what OpenDocument writes as its first file."""
    if octets[30:38] == b"mimetype":
        match = re.match(rb"application/vnd\.oasis\.opendocument\.([a-z]+)", octets[38:120])
        if match:
            return _OPEN.get(match[1].decode(), "zip")
    try:
        with zipfile.ZipFile(io.BytesIO(octets)) as archive:
            names = archive.namelist()[:2000]
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError, struct.error):
        return "zip"
    if "[Content_Types].xml" in names:
        for start, kind_ in _OFFICE:
            if any(name.startswith(start) for name in names):
                return f"{kind_} with macros" if any(name.endswith("vbaProject.bin") for name in names) else kind_
    if "META-INF/MANIFEST.MF" in names and any(name.endswith(".class") for name in names):
        return "program"
    return "zip"
