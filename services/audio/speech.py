"""Finds where somebody speaks, with Silero's network: https://github.com/snakers4/silero-vad (MIT)."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from services.audio.samples import SAMPLE_RATE_HZ, Samples
from services.models import Span

# Importing Silero tells PyTorch to use one thread from then on, in the whole process: so it is told again.
_threads = torch.get_num_threads()
from silero_vad import get_speech_timestamps_from_probs, load_silero_vad  # noqa: E402
from silero_vad.sequence_vad import frame_blocks  # noqa: E402

torch.set_num_threads(_threads)

FRAME_SAMPLES = 512
CONTEXT_SAMPLES = 64
STATE_SHAPE = (1, 1, 128)
# Some 16 s: on longer stretches the network is no faster, and it takes more memory.
MOST_FRAMES = 512

Probabilities = NDArray[np.float32]


class SpeechDetector:
    """The network, loaded once; any number of threads may listen with it, each to a recording of its own."""

    def __init__(self) -> None:
        # The `sequence` model says what the stock one says, bit for bit, about many frames in one call.
        self._session = load_silero_vad(sequence=True).session

    def listen(self) -> "Listening":
        """Begin with a recording."""
        return Listening(self._session)


class Listening:
    """Hears one recording, some seconds at a time, as if it were one: what was heard before goes on to count."""

    def __init__(self, session: Any) -> None:
        self._session = session
        self._state = (np.zeros(STATE_SHAPE, np.float32), np.zeros(STATE_SHAPE, np.float32))
        self._context = np.zeros(CONTEXT_SAMPLES, np.float32)
        self._rest = np.empty(0, np.float32)
        self._heard: list[Probabilities] = []

    def hear(self, samples: Samples) -> None:
        samples = np.concatenate((self._rest, samples))
        whole = len(samples) - len(samples) % FRAME_SAMPLES
        self._rest = samples[whole:]
        self._hear(samples[:whole])

    def probabilities(self) -> Probabilities:
        """How probable speech is in each 32 ms; behind the last one nothing is heard any more."""
        self._hear(self._rest)
        self._rest = self._rest[:0]
        return np.concatenate([*self._heard, np.empty(0, np.float32)])

    def speech(self, seconds: float) -> tuple[Span, ...]:
        """Where somebody speaks in the recording, which is so long, by Silero's own rules."""
        found = get_speech_timestamps_from_probs(
            self.probabilities().tolist(), audio_length_samples=round(seconds * SAMPLE_RATE_HZ)
        )
        return tuple(Span(_seconds(each["start"]), _seconds(each["end"])) for each in found)

    def _hear(self, samples: Samples) -> None:
        for block in frame_blocks(samples, FRAME_SAMPLES, CONTEXT_SAMPLES, MOST_FRAMES):
            block[0, :CONTEXT_SAMPLES] = self._context
            self._context = block[-1, -CONTEXT_SAMPLES:].copy()
            inputs = {"input": block, "h": self._state[0], "c": self._state[1]}
            probabilities, *self._state = self._session.run(["speech_probs", "hn", "cn"], inputs)
            self._heard.append(probabilities.reshape(-1))


def _seconds(samples: int) -> float:
    return round(samples / SAMPLE_RATE_HZ, 3)
