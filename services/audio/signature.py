"""Names a recording's container by its first bytes, at the door, before anything is stored.

The browser's own content type is not believed: the bytes decide, and they also give the type that is stored.
"""

from services.errors import InvalidRequest, UnsupportedRecording

LOOK_BYTES = 4096
PICTURE_BRANDS = frozenset({b"avif", b"avis", b"heic", b"heif", b"heim", b"heis", b"heix", b"mif1", b"msf1"})
DOC_TYPES = {b"webm": "audio/webm", b"matroska": "audio/matroska"}
EBML_DOC_TYPE = b"\x42\x82"
# Samples in an MPEG Layer III frame, bit rates in kbit/s (index 1 to 14) and sampling rates (ISO 11172-3, 13818-3).
MPEG1_KBITS = (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
MPEG2_KBITS = (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
MPEG_RATES_HZ = {0b11: (44_100, 48_000, 32_000), 0b10: (22_050, 24_000, 16_000), 0b00: (11_025, 12_000, 8_000)}


def container_of(content: bytes) -> str:
    """The MIME type of the recording's container, read from at most `LOOK_BYTES` bytes and one frame header.

    Raises `InvalidRequest` (`empty_recording`) for no bytes and `UnsupportedRecording` for anything but webm, matroska,
    ogg, mp4, mp3, wav, flac and aac (ADTS).
    """
    if not content:
        raise InvalidRequest("The recording is empty. Please record the answer again.", code="empty_recording")
    head = content[:LOOK_BYTES]
    found = _by_magic(head) or _matroska(head) or _mp4(head) or _framed(content)
    if found is None:
        raise UnsupportedRecording("This is not a recording we can read. Please send webm, ogg, mp4, mp3, wav or flac.")
    return found


def _by_magic(head: bytes) -> str | None:
    if head.startswith(b"OggS\x00"):
        return "audio/ogg"
    if head.startswith(b"fLaC"):
        return "audio/flac"
    if head.startswith(b"RIFF") and head[8:12] == b"WAVE":
        return "audio/wav"
    # ID3v2: version bytes are never 0xFF and the size is four 7-bit bytes (id3.org, section 3.1).
    if head.startswith(b"ID3") and len(head) >= 10 and head[3] != 0xFF and all(byte < 0x80 for byte in head[6:10]):
        return "audio/mpeg"
    return None


def _matroska(head: bytes) -> str | None:
    """EBML (RFC 8794): the header's `DocType` tells webm from matroska."""
    if not head.startswith(b"\x1a\x45\xdf\xa3"):
        return None
    size, position = _ebml_size(head, 4)
    end = min(len(head), position + size)
    while position < end:
        identifier_end = position + _ebml_width(head[position])
        size, value = _ebml_size(head, identifier_end)
        if head[position:identifier_end] == EBML_DOC_TYPE:
            return DOC_TYPES.get(head[value : value + size].rstrip(b"\x00"))
        position = value + size
    return None


def _ebml_width(first: int) -> int:
    """How many bytes a variable-length integer takes: one more than its leading zero bits."""
    return 9 - first.bit_length()


def _ebml_size(head: bytes, position: int) -> tuple[int, int]:
    """An element's size and where its value begins; past the end it reads as the whole look, which ends the walk."""
    if position >= len(head):
        return LOOK_BYTES, LOOK_BYTES
    width = _ebml_width(head[position])
    value = int.from_bytes(head[position : position + width], "big")
    return value & ((1 << 7 * width) - 1), position + width


def _mp4(head: bytes) -> str | None:
    """ISO 14496-12: a file type box comes first; still pictures share the container and are refused."""
    is_mp4 = len(head) >= 16 and head[4:8] == b"ftyp" and int.from_bytes(head[:4], "big") >= 16
    return "audio/mp4" if is_mp4 and head[8:12] not in PICTURE_BRANDS else None


def _framed(content: bytes) -> str | None:
    """MP3 and ADTS have no magic number: a valid frame header must lead to the next one, where that is within reach."""
    for length_of, mime in ((_mp3_frame_bytes, "audio/mpeg"), (_adts_frame_bytes, "audio/aac")):
        length = length_of(content[:7])
        if length is not None and (length + 7 > len(content) or length_of(content[length : length + 7]) is not None):
            return mime
    return None


def _mp3_frame_bytes(header: bytes) -> int | None:
    if len(header) < 7 or header[0] != 0xFF or header[1] & 0xE6 != 0xE2:
        return None
    version, bit_rate, rate = header[1] >> 3 & 0b11, header[2] >> 4, header[2] >> 2 & 0b11
    if version not in MPEG_RATES_HZ or bit_rate in (0, 15) or rate == 3:
        return None
    kbits = (MPEG1_KBITS if version == 0b11 else MPEG2_KBITS)[bit_rate - 1]
    bytes_a_frame = 144 if version == 0b11 else 72
    return bytes_a_frame * kbits * 1000 // MPEG_RATES_HZ[version][rate] + (header[2] >> 1 & 1)


def _adts_frame_bytes(header: bytes) -> int | None:
    if len(header) < 7 or header[0] != 0xFF or header[1] & 0xF6 != 0xF0 or header[2] >> 2 & 0b1111 > 12:
        return None
    length = (header[3] & 0b11) << 11 | header[4] << 3 | header[5] >> 5
    return length if length >= 7 else None
