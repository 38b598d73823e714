"""Turns a recording's bytes into samples with PyAV: one streamed pass that decodes, mixes down and resamples.

A recording is hostile input. FFmpeg gets its bytes from memory, may not open anything else, and knows only the
containers and decoders a browser or a phone records with.
"""

from collections.abc import Iterator
from io import BytesIO
from typing import NoReturn

import av
import av.error
import numpy as np
import structlog
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.audio.stream import AudioStream
from av.container import InputContainer

from services.errors import RecordingRejected
from services.transcribers import SAMPLE_RATE_HZ, Samples

log = structlog.get_logger()

# Without the whitelist a text file that says "ffconcat" makes FFmpeg read other files of this machine.
FORMATS = "matroska,webm,ogg,wav,mp3,mov,mp4,m4a,flac,aac"
DECODERS = frozenset({"opus", "libopus", "vorbis", "aac", "mp3", "mp3float", "flac", "alac"})
PCM_DECODERS = frozenset(
    {"pcm_u8", "pcm_s16le", "pcm_s24le", "pcm_s32le", "pcm_f32le", "pcm_s16be", "pcm_alaw", "pcm_mulaw"}
)
CONTAINER_OPTIONS = {
    "format_whitelist": FORMATS,
    "codec_whitelist": ",".join(sorted(DECODERS | PCM_DECODERS)),
    "protocol_whitelist": "none",
}
# Every change of rate or channels builds a new resampler; a real recording changes at most when a device is switched.
MAX_SHAPE_CHANGES = 16
SAMPLE_BYTES = 4


def decode(content: bytes, *, max_seconds: float) -> Samples:
    """The recording as 16 kHz mono float32 in [-1, 1], beginning at its first sample.

    Damage is survived: what can be heard of a truncated recording is returned. Memory stays within what `max_seconds`
    of samples take, whatever the file promises. Raises `RecordingRejected` with the code `too_long`, `no_audio_track`
    or `bad_audio`.
    """
    limit_bytes = int(max_seconds * SAMPLE_RATE_HZ) * SAMPLE_BYTES
    heard = bytearray()
    try:
        with _opened(content) as container:
            for frame in _resampled(_frames(container, _audio_stream(container))):
                heard += frame.to_ndarray().tobytes()
                if len(heard) > limit_bytes:
                    raise RecordingRejected(
                        f"The recording is longer than {max_seconds:g} seconds, the longest that is accepted.",
                        code="too_long",
                    )
    except RecordingRejected:
        raise
    # FFmpeg's errors on damaged files have no common class: UnicodeDecodeError, EOFError and PermissionError were seen.
    except Exception as error:
        raise _bad_audio() from error
    if not heard:
        raise _bad_audio()
    return _within_range(np.frombuffer(heard, dtype=np.float32))


def _opened(content: bytes) -> InputContainer:
    # Tags in another encoding than UTF-8 are no reason to lose an answer.
    options = CONTAINER_OPTIONS
    return av.open(BytesIO(content), "r", container_options=options, metadata_errors="replace", io_open=_refuse)


def _refuse(url: str, flags: int, options: dict[str, str]) -> NoReturn:
    raise PermissionError("a recording may not open another file")


def _audio_stream(container: InputContainer) -> AudioStream:
    if not container.streams.audio:
        raise RecordingRejected("The recording has no audio track.", code="no_audio_track")
    for stream in container.streams.audio:
        if stream.codec_context is not None and stream.codec_context.name in DECODERS | PCM_DECODERS:
            return stream
    raise _bad_audio()


def _frames(container: InputContainer, stream: AudioStream) -> Iterator[AudioFrame]:
    """Every frame that decodes; damaged packets and a container that breaks off are passed over and logged."""
    good = bad = 0
    broken_off = False
    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets, None)
        except av.error.FFmpegError:
            broken_off = True
            break
        if packet is None:
            break
        try:
            frames = packet.decode()
        except av.error.FFmpegError:
            bad += 1
            continue
        good += bool(frames)
        yield from frames
    # Noise that happens to decode here and there is not an answer.
    if bad > good:
        raise _bad_audio()
    if bad or broken_off:
        log.warning("A damaged recording was decoded.", bad_packets=bad, good_packets=good, broken_off=broken_off)


def _resampled(frames: Iterator[AudioFrame]) -> Iterator[AudioFrame]:
    shape, resampler, changes = None, None, 0
    for frame in frames:
        # Only the samples' order counts: a recording that begins at 5 s, or whose clock jumps, is heard from its start.
        frame.pts = None
        if resampler is None or shape != (frame.format.name, frame.layout.name, frame.sample_rate):
            if resampler is not None:
                yield from resampler.resample(None)
            if (changes := changes + 1) > MAX_SHAPE_CHANGES:
                raise _bad_audio()
            shape = (frame.format.name, frame.layout.name, frame.sample_rate)
            resampler = _resampler()
        yield from resampler.resample(frame)
    if resampler is not None:
        yield from resampler.resample(None)


def _resampler() -> AudioResampler:
    # In floating point FFmpeg does not scale a downmix: without `rematrix_maxval` equal channels come out at 141 %.
    return AudioResampler(format="flt", layout="mono", rate=SAMPLE_RATE_HZ, options={"rematrix_maxval": "1.0"})


def _within_range(samples: Samples) -> Samples:
    """Clips, and silences what is not a number: a float WAV may hold anything, and one NaN deafens the model."""
    np.nan_to_num(samples, copy=False, nan=0.0, posinf=1.0, neginf=-1.0)
    return np.clip(samples, -1.0, 1.0, out=samples)


def _bad_audio() -> RecordingRejected:
    return RecordingRejected("The recording is damaged and cannot be heard. Please record the answer again.")
