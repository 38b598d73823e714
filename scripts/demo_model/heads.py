#!/usr/bin/env python3
"""Chooses the heads that follow the speech best, on voices of the training: `python -m scripts.demo_model.heads`.

The result stands in `scripts.demo_model.model.ALIGNMENT_HEADS` and in the model's generation_config.json.
"""

import argparse
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import islice

import numpy as np
import torch

from scripts.demo_model.corpus import sentences
from scripts.demo_model.speech import SAMPLE_RATE, through_opus
from scripts.demo_model.voices import Delivery, training_delivery
from scripts.quality.espeak_words import SaidSentence, SaidWord, say_all
from services.models import Span
from services.transcribers.cross_attention import Head
from services.transcribers.hearing import Asked, Hearing, Pulse, Said, Sound
from services.transcribers.loading import load_whisper
from services.transcribers.model_choice import DEMO, choose_model
from services.transcribers.stopwatch import Stopwatch
from services.transcribers.word_times import WordTimes

SEED = 11
SILENCE_SECONDS = 0.5
LOST_SECONDS = 0.25
# Less is chance: among some hundred words two halves differ by more.
MISSED_SECONDS = 0.002


@dataclass(frozen=True, slots=True)
class Heard:
    """A sentence as the model heard it, and when its words were really said."""

    sound: Sound
    said: Said
    speech: Span
    words: tuple[SaidWord, ...]


def main() -> None:
    """Print the sets of heads on the way to the best, with the errors of the words' beginnings."""
    parser = argparse.ArgumentParser(description="Choose decoder heads on voices of the training.")
    parser.add_argument("count", type=int, nargs="?", default=100, help="how many sentences (default: 100)")
    hearing = load_whisper(choose_model(DEMO, None, "cpu"), threads=1).hearing
    heard = [_heard(hearing, sentence) for sentence in say_all(_training(parser.parse_args().count))]
    layers, heads = hearing.network.config.decoder_layers, hearing.network.config.decoder_attention_heads
    every = [(layer, head) for layer in range(layers) for head in range(heads)]
    best = _error(hearing, heard, every)
    _tell(best, every)
    # The one that is missed least goes, until it is missed.
    while len(every) > 1:
        fewer = [[head for head in every if head != left_out] for left_out in every]
        error, kept = min((_error(hearing, heard, heads), heads) for heads in fewer)
        _tell(error, kept)
        if error > best + MISSED_SECONDS:
            break
        best, every = min(best, error), kept
    print(f"Chosen: {every}")


def _tell(error: float, heads: Sequence[Head]) -> None:
    print(f"{error * 1000:5.1f} ms  {heads}", flush=True)


def _training(count: int) -> Iterator[tuple[str, Delivery]]:
    rng = random.Random(SEED)
    for text in islice(sentences(SEED, held_out=False), count):
        yield text, training_delivery(rng)


def _heard(hearing: Hearing, sentence: SaidSentence) -> Heard:
    silence = np.zeros(round(SILENCE_SECONDS * SAMPLE_RATE), np.float32)
    samples = through_opus(np.concatenate([silence, sentence.samples, silence]))
    with torch.inference_mode():
        sound = hearing.sound(samples, Stopwatch())
        said = hearing.said(sound, Asked("en"), 0.0, Pulse(lambda: None))
    end = SILENCE_SECONDS + len(sentence.samples) / SAMPLE_RATE
    words = tuple(
        SaidWord(word.text, None if word.start is None else word.start + SILENCE_SECONDS) for word in sentence.words
    )
    return Heard(sound, said, Span(SILENCE_SECONDS, end), words)


def _error(hearing: Hearing, heard: Sequence[Heard], heads: Sequence[Head]) -> float:
    """The mean of the words that were heard right, in seconds; how far away a lost one is does not count."""
    hearing.settings.alignment_heads = [list(head) for head in heads]
    finder = WordTimes(hearing)
    errors = [min(error, LOST_SECONDS) for each in heard for error in _of_one(finder, each)]
    return float(np.mean(errors))


@torch.inference_mode()
def _of_one(finder: WordTimes, heard: Heard) -> Iterator[float]:
    found = [word for each in finder.found(heard.sound, heard.said, "en", [heard.speech]) for word in each.words]
    plain = [word.text.strip(" .") for word in found]
    matcher = SequenceMatcher(None, plain, [word.text for word in heard.words], autojunk=False)
    for mine, true, size in matcher.get_matching_blocks():
        for step in range(size):
            start = heard.words[true + step].start
            if start is not None:
                yield abs(found[mine + step].start - start)


if __name__ == "__main__":
    main()
