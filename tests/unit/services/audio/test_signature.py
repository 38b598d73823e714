import random

import pytest

from scripts.encoding import AAC, FLAC, M4A, MP3, OGG, WAV, WEBM, encode
from services.audio.signature import container_of
from services.errors import InvalidRequest, UnsupportedRecording
from tests.recordings import tone

RECORDINGS = {
    "audio/webm": WEBM,
    "audio/ogg": OGG,
    "audio/mp4": M4A,
    "audio/mpeg": MP3,
    "audio/wav": WAV,
    "audio/flac": FLAC,
    "audio/aac": AAC,
}

NOT_AUDIO = {
    "ffconcat": b"ffconcat version 1.0\nfile /etc/hostname\n",
    "hls": b"#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\nfile:///etc/hostname\n",
    "dash": b'<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011"/>',
    "sdp": b"v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nm=audio 5004 RTP/AVP 0\n",
    "html": b"<!doctype html><title>no</title>",
    "json": b'{"audio": true}',
    "zip": b"PK\x03\x04" + bytes(60),
    "pdf": b"%PDF-1.7\n",
    "elf": b"\x7fELF\x02\x01\x01" + bytes(60),
    "png": b"\x89PNG\r\n\x1a\n" + bytes(60),
    "jpeg": b"\xff\xd8\xff\xe0" + bytes(60),
    "avi": b"RIFF\x24\x00\x00\x00AVI LIST" + bytes(60),
    "heic": b"\x00\x00\x00\x18ftypheic" + bytes(60),
    "utf-16": "recording".encode("utf-16"),
    "zeros": bytes(5000),
    "ones": b"\xff" * 5000,
    "one byte": b"\x1a",
    "ebml that ends": b"\x1a\x45\xdf\xa3",
    "ebml of something else": b"\x1a\x45\xdf\xa3\x88\x42\x82\x85hello",
    "ebml with a zero byte for a size": b"\x1a\x45\xdf\xa3\x00\x00\x42\x82\x84webm",
}


@pytest.mark.parametrize("mime", RECORDINGS)
def test_real_recordings_are_named_by_their_container(mime):
    assert container_of(encode(tone(0.5), RECORDINGS[mime])) == mime


@pytest.mark.parametrize("content", NOT_AUDIO.values(), ids=NOT_AUDIO)
def test_what_is_not_a_recording_is_refused(content):
    with pytest.raises(UnsupportedRecording) as refusal:
        container_of(content)
    assert refusal.value.code == "unsupported_media_type"


def test_an_empty_recording_is_refused_with_its_own_code():
    with pytest.raises(InvalidRequest) as refusal:
        container_of(b"")
    assert refusal.value.code == "empty_recording"


def test_an_mp3_with_an_id3_tag_in_front_is_audio():
    assert container_of(b"ID3\x04\x00\x00\x00\x00\x00\x00" + encode(tone(0.2), MP3)) == "audio/mpeg"


def test_matroska_is_told_from_webm():
    assert container_of(b"\x1a\x45\xdf\xa3\x8b\x42\x82\x88matroska") == "audio/matroska"


def test_a_header_in_a_very_large_ebml_header_is_not_searched_for():
    padding = b"\xec\x50\x00" + bytes(4096)
    with pytest.raises(UnsupportedRecording):
        container_of(b"\x1a\x45\xdf\xa3\x52\x00" + padding + b"\x42\x82\x84webm")


def test_any_bytes_at_all_are_named_or_refused():
    rng = random.Random(1)
    heads = [b"\x1a\x45\xdf\xa3", b"\xff\xfb", b"\xff\xf1", b"\x00\x00\x00\x20ftyp", b"ID3", b"RIFF", b""]
    for _ in range(3000):
        content = rng.choice(heads) + rng.randbytes(rng.randint(0, 40))
        try:
            assert container_of(content).startswith("audio/")
        except InvalidRequest:
            continue
