"""One page of a PDF as a picture, or a picture made small. A program of its own: it reads files from strangers with
large libraries, and so it runs in a process that may do next to nothing (``services.pdf`` starts it).

    python raster.py PAGE WIDTH < file.pdf > answer
    python raster.py 0 WIDTH < picture.jpeg > answer

The answer is a line of JSON, ``{"pages": 3, "text": "…", "error": ""}``, and behind it the page as PNG. Once its
libraries are loaded the process can open no file and no connection (no descriptor is left to it), start no process,
write no more than so much, and has little memory and time.
"""

from __future__ import annotations

import contextlib
import ctypes
import io
import json
import os
import resource
import sys

MEMORY = 1024 * 1024 * 1024  # octets of addresses: the libraries are most of it
SECONDS = 10  # of processor time
MOST_ANSWER = 24 * 1024 * 1024  # octets
MOST_PIXELS = 6_000_000
MOST_HEIGHT = 6000
MOST_TEXT = 50_000  # characters
_NO_NEW_PRIVILEGES = 38  # prctl
_NEW_USER_AND_NETWORK = 0x10000000 | 0x40000000  # unshare


def shut_in() -> None:
    """From here on nothing can be opened. Raises ``OSError`` where the limits cannot be set: then nothing is drawn."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0)
    libc.unshare(_NEW_USER_AND_NETWORK)  # where the kernel lets us: a network without anything in it
    for what, limit in (
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_CPU, SECONDS),
        (resource.RLIMIT_AS, MEMORY),
        (resource.RLIMIT_FSIZE, MOST_ANSWER),
        (resource.RLIMIT_NPROC, 0),
        (resource.RLIMIT_NOFILE, 3),  # standard input, output and errors are open already
    ):
        resource.setrlimit(what, (limit, limit))


def main(page: int, width: int) -> None:
    import pypdfium2
    import pypdfium2.raw
    from PIL import Image, ImageOps, WebPImagePlugin  # noqa: F401 - loaded while that can be done

    Image.preinit()  # loads what writes PNG
    octets = sys.stdin.buffer.read()
    shut_in()
    answer: dict[str, object] = {"pages": 0, "text": "", "error": ""}
    picture = b""
    try:
        if page == 0:
            picture = _small(octets, width)
        else:
            document = pypdfium2.PdfDocument(octets)
            answer["pages"] = len(document)
            if not 0 < page <= len(document):
                answer["error"] = "page"
            else:
                picture = _drawn(document[page - 1], width)
                answer["text"] = _text(document[page - 1])
    except pypdfium2.PdfiumError as error:
        code = getattr(error, "err_code", 0)
        answer["error"] = "password" if code == pypdfium2.raw.FPDF_ERR_PASSWORD else "broken"
    except MemoryError:
        answer["error"] = "memory"
    except Exception:  # noqa: BLE001 - whatever it is, the file has made it
        answer["error"] = "broken"
    sys.stdout.buffer.write(json.dumps(answer).encode("ascii") + b"\n" + picture)
    sys.stdout.buffer.flush()
    os._exit(0)  # nothing of what the file has left behind runs


def _drawn(page: object, width: int) -> bytes:
    wide, high = page.get_size()  # type: ignore[attr-defined]  # in points
    if not (0 < wide < 100_000 and 0 < high < 100_000):
        raise ValueError("no size")
    scale = min(width / wide, MOST_HEIGHT / high, (MOST_PIXELS / (wide * high)) ** 0.5)
    # no forms are opened: they are where scripts would be
    picture = page.render(scale=scale, may_draw_forms=False).to_pil()  # type: ignore[attr-defined]
    target = io.BytesIO()
    picture.save(target, "PNG")
    return target.getvalue()


def _small(octets: bytes, width: int) -> bytes:
    """Of a picture, no wider or higher than that, and the right way up."""
    from PIL import Image, ImageOps

    Image.MAX_IMAGE_PIXELS = MOST_PIXELS * 10  # beyond twice as many it is an error
    picture = Image.open(io.BytesIO(octets), formats=("PNG", "JPEG", "GIF", "WEBP", "BMP"))
    picture.draft("RGB", (width, width))
    picture.thumbnail((width, width))
    target = io.BytesIO()
    ImageOps.exif_transpose(picture).convert("RGBA").save(target, "PNG")
    return target.getvalue()


def _text(page: object) -> str:
    """The words on it, for who cannot see the picture."""
    with contextlib.suppress(Exception):
        text: str = page.get_textpage().get_text_bounded()  # type: ignore[attr-defined]
        return text[:MOST_TEXT].encode("utf-8", "replace").decode()
    return ""


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
