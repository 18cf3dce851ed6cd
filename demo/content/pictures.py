"""Small mountain pictures as PNG and JPEG, drawn by code: no two seeds give the same ridge."""

import math
import random
import struct
import zlib
from collections.abc import Iterator
from functools import lru_cache

Palette = list[tuple[int, int, int]]
SKY_STEPS = 64
SKIES = (
    ((38, 84, 124), (247, 208, 160)),
    ((24, 48, 96), (232, 160, 140)),
    ((110, 168, 214), (236, 244, 250)),
    ((70, 92, 120), (222, 226, 230)),
)
ROCK = ((122, 144, 160), (92, 116, 132), (58, 82, 98), (30, 50, 62))


def _mix(start: tuple[int, int, int], end: tuple[int, int, int], share: float) -> tuple[int, int, int]:
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(start, end, strict=True))
    return red, green, blue


@lru_cache(maxsize=64)
def scene(seed: str, width: int, height: int) -> tuple[bytes, Palette]:
    """Palette indices row by row, and the palette: a sky, a sun and four ridges with snow on the far ones."""
    dice = random.Random(seed)
    top, bottom = dice.choice(SKIES)
    palette = [_mix(top, bottom, step / (SKY_STEPS - 1)) for step in range(SKY_STEPS)]
    palette += [*ROCK, (255, 244, 214), (244, 248, 250)]
    sun, snow = SKY_STEPS + len(ROCK), SKY_STEPS + len(ROCK) + 1
    image = bytearray(width * height)
    for y in range(height):
        image[y * width : (y + 1) * width] = bytes([min(SKY_STEPS - 1, y * SKY_STEPS * 3 // (2 * height))]) * width
    radius, sun_x, sun_y = height // 14, dice.randrange(width // 5, width * 4 // 5), height // 5
    for y in range(sun_y - radius, sun_y + radius):
        half = int(math.sqrt(radius**2 - (y - sun_y) ** 2))
        image[y * width + sun_x - half : y * width + sun_x + half] = bytes([sun]) * (2 * half)
    for layer in range(len(ROCK)):
        waves = [(dice.uniform(1, 3) * (k + 1) ** 1.4, dice.uniform(0, 6.3), 0.6**k) for k in range(6)]
        base, swing = height * (0.42 + 0.15 * layer), height * (0.16 - 0.025 * layer)
        for x in range(width):
            rise = sum(size * math.sin(rate * x / width * 3 + phase) for rate, phase, size in waves)
            ridge = min(height - 1, max(0, int(base - swing * rise * 0.7)))
            image[ridge * width + x :: width] = bytes([SKY_STEPS + layer]) * (height - ridge)
            cap = min(height - ridge, max(0, int((height * 0.42 - ridge) * 0.45))) if layer < 2 else 0
            if cap:
                image[ridge * width + x : (ridge + cap) * width : width] = bytes([snow]) * cap
    return bytes(image), palette


def png(seed: str, width: int = 480, height: int = 300) -> bytes:
    indices, palette = scene(seed, width, height)
    rows = b"".join(b"\0" + indices[y * width : (y + 1) * width] for y in range(height))

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)
    colours = b"".join(bytes(colour) for colour in palette)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"PLTE", colours)
        + chunk(b"IDAT", zlib.compress(rows, 9))
        + chunk(b"IEND", b"")
    )


# ITU-T T.81, table K.3: how many codes there are of each length for the DC categories 0 to 11.
_DC_LENGTHS = (0, 1, 5, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0)


def _dc_codes() -> list[str]:
    codes, code = [], 0
    for length, count in enumerate(_DC_LENGTHS, 1):
        for _ in range(count):
            codes.append(f"{code:0{length}b}")
            code += 1
        code <<= 1
    return codes


def _dc_bits(indices: bytes, palette: Palette) -> Iterator[str]:
    """Per 8x8 block and component the difference to the block before, then "end of block" (the one-bit code 0)."""
    ycc = [
        (
            round(0.299 * r + 0.587 * g + 0.114 * b) - 128,
            round(-0.1687 * r - 0.3313 * g + 0.5 * b),
            round(0.5 * r - 0.4187 * g - 0.0813 * b),
        )
        for r, g, b in palette
    ]
    codes = _dc_codes()
    last = (0, 0, 0)
    for index in indices:
        colour = ycc[index]
        for now, before in zip(colour, last, strict=True):
            difference = now - before
            size = abs(difference).bit_length()
            yield codes[size]
            if size:
                yield f"{difference if difference > 0 else difference + (1 << size) - 1:0{size}b}"
            yield "0"
        last = colour


def jpeg(seed: str, columns: int = 160, rows: int = 100) -> bytes:
    """A baseline JPEG in which every 8x8 block has one colour: 1280x800 pixels from the default 160x100 blocks."""
    bits = "".join(_dc_bits(*scene(seed, columns, rows)))
    bits += "1" * (-len(bits) % 8)
    data = int(bits, 2).to_bytes(len(bits) // 8, "big").replace(b"\xff", b"\xff\x00")

    def segment(marker: int, content: bytes) -> bytes:
        return struct.pack(">BBH", 0xFF, marker, len(content) + 2) + content

    frame = struct.pack(">BHHB", 8, rows * 8, columns * 8, 3) + b"".join(bytes([n, 0x11, 0]) for n in (1, 2, 3))
    return (
        b"\xff\xd8"
        + segment(0xE0, b"JFIF\0\1\1\0\0\1\0\1\0\0")
        + segment(0xDB, b"\0" + b"\x08" * 64)  # with 8 as divisor a block's coefficient is its colour
        + segment(0xC0, frame)
        + segment(0xC4, b"\x00" + bytes(_DC_LENGTHS) + bytes(range(12)))
        + segment(0xC4, b"\x10" + bytes([1] + [0] * 15) + b"\0")
        + segment(0xDA, b"\3" + b"".join(bytes([n, 0]) for n in (1, 2, 3)) + b"\0\x3f\0")
        + data
        + b"\xff\xd9"
    )
