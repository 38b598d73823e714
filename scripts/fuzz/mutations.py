"""Damages recordings, the same way every time for the same seed and number."""

from collections.abc import Callable, Mapping
from random import Random

MOST_ROUNDS = 3
# Where containers keep what a decoder believes.
HEADER_BYTES = 2048
BOXES = (
    b"moov trak mdia stbl stsd stts stsc stsz stco ctts mvhd tkhd mdhd esds moof traf tfhd trun sidx mdat ftyp udta "
    b"fmt data RIFF LIST fLaC OggS OpusHead OpusTags vorbis ID3 TSSE Xing Info LAME"
)
# Segment, cluster, tracks, a track, its number, its codec, its private data, blocks, durations and rates (RFC 9559).
EBML = "18538067 1f43b675 1654ae6b ae d7 86 63a2 a3 a0 e7 9b 9f b5 1c53bb6b"
MARKERS = [*BOXES.split(), *(bytes.fromhex(each) for each in EBML.split())]
EXTREMES = (0, 1, 2, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 2**31 - 1, 2**31, 2**32 - 1, 2**40, 2**63 - 1, 2**64 - 1)

Mutation = Callable[[bytearray, bytes, Random], None]


def mutated(recordings: Mapping[str, bytes], seed: int, number: int) -> tuple[str, bytes]:
    """What was done to which recording, and the result."""
    rng = Random(f"{seed}/{number}")
    name, other = rng.choices(sorted(recordings), k=2)
    content = bytearray(recordings[name])
    kinds = rng.choices(MUTATIONS, k=rng.randint(1, MOST_ROUNDS))
    for kind in kinds:
        if content:
            kind(content, recordings[other], rng)
    if b"OggS" in content and rng.random() < 0.5:
        _check_pages(content)
    return f"{name}: {', '.join(kind.__name__ for kind in kinds)}", bytes(content)


def flip_bits(content: bytearray, _other: bytes, rng: Random) -> None:
    for _ in range(rng.choice((1, 3, 20, 100))):
        content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)


def scramble_header(content: bytearray, _other: bytes, rng: Random) -> None:
    for _ in range(rng.randint(1, 8)):
        content[rng.randrange(min(len(content), HEADER_BYTES))] = rng.choice((0, 1, 127, 128, 255, rng.randrange(256)))


def set_extreme(content: bytearray, _: bytes, rng: Random) -> None:
    """A field of one to eight bytes anywhere in the header."""
    _write_extreme(content, rng.randrange(min(len(content), HEADER_BYTES)), rng)


def set_extreme_field(content: bytearray, _: bytes, rng: Random) -> None:
    """A field just before or behind a known name."""
    found = [place for marker in MARKERS if (place := content.find(marker)) >= 0]
    if found:
        _write_extreme(content, max(0, rng.choice(found) + rng.randint(-8, 40)), rng)


def cut_off(content: bytearray, _: bytes, rng: Random) -> None:
    del content[rng.randrange(len(content)) :]


def take_out(content: bytearray, _: bytes, rng: Random) -> None:
    start, end = _stretch(content, rng)
    del content[start:end]


def repeat(content: bytearray, _: bytes, rng: Random) -> None:
    start, end = _stretch(content, rng)
    content[start:start] = content[start:end] * rng.choice((1, 1, 2, 30))


def swap(content: bytearray, _: bytes, rng: Random) -> None:
    start, end = _stretch(content, rng)
    block = content[start:end]
    del content[start:end]
    place = rng.randrange(len(content) + 1)
    content[place:place] = block


def insert_noise(content: bytearray, _: bytes, rng: Random) -> None:
    place = rng.randrange(len(content))
    content[place:place] = rng.randbytes(rng.choice((1, 7, 100, 5000)))


def splice(content: bytearray, other: bytes, rng: Random) -> None:
    """The beginning of this one, the end of another."""
    content[rng.randrange(len(content)) :] = other[rng.randrange(len(other)) :]


def swap_header(content: bytearray, other: bytes, rng: Random) -> None:
    """The head of another one in the place of ours."""
    size = rng.choice((4, 12, 64, 300, HEADER_BYTES))
    content[:size] = other[:size]


def graft(content: bytearray, other: bytes, rng: Random) -> None:
    """A stretch of another one in the middle of ours."""
    start, end = _stretch(other, rng)
    place = rng.randrange(len(content))
    content[place:place] = other[start:end]


MUTATIONS: tuple[Mutation, ...] = (
    flip_bits,
    scramble_header,
    set_extreme,
    set_extreme_field,
    cut_off,
    take_out,
    repeat,
    swap,
    insert_noise,
    splice,
    swap_header,
    graft,
)


def _stretch(content: bytes | bytearray, rng: Random) -> tuple[int, int]:
    start = rng.randrange(len(content))
    return start, start + rng.choice((1, 4, 40, 400, 4000))


def _write_extreme(content: bytearray, place: int, rng: Random) -> None:
    width = rng.choice((1, 2, 3, 4, 8))
    value = (rng.choice(EXTREMES) & (1 << 8 * width) - 1).to_bytes(width, rng.choice(("big", "little")))
    content[place : place + width] = value


def _check_pages(content: bytearray) -> None:
    """Give each page of an Ogg its checksum again: a wrong one would keep the damage from the decoder."""
    place = content.find(b"OggS")
    while place >= 0 and place + 27 <= len(content):
        lacing = content[place + 27 : place + 27 + content[place + 26]]
        end = place + 27 + len(lacing) + sum(lacing)
        content[place + 22 : place + 26] = bytes(4)
        content[place + 22 : place + 26] = _checksum(content[place:end]).to_bytes(4, "little")
        place = content.find(b"OggS", place + 4)


def _checksum(page: bytearray) -> int:
    """RFC 3533, section 6: polynomial 0x04c11db7, not reflected, from 0."""
    value = 0
    for byte in page:
        value = (value << 8 & 0xFFFFFFFF) ^ CRC_TABLE[value >> 24 ^ byte]
    return value


def _crc_of(byte: int) -> int:
    value = byte << 24
    for _ in range(8):
        value = (value << 1 & 0xFFFFFFFF) ^ (0x04C11DB7 if value & 0x80000000 else 0)
    return value


CRC_TABLE = tuple(_crc_of(byte) for byte in range(256))
