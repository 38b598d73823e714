"""Short real recordings whose words tell them apart, each upload with bytes of its own."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from struct import pack

import numpy as np

from scripts.demo_interview import read_interview, word_error_rate
from scripts.encoding import WAV, encode
from services.audio.decoder import decoded
from services.audio.samples import SAMPLE_RATE_HZ, Samples

FRAME = SAMPLE_RATE_HZ // 50
# The bundled recordings pause for 0.6 s and more between sentences, and never as long within one.
PAUSE_FRAMES = 25
MARGIN_SECONDS = 0.2
LONGEST_SECONDS = 3.2
GRIDFS_CHUNK_BYTES = 255 * 1024
SILENCE = "silence"


@dataclass(frozen=True, slots=True)
class Clip:
    """One sentence as a WAV file; `text` is what is said, and empty for silence."""

    text: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Upload:
    """A clip as one take sends it: the same sound, other bytes."""

    text: str
    content: bytes
    sha256: str


class Clips:
    """Every sentence of the demo interview that is short, and silence."""

    def __init__(self) -> None:
        self._clips = [*_sentences(), Clip("", encode(np.zeros(2 * SAMPLE_RATE_HZ, dtype=np.float32), WAV))]

    def __len__(self) -> int:
        return len(self._clips)

    def __iter__(self) -> Iterator[Clip]:
        return iter(self._clips)

    def any(self, chance: random.Random) -> Upload:
        """One of them with an ignored chunk at its end: by its size some uploads take one GridFS chunk, some three."""
        clip = chance.choice(self._clips)
        padding = chance.choice([16, 16, GRIDFS_CHUNK_BYTES, 2 * GRIDFS_CHUNK_BYTES])
        return padded(clip, chance.randbytes(padding))

    def is_of(self, heard: str, text: str) -> bool:
        """Whether what was heard is nearer to this clip's text than to any other's."""
        if not text or not heard:
            return text == heard
        texts = [clip.text for clip in self._clips if clip.text]
        return min(texts, key=lambda each: word_error_rate(each, heard)) == text


def padded(clip: Clip, padding: bytes) -> Upload:
    """The clip with a RIFF chunk that readers skip (Multimedia Programming Interface and Data Specifications 1.0)."""
    content = clip.content + b"JUNK" + pack("<I", len(padding)) + padding
    content = content[:4] + pack("<I", len(content) - 8) + content[8:]
    return Upload(clip.text, content, sha256(content).hexdigest())


def _sentences() -> Iterator[Clip]:
    for question in read_interview().questions:
        samples, _ = decoded(question.recording.read_bytes(), max_seconds=600)
        texts = question.transcript.rstrip(".").split(". ")
        pieces = _between_pauses(samples)
        if len(pieces) != len(texts):
            continue  # a pause within a sentence: its words cannot be told
        for text, piece in zip(texts, pieces, strict=True):
            if len(piece) <= LONGEST_SECONDS * SAMPLE_RATE_HZ:
                yield Clip(text, encode(piece, WAV))


def _between_pauses(samples: Samples) -> list[Samples]:
    frames = samples[: len(samples) // FRAME * FRAME].reshape(-1, FRAME)
    loud = np.flatnonzero(np.abs(frames).max(axis=1) > 0.02)
    breaks = np.flatnonzero(np.diff(loud) > PAUSE_FRAMES)
    starts, ends = loud[np.r_[0, breaks + 1]], loud[np.r_[breaks, -1]]
    margin = round(MARGIN_SECONDS * SAMPLE_RATE_HZ)
    return [
        samples[max(0, start * FRAME - margin) : (end + 1) * FRAME + margin]
        for start, end in zip(starts, ends, strict=True)
    ]
