"""A second of speech in everything that the door lets in: what the mutated recordings are made of."""

from dataclasses import replace
from functools import cache
from io import BytesIO

import av
import numpy as np
from av.audio.resampler import AudioResampler

from config import ROOT
from scripts.encoding import AAC, FLAC, M4A, MP3, OGG, WAV, WEBM, Format, encode
from services.audio.decoder import decoded
from services.audio.samples import SAMPLE_RATE_HZ, Samples

SECONDS = 1.0
FORMS = {
    "webm, opus": WEBM,
    "matroska, flac": Format("matroska", "flac", 16_000),
    "matroska, pcm": Format("matroska", "pcm_s16le", 8_000),
    "matroska, aac, stereo": Format("matroska", "aac", 44_100, 64_000, "stereo"),
    "ogg, opus": OGG,
    "ogg, flac": Format("ogg", "flac", 16_000),
    "mp4, aac": M4A,
    "mp4, alac": Format("ipod", "alac", 16_000),
    "mov, pcm": Format("mov", "pcm_s16be", 8_000),
    "mp3": MP3,
    "mp3, stereo": replace(MP3, rate_hz=44_100, layout="stereo"),
    "wav": replace(WAV, rate_hz=8_000),
    "wav, 24 bits": Format("wav", "pcm_s24le", 8_000),
    "wav, float": Format("wav", "pcm_f32le", 8_000),
    "wav, a-law": Format("wav", "pcm_alaw", 8_000),
    "flac": FLAC,
    "aac": AAC,
}


@cache
def corpus() -> dict[str, bytes]:
    """Recordings by what they are."""
    demo = min((ROOT / "demo" / "recordings").iterdir(), key=lambda path: path.stat().st_size)
    speech = decoded(demo.read_bytes(), max_seconds=600)[0][: int(SECONDS * SAMPLE_RATE_HZ)]
    made = {name: encode(speech, form) for name, form in FORMS.items()}
    made["ogg, vorbis"] = _vorbis(speech)
    # As Safari and Chrome record: in pieces, with lengths that nobody knew when they were written.
    made["mp4, aac, in fragments"] = _copied(made["mp4, aac"], "mp4", movflags="frag_keyframe+empty_moov")
    made["webm, opus, live"] = _copied(made["webm, opus"], "webm", live="1")
    return made


def _vorbis(samples: Samples) -> bytes:
    """FFmpeg's own encoder, which counts as experimental and takes stereo only."""
    frame = av.AudioFrame.from_ndarray(samples[np.newaxis], format="fltp", layout="mono")
    frame.sample_rate = SAMPLE_RATE_HZ
    buffer = BytesIO()
    with av.open(buffer, "w", "ogg") as target:
        stream = target.add_stream("vorbis", rate=SAMPLE_RATE_HZ, layout="stereo", options={"strict": "experimental"})
        resampler = AudioResampler(format="fltp", layout="stereo", rate=SAMPLE_RATE_HZ, frame_size=64)
        for stereo in resampler.resample(frame):
            target.mux(stream.encode(stereo))
        target.mux(stream.encode(None))
    return buffer.getvalue()


def _copied(recording: bytes, container_format: str, **options: str) -> bytes:
    buffer = BytesIO()
    with av.open(BytesIO(recording), "r") as source, av.open(buffer, "w", container_format, options=options) as target:
        spoken = source.streams.audio[0]
        stream = target.add_stream_from_template(spoken)
        for packet in source.demux(spoken):
            if packet.dts is not None:
                packet.stream = stream
                target.mux(packet)
    return buffer.getvalue()
