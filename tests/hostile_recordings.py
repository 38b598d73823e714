"""Files that are made to make a decoder ask for too much, or to open something else. All below 25 MiB."""

import struct
from collections.abc import Callable, Iterator
from functools import cache

import numpy as np

from scripts.encoding import FLAC, MP3, OGG, WAV, WEBM, encode
from tests.recordings import box, long_silence_in_flac, promising, tone

MIB = 1024 * 1024
OPUS_HEAD = b"OpusHead\x01\x01" + struct.pack("<HIHB", 0, 48_000, 0, 0)
JPEG = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00"


@cache
def sound(form_name: str) -> bytes:
    """A second of a tone."""
    return encode(tone(1), {"webm": WEBM, "ogg": OGG, "mp3": MP3, "wav": WAV, "flac": FLAC}[form_name])


def cover_without_sound() -> bytes:
    """An MP4 that has a picture of its cover, and no track at all."""
    cover = box(b"covr", box(b"data", struct.pack(">II", 13, 0) + JPEG + bytes(1000) + b"\xff\xd9"))
    handler = box(b"hdlr", struct.pack(">8x4s13x", b"mdir"))
    meta = box(b"meta", bytes(4) + handler + box(b"ilst", cover))
    movie = box(b"mvhd", struct.pack(">IIIII80x", 0, 0, 0, 1000, 1000)) + box(b"udta", meta)
    return box(b"ftyp", b"M4A \0\0\0\0M4A isom") + box(b"moov", movie) + box(b"mdat", bytes(200))


def nested_boxes(depth: int, kind: bytes = b"moov") -> bytes:
    """An MP4 of boxes in boxes."""
    sizes = range(8 * depth, 0, -8)
    return box(b"ftyp", b"isom\0\0\0\0isom") + b"".join(struct.pack(">I4s", size, kind) for size in sizes)


def ebml(identifier: str, content: bytes, size: int | None = None) -> bytes:
    """An element of Matroska, that may lie about its size (at most 2^56 - 2)."""
    return bytes.fromhex(identifier) + struct.pack(">Q", 1 << 56 | (len(content) if size is None else size)) + content


def webm_with(element: bytes) -> bytes:
    """A second of sound with an element before its first cluster, in a segment of unknown size."""
    recording = sound("webm")
    segment = recording.index(bytes.fromhex("18538067"))
    # Behind the segment's header: its identifier and a size of eight bytes, as FFmpeg writes it.
    start, cluster = segment + 12, recording.index(bytes.fromhex("1f43b675"))
    head = recording[: segment + 4] + b"\x01" + b"\xff" * 7
    return head + recording[start:cluster] + element + recording[cluster:]


def webm_tracks(count: int) -> bytes:
    """A WebM of so many tracks, and no sound."""
    number = ebml("d7", b"\x01") + ebml("73c5", b"\x01") + ebml("83", b"\x02") + ebml("86", b"A_OPUS")
    return webm_with(ebml("1654ae6b", ebml("ae", number) * count))


def attachment(size: int) -> bytes:
    file = ebml("466e", b"a.bin") + ebml("4660", b"font/ttf") + ebml("46ae", b"\x01") + ebml("465c", bytes(size))
    return ebml("1941a469", ebml("61a7", file))


def tags(count: int) -> bytes:
    simple = ebml("67c8", ebml("45a3", b"NAME") + ebml("4487", b"x" * 20))
    return ebml("1254c367", ebml("7373", simple * count))


def ogg_streams(count: int) -> bytes:
    """An Ogg that begins so many logical streams of Opus, each with a checksum that is right."""
    page = b"OggS\0\x02" + bytes(8) + bytes(4) + bytes(4) + bytes(4) + bytes([1, len(OPUS_HEAD)]) + OPUS_HEAD
    pages = np.tile(np.frombuffer(page, np.uint8), (count, 1))
    pages[:, 14:18] = np.arange(1, count + 1, dtype="<u4").view(np.uint8).reshape(-1, 4)
    checksums = np.zeros(count, np.uint32)
    table = np.array(list(_crc_table()), np.uint32)
    for column in pages.T:
        checksums = (checksums << 8) ^ table[(checksums >> 24) ^ column]
    pages[:, 22:26] = checksums.astype("<u4").view(np.uint8).reshape(-1, 4)
    return pages.tobytes()


def _crc_table() -> Iterator[int]:
    """The checksum of Ogg's pages (RFC 3533, section 6): polynomial 0x04c11db7, not reflected."""
    for byte in range(256):
        value = byte << 24
        for _ in range(8):
            value = (value << 1 ^ (0x04C11DB7 if value & 0x80000000 else 0)) & 0xFFFFFFFF
        yield value


def wav(*, rate_hz: int = 16_000, channels: int = 1, bits: int = 16, data_bytes: int = 0xFFFFFFFF) -> bytes:
    """A WAV of a second of samples that declares something else."""
    form = struct.pack("<IHHIIHH", 16, 1, channels, rate_hz, 0xFFFFFFFF, 0xFFFF, bits)
    head = b"RIFF\xff\xff\xff\xffWAVEfmt " + form + b"data" + struct.pack("<I", data_bytes)
    return head + (tone(1) * 32767).astype("<i2").tobytes()


def flac(*, largest_block: int = 65_535, rate_hz: int = 655_350, samples: int = 2**36 - 1) -> bytes:
    """A FLAC whose first block (RFC 9639, section 8.2) is absurd."""
    recording = bytearray(sound("flac"))
    recording[8:12] = struct.pack(">HH", largest_block, largest_block)
    recording[18:26] = struct.pack(">Q", rate_hz << 44 | 7 << 41 | 31 << 36 | samples)
    return bytes(recording)


def flac_with(kind: int, content: bytes) -> bytes:
    """A FLAC with a further metadata block (at most 16 MiB)."""
    recording = sound("flac")
    return recording[:42] + struct.pack(">I", kind << 24 | len(content)) + content + recording[42:]


def mp3_with_picture(size: int) -> bytes:
    picture = b"\x00image/jpeg\x00\x03\x00" + JPEG + bytes(size)
    frame = b"APIC" + struct.pack(">IH", len(picture), 0) + picture
    size_bytes = bytes(len(frame) >> shift & 0x7F for shift in (21, 14, 7, 0))
    return b"ID3\x03\x00\x00" + size_bytes + frame + sound("mp3")


def as_mp3(text: bytes) -> bytes:
    """A text behind an empty ID3 tag, which is what the door looks at."""
    return b"ID3\x04\x00\x00\x00\x00\x00\x00" + text


def mp4_elsewhere(path: str) -> bytes:
    """An MP4 whose sound is said to be in another file (ISO 14496-12, 8.7.2; QuickTime's aliases)."""
    return promising(10).replace(
        box(b"smhd", bytes(8)),
        box(b"smhd", bytes(8)) + box(b"dinf", box(b"dref", struct.pack(">II", 0, 2) + _alias(path) + _url(path))),
    )


HOSTILE: dict[str, Callable[[], bytes]] = {
    "ten hours of silence": lambda: long_silence_in_flac(hours=10),
    "a cover and no sound": cover_without_sound,
    "an mp4 that promises 170 million packets": lambda: promising(170_000_000),
    "an mp4 that promises 3 million packets": lambda: promising(3_000_000),
    "an mp4 of nested boxes": lambda: nested_boxes(500_000),
    "an mp4 of nested tags": lambda: nested_boxes(500_000, b"udta"),
    "a webm of 2^40 bytes": lambda: webm_with(ebml("1254c367", b"", 2**40)),
    "a webm with a private codec of 2^40 bytes": lambda: webm_with(ebml("1654ae6b", ebml("63a2", b"", 2**40))),
    "a webm with a cluster of 2^40 bytes": lambda: webm_with(ebml("1f43b675", ebml("a3", b"", 2**40), 2**40 + 9)),
    "a webm with an attachment of 20 MB": lambda: webm_with(attachment(20 * MIB)),
    "a webm with 300,000 tags": lambda: webm_with(tags(300_000)),
    "a webm with 300,000 tracks": lambda: webm_tracks(300_000),
    "an ogg of half a million streams": lambda: ogg_streams(530_000),
    "a wav of 4 GB": wav,
    "a wav of 65,535 channels": lambda: wav(channels=65_535),
    "a wav of 4 GHz": lambda: wav(rate_hz=0xFFFFFFFF),
    "a wav of one hertz": lambda: wav(rate_hz=1),
    "a flac of absurd rates": flac,
    "a flac of the largest blocks": lambda: flac(rate_hz=1),
    "a flac with a picture of 16 MB": lambda: flac_with(6, struct.pack(">II", 3, 10) + b"image/jpeg" + bytes(15 * MIB)),
    "a flac with 900,000 seek points": lambda: flac_with(3, np.arange(900_000 * 18, dtype=np.uint8).tobytes()),
    "an mp3 with a picture of 15 MB": lambda: mp3_with_picture(15 * MIB),
}


def _alias(path: str) -> bytes:
    """Version 2; volume, folder and file are Pascal strings, then the whole path as type 18."""
    name = path.rsplit("/", 1)[-1].encode()[:63]
    named = path.encode()
    fixed = struct.pack(">4xHHHB27sI2xHIB63s", 0, 2, 0, 1, b"v", 0, 0, 0, len(name), name)
    rest = bytes(fixed and 8 + 4 + 2 + 2 + 4 + 2 + 10)
    paths = struct.pack(">HH", 18, len(named)) + named + bytes(len(named) % 2) + struct.pack(">HH", 0xFFFF, 0)
    return box(b"alis", fixed + rest + paths)


def _url(path: str) -> bytes:
    return box(b"url ", bytes(4) + path.encode() + b"\0")
