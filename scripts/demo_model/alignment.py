"""Guesses when each word of a sentence is spoken, which the encoder is taught from before the attention has formed."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scripts.demo_model.corpus import vocabulary
from scripts.demo_model.features import EDGE_FRAMES, Clips

FRAMES_A_LABEL = 4
NOBODY = len(vocabulary())


@dataclass(frozen=True, slots=True)
class WordTimes:
    """Every sentence's words as numbers in the vocabulary, and the frame each of them ends at."""

    words: list[NDArray[np.int64]]
    ends: list[NDArray[np.int64]]


def word_times(clips: Clips) -> WordTimes:
    """Give every word of the vocabulary one length, so that their sums fit the sentences' lengths best."""
    numbers = {word: number for number, word in enumerate(vocabulary())}
    words = [np.array([numbers[word] for word in text.split()]) for text in clips.texts]
    spoken = clips.lengths() - 2 * EDGE_FRAMES
    counts = np.zeros((len(words), len(numbers)), dtype=np.float32)
    for row, sentence in zip(counts, words, strict=True):
        np.add.at(row, sentence, 1.0)
    # A little pull towards 25 frames keeps words that were hardly drawn from getting a length below nothing.
    matrix, target = counts.T @ counts + np.eye(len(numbers)), counts.T @ spoken + 25.0
    frames = np.maximum(np.linalg.solve(matrix, target), 4.0)
    ends = []
    for sentence, length in zip(words, spoken, strict=True):
        sums = np.cumsum(frames[sentence])
        ends.append(np.round(sums * (length / sums[-1])).astype(np.int64) + EDGE_FRAMES)
    return WordTimes(words, ends)


def labels(pieces: list[tuple[int, int]], times: WordTimes, frames: int) -> NDArray[np.int64]:
    """The word spoken in each 40 ms of a window that holds these (clip, first frame), or `NOBODY`."""
    result = np.full(frames // FRAMES_A_LABEL, NOBODY, dtype=np.int64)
    for index, first in pieces:
        begin = first + EDGE_FRAMES
        for word, end in zip(times.words[index], times.ends[index] + first, strict=True):
            result[(begin + 2) // FRAMES_A_LABEL : (end + 2) // FRAMES_A_LABEL] = word
            begin = end
    return result
