"""Encodes samples as browsers and phones record them, for the demo's recordings and for the tests."""

from dataclasses import dataclass
from io import BytesIO
from typing import cast

import av
import numpy as np
from av.audio.fifo import AudioFifo
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.audio.stream import AudioStream

from services.audio.samples import SAMPLE_RATE_HZ, Samples


@dataclass(frozen=True, slots=True)
class Format:
    """A container as FFmpeg names it, with the codec inside and how that is fed."""

    container: str
    codec: str
    rate_hz: int
    bits_per_second: int | None = None
    layout: str = "mono"


WEBM = Format("webm", "libopus", 48_000, 48_000)
OGG = Format("ogg", "libopus", 48_000, 32_000)
M4A = Format("ipod", "aac", 44_100, 64_000)
MP3 = Format("mp3", "libmp3lame", 24_000, 48_000)
WAV = Format("wav", "pcm_s16le", 16_000)
FLAC = Format("flac", "flac", 16_000)
AAC = Format("adts", "aac", 44_100, 64_000)


def encode(samples: Samples, form: Format) -> bytes:
    """16 kHz mono samples as the bytes of a recording."""
    buffer = BytesIO()
    with av.open(buffer, mode="w", format=form.container) as container:
        stream = cast(AudioStream, container.add_stream(form.codec, rate=form.rate_hz, layout=form.layout))
        if form.bits_per_second is not None:
            stream.bit_rate = form.bits_per_second
        stream.codec_context.open()
        for frame in _frames(samples, stream):
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return buffer.getvalue()


def _frames(samples: Samples, stream: AudioStream) -> list[AudioFrame]:
    """The samples in the encoder's own format, cut to its frame size."""
    frame = AudioFrame.from_ndarray(np.ascontiguousarray(samples)[np.newaxis], format="flt", layout="mono")
    frame.sample_rate = SAMPLE_RATE_HZ
    resampler = AudioResampler(format=stream.format, layout=stream.layout, rate=stream.rate)
    fifo = AudioFifo()
    for resampled in [*resampler.resample(frame), *resampler.resample(None)]:
        resampled.pts = None
        fifo.write(resampled)
    size = stream.codec_context.frame_size or 1024
    frames = [*fifo.read_many(size), fifo.read(0, partial=True)]
    position = 0
    for frame in filter(None, frames):
        frame.pts = position
        position += frame.samples
    return [frame for frame in frames if frame is not None]
