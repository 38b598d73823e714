"""Turns a recording's bytes into samples with PyAV: one streamed pass that decodes, mixes down and resamples.

A recording is hostile input. FFmpeg gets its bytes from us, may not open anything else, and knows only the
containers and decoders a browser or a phone records with. What it might still do, it does in a child process:
services/audio/decode.py.
"""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from io import BytesIO
from typing import BinaryIO, NoReturn, cast

import av
import av.error
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.filter import Graph

from services.audio.fork_protocol import most_bytes
from services.audio.samples import SAMPLE_RATE_HZ, Samples
from services.audio.verdicts import bad_audio, no_audio_track, too_long
from services.errors import RecordingRejected

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
# Opus makes 50 frames a second: what is done to samples is done to some seconds of them at once.
BLOCK_BYTES = 256 * 1024


@dataclass(slots=True)
class Damage:
    """What had to be passed over in a recording: packets that did not decode, and whether its container broke off."""

    bad_packets: int = 0
    broke_off: bool = False

    def __bool__(self) -> bool:
        return self.bad_packets > 0 or self.broke_off


def decoded(content: bytes, *, max_seconds: float) -> tuple[Samples, Damage]:
    """The recording as 16 kHz mono float32 in [-1, 1], beginning at its first sample, and its damage.

    What can be heard of a damaged recording is returned. Raises `RecordingRejected` with the code `too_long`,
    `no_audio_track` or `bad_audio`.
    """
    damage = Damage()
    return np.concatenate(list(decoded_blocks(BytesIO(content), damage, max_seconds=max_seconds))), damage


def decoded_blocks(recording: BinaryIO, damage: Damage, *, max_seconds: float) -> Iterator[Samples]:
    """The same, some seconds at a time: whatever the length, no more than that is in memory.

    What was passed over is counted in `damage`. Raises as `decoded`, and that can be after the first blocks.
    """
    limit_bytes = most_bytes(max_seconds)
    heard_bytes = 0
    try:
        with _opened(recording) as container:
            for block in _blocks(_resampled(_frames(container, _audio_stream(container), damage))):
                heard_bytes += len(block)
                if heard_bytes > limit_bytes:
                    raise too_long(max_seconds)
                yield _within_range(np.frombuffer(block, dtype=np.float32))
    except RecordingRejected:
        raise
    # FFmpeg's errors on damaged files have no common class: UnicodeDecodeError, EOFError and PermissionError were seen.
    except Exception as error:
        raise bad_audio() from error
    if heard_bytes == 0:
        raise bad_audio()


def _opened(recording: BinaryIO) -> InputContainer:
    # Tags in another encoding than UTF-8 are no reason to lose an answer.
    options = CONTAINER_OPTIONS
    return av.open(recording, "r", container_options=options, metadata_errors="replace", io_open=_refuse)


def _refuse(url: str, flags: int, options: dict[str, str]) -> NoReturn:
    raise PermissionError("a recording may not open another file")


def _audio_stream(container: InputContainer) -> AudioStream:
    if not container.streams.audio:
        raise no_audio_track()
    for stream in container.streams.audio:
        if stream.codec_context is not None and stream.codec_context.name in DECODERS | PCM_DECODERS:
            # FFmpeg would start a thread for each processor, whose stacks alone are more than a child may have.
            stream.codec_context.thread_count = 1
            return stream
    raise bad_audio()


def _frames(container: InputContainer, stream: AudioStream, damage: Damage) -> Iterator[AudioFrame]:
    """Every frame that decodes; what does not is passed over and counted."""
    good_packets = 0
    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets, None)
        except av.error.FFmpegError:
            damage.broke_off = True
            break
        if packet is None:
            break
        try:
            frames = packet.decode()
        except av.error.FFmpegError:
            damage.bad_packets += 1
            continue
        good_packets += bool(frames)
        yield from frames
    # Noise that happens to decode here and there is not an answer.
    if damage.bad_packets > good_packets:
        raise bad_audio()


def _resampled(frames: Iterator[AudioFrame]) -> Iterator[AudioFrame]:
    shape, resampler, changes = None, None, 0
    for frame in frames:
        # Only the samples' order counts: a recording that begins at 5 s, or whose clock jumps, is heard from its start.
        frame.pts = None
        if resampler is None or shape != (frame.format.name, frame.layout.name, frame.sample_rate):
            if resampler is not None:
                yield from _through(resampler, None)
            if (changes := changes + 1) > MAX_SHAPE_CHANGES:
                raise bad_audio()
            shape = (frame.format.name, frame.layout.name, frame.sample_rate)
            resampler = _resampler(*shape)
        yield from _through(resampler, frame)
    if resampler is not None:
        yield from _through(resampler, None)


def _through(resampler: Graph, frame: AudioFrame | None) -> Iterator[AudioFrame]:
    """What comes out behind a frame, or behind the last one (None)."""
    resampler.push(frame)
    # Empty, or at its end.
    with suppress(BlockingIOError, EOFError):
        while True:
            yield cast(AudioFrame, resampler.pull())


def _blocks(frames: Iterator[AudioFrame]) -> Iterator[bytearray]:
    block = bytearray()
    for frame in frames:
        block += frame.to_ndarray().tobytes()
        if len(block) >= BLOCK_BYTES:
            yield block
            block = bytearray()
    if block:
        yield block


def _resampler(sample_format: str, layout: str, rate_hz: int) -> Graph:
    graph = Graph()
    # PyAV's own resampler would start a thread for each processor, too.
    graph.threads = 1
    graph.link_nodes(
        graph.add("abuffer", sample_fmt=sample_format, channel_layout=layout, sample_rate=str(rate_hz)),
        # In floating point FFmpeg does not scale a downmix: equal channels would come out at 141 %.
        graph.add("aresample", rematrix_maxval="1.0"),
        graph.add("aformat", sample_fmts="flt", channel_layouts="mono", sample_rates=str(SAMPLE_RATE_HZ)),
        graph.add("abuffersink"),
    ).configure()
    return graph


def _within_range(samples: Samples) -> Samples:
    """Clips, and silences what is not a number: a float WAV may hold anything, and one NaN deafens the model."""
    np.nan_to_num(samples, copy=False, nan=0.0, posinf=1.0, neginf=-1.0)
    return np.clip(samples, -1.0, 1.0, out=samples)
