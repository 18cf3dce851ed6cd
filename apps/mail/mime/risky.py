"""Files that do something when they are opened, told by their names."""

from __future__ import annotations

import enum
import re
from collections.abc import Iterable


class Risk(enum.StrEnum):
    DISGUISED = "disguised"  # a program that pretends to be a document: invoice.pdf.exe, or turned writing
    PROGRAM = "program"
    MACROS = "macros"  # an office document that may hold programs
    IMAGE = "image"  # a disk image: what lies in it passes what guards against files from elsewhere
    PAGE = "page"  # opens as a web page of nobody: a form for passwords looks real there
    PACKED = "packed"  # an archive that is named for one of these


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_BY_END: dict[str, Risk] = {
    end: risk
    for risk, ends in {
        Risk.PROGRAM: (
            "exe com scr pif cpl msi msp mst bat cmd ps1 ps1xml ps2 psc1 psm1 vb vbs vbe vbscript js jse mjs ws wsf "
            "wsh wsc sct hta jar jnlp reg lnk url scf inf application gadget appref-ms appx appxbundle msix msixbundle "
            "settingcontent-ms msc chm hlp dll ocx sys drv app command workflow action scpt applescript dmg pkg mpkg "
            "sh bash run bin elf deb rpm apk appimage desktop py pyc pyw pyz rb pl php jsp asp aspx swf crx xpi xll "
            "wll ade adp mda mde accde accda library-ms searchconnector-ms website theme themepack diagcab terminal"
        ),
        Risk.MACROS: (
            "docm dotm xlsm xltm xlam xlsb xla xlm pptm potm ppam ppsm ppa sldm xlt dot pub one onetoc2 onepkg slk iqy "
            "rqy oqy dqy mht mhtml"
        ),
        Risk.IMAGE: "iso img vhd vhdx vmdk udf daa nrg toast",
        Risk.PAGE: "htm html xhtml xht shtml svg svgz",
    }.items()
    for end in _words(ends)
}
_ARCHIVES = _words("zip zipx rar 7z gz tgz tar bz2 tbz xz txz z cab arj ace lzh lha lz zst")
_DOCUMENTS = _words(
    "pdf doc docx xls xlsx ppt pptx odt ods odp rtf txt csv jpg jpeg png gif bmp tif tiff webp heic mp3 mp4 wav avi "
    "mov zip rar 7z eml msg htm html"
)
#: Directions and signs that nobody sees, which turn or cut what somebody reads of a name.
_TURNING = re.compile("[\u061c\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff]")
_WIDE = re.compile(r"\s{5,}")


def of(name: str, *, packed: bool = False) -> Risk | None:
    """``name`` as the message has it, before it is made safe."""
    plain = _TURNING.sub("", name.replace("\x00", "")).strip().rstrip(". ").casefold()
    stem, dot, end = plain.rpartition(".")
    if not dot:
        return None
    before = stem.rpartition(".")[2].strip() if "." in stem else ""
    risk = _BY_END.get(end.strip())
    if risk in (Risk.PROGRAM, Risk.MACROS, Risk.IMAGE, Risk.PAGE):
        hides = before in _DOCUMENTS or bool(_WIDE.search(stem)) or _TURNING.search(name) is not None
        return Risk.DISGUISED if hides and risk != Risk.PAGE else risk
    if end in _ARCHIVES and not packed and of(stem, packed=True) is not None:
        return Risk.PACKED
    return None


def found(names: Iterable[str]) -> list[tuple[str, Risk]]:
    return [(name, risk) for name in names if (risk := of(name)) is not None]
