"""Real recordings for tests: spoken by espeak-ng where it is installed, else taken from the demo's own."""

import random
import shutil
import struct
import subprocess
from collections.abc import Iterator
from functools import cache
from io import BytesIO
from typing import cast

import av
import numpy as np
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from config import ROOT
from scripts.encoding import WEBM, encode
from services.audio.decoder import decoded
from services.audio.samples import SAMPLE_RATE_HZ, Samples

DEMO_RECORDINGS = ROOT / "demo" / "recordings"


@cache
def speech(text: str = "i led a team of twenty engineers and we moved the payment service to the cloud") -> Samples:
    """Someone speaking for some seconds; what is said is only known where espeak-ng is installed."""
    if shutil.which("espeak-ng") is None:
        recording = min(DEMO_RECORDINGS.iterdir(), key=lambda path: path.stat().st_size)
        return decoded(recording.read_bytes(), max_seconds=600)[0]
    command = ["espeak-ng", "-v", "en-us", "-s", "150", "--stdout", text]
    spoken = subprocess.run(command, check=True, capture_output=True).stdout
    return decoded(spoken, max_seconds=600)[0]


def tone(seconds: float, hertz: float = 440.0, amplitude: float = 0.5) -> Samples:
    times = np.arange(round(seconds * SAMPLE_RATE_HZ)) / SAMPLE_RATE_HZ
    return (amplitude * np.sin(2 * np.pi * hertz * times)).astype(np.float32)


def silence(seconds: float) -> Samples:
    return np.zeros(round(seconds * SAMPLE_RATE_HZ), np.float32)


def long_silence_in_flac(hours: float) -> bytes:
    """Hours of digital silence: a few megabytes that would be gigabytes of samples."""
    rate_hz = 8_000
    buffer = BytesIO()
    with av.open(buffer, mode="w", format="flac") as container:
        # The largest frames there are: ten hours in a second or two.
        stream = container.add_stream("flac", rate=rate_hz, layout="mono", options={"frame_size": "65535"})
        stream.codec_context.open()
        size = stream.codec_context.frame_size
        frame = av.AudioFrame.from_ndarray(np.zeros((1, size), np.int16), format="s16", layout="mono")
        frame.sample_rate = rate_hz
        for number in range(round(hours * 3600 * rate_hz / size)):
            frame.pts = number * size
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return buffer.getvalue()


def video(container_format: str, codec: str, sound: Samples | None = None) -> bytes:
    """A second of grey pictures, with sound beside them where given."""
    buffer = BytesIO()
    with av.open(buffer, mode="w", format=container_format) as container:
        pictures = cast(VideoStream, container.add_stream(codec, rate=10))
        pictures.width, pictures.height, pictures.pix_fmt = 64, 64, "yuv420p"
        if sound is not None:
            _copy_audio(encode(sound, WEBM), container)
        for _ in range(10):
            frame = VideoFrame.from_ndarray(np.full((64, 64, 3), 128, np.uint8), format="rgb24")
            container.mux(pictures.encode(frame))
        container.mux(pictures.encode(None))
    return buffer.getvalue()


def beginning_at(seconds: float, recording: bytes, container_format: str) -> bytes:
    """The same recording, but its clock begins at `seconds`."""
    buffer = BytesIO()
    with av.open(buffer, mode="w", format=container_format) as container:
        _copy_audio(recording, container, delay_seconds=seconds)
    return buffer.getvalue()


def _copy_audio(recording: bytes, target: av.container.OutputContainer, delay_seconds: float = 0) -> None:
    with av.open(BytesIO(recording), mode="r") as source:
        spoken = source.streams.audio[0]
        stream = target.add_stream_from_template(spoken)
        for packet in source.demux(spoken):
            if packet.dts is None or packet.pts is None or packet.time_base is None:
                continue
            delay = round(delay_seconds / packet.time_base)
            packet.dts, packet.pts = packet.dts + delay, packet.pts + delay
            packet.stream = stream
            target.mux(packet)


def float_wav(samples: Samples) -> bytes:
    """A WAV of 32-bit floats, which may hold anything a float can be."""
    head = struct.pack(
        "<4sI4s4sIHHIIHH", b"RIFF", 36 + samples.nbytes, b"WAVE", b"fmt ", 16, 3, 1, 16_000, 64_000, 4, 32
    )
    return head + struct.pack("<4sI", b"data", samples.nbytes) + samples.tobytes()


def promising(samples: int) -> bytes:
    """An MP4 of some hundred bytes whose index promises that many packets of one byte each."""
    configuration = bytes.fromhex("0380808022000200048080801440150000000001f4000001f40005808080021210060102")
    aac = struct.pack(">6xH8xHHHHI", 1, 2, 16, 0, 0, 44_100 << 16) + box(b"esds", bytes(4) + configuration)
    tables = {
        b"stsd": struct.pack(">II", 0, 1) + box(b"mp4a", aac),
        b"stts": struct.pack(">IIII", 0, 1, samples, 1024),
        b"stsc": struct.pack(">IIIII", 0, 1, 1, samples, 1),
        b"stsz": struct.pack(">III", 0, 1, samples),
        b"stco": struct.pack(">III", 0, 1, 40),
    }
    index = box(b"stbl", b"".join(box(kind, table) for kind, table in tables.items()))
    media = box(b"mdhd", struct.pack(">IIIII4x", 0, 0, 0, 44_100, 0)) + box(b"hdlr", struct.pack(">8x4s13x", b"soun"))
    media += box(b"minf", box(b"smhd", bytes(8)) + index)
    track = box(b"trak", box(b"tkhd", bytes(84)) + box(b"mdia", media))
    movie = box(b"moov", box(b"mvhd", struct.pack(">IIIII80x", 0, 0, 0, 1000, 1000)) + track)
    return box(b"ftyp", b"isom\0\0\0\0isom") + box(b"mdat", bytes(200)) + movie


def box(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I4s", 8 + len(content), kind) + content


def mutations(recording: bytes, count: int) -> Iterator[bytes]:
    """The recording with bytes changed, cut off, taken out or repeated; the same ones every time."""
    rng = random.Random(0)
    for _ in range(count):
        mutated, place = bytearray(recording), rng.randrange(len(recording))
        kind = rng.choice(("bytes", "header", "cut", "hole", "repeat"))
        if kind == "bytes":
            for _ in range(rng.randint(1, 20)):
                mutated[rng.randrange(len(mutated))] = rng.randrange(256)
        elif kind == "header":
            mutated[place % 600] = rng.choice((0, 1, 127, 128, 255))
        elif kind == "cut":
            del mutated[place:]
        elif kind == "hole":
            del mutated[place : place + rng.randint(1, 400)]
        else:
            mutated[place:place] = mutated[place : place + rng.randint(1, 400)]
        yield bytes(mutated)
