"""Files made to hurt: refused at the door, or ended in their child, with little time and memory, and nothing opened."""

import threading
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from pathlib import Path

import av
import pytest
from av.container import InputContainer

from scripts.decoding import decode_in, heard
from scripts.encoding import WAV, encode
from services.audio.decode import children
from services.audio.decoder import decoded
from services.audio.signature import container_of
from services.errors import RecordingRejected, UnsupportedRecording
from tests.hostile_recordings import HOSTILE, as_mp3, mp4_elsewhere
from tests.recordings import promising, tone

MAX_SECONDS = 600
CPU_SECONDS = 2
MORE_KILOBYTES = 100_000
HEARD = {
    "a webm of 2^40 bytes",
    "a webm with a private codec of 2^40 bytes",
    "a webm with a cluster of 2^40 bytes",
    "a webm with an attachment of 20 MB",
    "a webm with 300,000 tags",
    "a wav of 4 GB",
    "a flac with a picture of 16 MB",
    "a flac with 900,000 seek points",
    "an mp3 with a picture of 15 MB",
}
OTHER_CODES = {"ten hours of silence": "too_long", "a cover and no sound": "no_audio_track"}


@pytest.fixture(scope="module")
def idle_kilobytes() -> int:
    """The peak of a child that decodes next to nothing."""
    recording = encode(tone(0.1), WAV)
    return decode_in(children, recording, max_seconds=MAX_SECONDS).ended.peak_kilobytes


@pytest.mark.parametrize("name", HOSTILE)
def test_what_asks_for_too_much_costs_little(name: str, idle_kilobytes: int):
    decoding = decode_in(children, HOSTILE[name](), max_seconds=MAX_SECONDS)
    try:
        outcome = f"{len(heard(decoding)) / 16_000:.0f} s"
    except RecordingRejected as rejected:
        outcome = rejected.code
    assert outcome == ("1 s" if name in HEARD else OTHER_CODES.get(name, "bad_audio"))
    assert decoding.ended.cpu_seconds <= CPU_SECONDS
    assert decoding.ended.peak_kilobytes - idle_kilobytes <= MORE_KILOBYTES


@pytest.mark.parametrize("packets", [100_000, 1_000_000, 2_000_000, 2_500_000, 20_000_000])
def test_what_fits_into_a_childs_memory_is_no_more_than_it_may_take(packets: int, idle_kilobytes: int):
    recording = promising(packets)
    decoding = decode_in(children, recording, max_seconds=MAX_SECONDS)
    with pytest.raises(RecordingRejected):
        heard(decoding)
    assert decoding.ended.peak_kilobytes - idle_kilobytes <= MORE_KILOBYTES


class Canary:
    """A recording that can be had as a file and over HTTP, and knows whether somebody came for it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.content = encode(tone(1), WAV)
        path.write_bytes(self.content)
        self.visits: list[str] = []
        canary = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                self.send_header("Content-Length", str(len(canary.content)))
                self.end_headers()
                self.wfile.write(canary.content)

            def log_message(self, *_: object) -> None:
                pass

        class Server(ThreadingHTTPServer):
            def get_request(self):
                accepted = super().get_request()
                canary.visits.append("http")
                return accepted

        self._server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/secret.wav"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def canary(tmp_path, monkeypatch) -> Iterator[Canary]:
    monkeypatch.chdir(tmp_path)
    canary = Canary(tmp_path / "secret.wav")
    yield canary
    canary.close()


def texts(address: str) -> dict[str, bytes]:
    """Each way in which a file can say that the sound is elsewhere."""
    said = {
        "ffconcat": f"ffconcat version 1.0\nfile '{address}'\n",
        "hls": f"#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{address}\n#EXT-X-ENDLIST\n",
        "dash": '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" '
        'mediaPresentationDuration="PT1S" profiles="urn:mpeg:dash:profile:isoff-on-demand:2011"><Period>'
        '<AdaptationSet mimeType="audio/mp4"><Representation id="0" bandwidth="1"><BaseURL>'
        f"{address}</BaseURL></Representation></AdaptationSet></Period></MPD>",
        "sdp": "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=x\r\nc=IN IP4 127.0.0.1\r\n"
        f"a=control:{address}\r\nt=0 0\r\nm=audio 5004 RTP/AVP 0\r\n",
        "html": f'<!doctype html><audio src="{address}"></audio>',
        "zip": "PK\x03\x04" + "\0" * 60 + address,
        "asx": f'<asx version="3.0"><entry><ref href="{address}"/></entry></asx>',
    }
    return {name: text.encode() for name, text in said.items()}


@pytest.mark.parametrize("place", ["file", "http"])
@pytest.mark.parametrize("name", texts(""))
def test_a_text_that_names_another_file_opens_nothing(canary: Canary, name: str, place: str):
    text = texts(str(canary.path) if place == "file" else canary.url)[name]
    with pytest.raises(UnsupportedRecording):
        container_of(text)
    # The door can be had: an ID3 tag in front makes it an MP3.
    assert container_of(as_mp3(text)) == "audio/mpeg"
    for content in (text, as_mp3(text)):
        assert code_of(content) == "bad_audio"
    assert canary.visits == []


@pytest.mark.parametrize("place", ["file", "http"])
def test_an_mp4_whose_sound_is_said_to_be_elsewhere_opens_nothing(canary: Canary, place: str):
    content = mp4_elsewhere(str(canary.path) if place == "file" else canary.url)
    assert container_of(content) == "audio/mp4"
    assert code_of(content) == "bad_audio"
    assert canary.visits == []


def test_without_our_options_ffmpeg_would_have_opened_them(canary: Canary):
    """Or the tests above would prove nothing."""
    options = {"protocol_whitelist": "file,http,tcp", "safe": "0", "allowed_extensions": "ALL"}
    for address in (str(canary.path), canary.url):
        with av.open(BytesIO(texts(address)["ffconcat"]), format="concat", container_options=options) as container:
            assert isinstance(container, InputContainer)
            assert sum(frame.samples for frame in container.decode(container.streams.audio[0])) == 16_000
    assert canary.visits == ["http"]
    with suppress(av.error.FFmpegError):
        av.open(BytesIO(texts(canary.url)["hls"]), format="hls", container_options=options).close()
    assert canary.visits[1:]


def code_of(content: bytes) -> str:
    """The same in a child, which can open nothing, and here, where only the decoder's options keep it from it."""
    with pytest.raises(RecordingRejected) as rejected:
        decoded(content, max_seconds=5)
    decoding = decode_in(children, content, max_seconds=5)
    with pytest.raises(RecordingRejected) as rejected_by_child:
        heard(decoding)
    assert rejected_by_child.value.code == rejected.value.code
    return rejected.value.code
