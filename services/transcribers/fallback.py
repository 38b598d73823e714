"""The text of a stretch of sound: the first try that passes the guards."""

import math
from collections.abc import Iterator
from dataclasses import replace

import torch

from services.models import Hints
from services.transcribers.guards import TEMPERATURES, compression_ratio, is_nothing, is_sure
from services.transcribers.hearing import Asked, Hearing, Pulse, Said, Sound
from services.transcribers.prompts import is_echo
from services.transcribers.repetition import Loop, loop_in
from services.transcribers.segments import HeardSegment
from services.transcribers.spelling import spelled


def text_of(hearing: Hearing, sound: Sound, asked: Asked, hints: Hints, pulse: Pulse) -> Said | None:
    """The first text that passes the guards, or the last one tried; None where nothing was said.

    A prompt has one try: where it makes the model say the prompt itself, or nothing sure, it is left away.
    """
    # Where a guard makes Whisper sample, the same recording still gives the same text.
    torch.manual_seed(0)
    no_speech = hearing.no_speech_probability(sound)
    for temperature, how in _tries(asked):
        said = hearing.said(sound, how, temperature, pulse)
        if is_nothing(said.logprob, no_speech):
            return None
        loop = loop_in(_words(hearing, said, asked.language))
        if is_sure(said.logprob, said.text) and loop is None and not (how.prompt and is_echo(said.text, hints)):
            break
    said = _with_figures(said, no_speech, temperature)
    return said if loop is None else _cut(hearing, said, loop, asked.language)


def _tries(asked: Asked) -> Iterator[tuple[float, Asked]]:
    if asked.prompt:
        yield TEMPERATURES[0], asked
    for temperature in TEMPERATURES:
        yield temperature, replace(asked, prompt=())


def _with_figures(said: Said, no_speech: float, temperature: float) -> Said:
    segments = [
        replace(
            segment,
            no_speech_prob=no_speech,
            temperature=temperature,
            compression_ratio=compression_ratio(segment.text),
        )
        for segment in said.segments
    ]
    return replace(said, segments=segments)


def _words(hearing: Hearing, said: Said, language: str | None) -> list[str]:
    return [
        word.text
        for segment in said.segments
        for word in spelled(segment.tokens, hearing.decoded, language)
        if word.text.strip()
    ]


def _cut(hearing: Hearing, said: Said, loop: Loop, language: str | None) -> Said:
    """The text with the first round of the loop alone, and with figures that say what was there."""
    ratio, segments, place = compression_ratio(said.text), [], 0
    for segment in said.segments:
        kept: list[int] = []
        first = place
        for word in spelled(segment.tokens, hearing.decoded, language):
            if place not in loop.repeated:
                kept += segment.tokens[word.tokens.start : word.tokens.stop]
            place += bool(word.text.strip())
        if place > loop.start and first < loop.repeated.stop:
            segments.append(_doubted(segment, tuple(kept), hearing.decoded(kept), loop.rounds, ratio))
        else:
            segments.append(segment)
    return replace(said, segments=[segment for segment in segments if segment.text.strip()])


def _doubted(segment: HeardSegment, tokens: tuple[int, ...], text: str, rounds: int, ratio: float) -> HeardSegment:
    """Of what was said so often at most one round was heard: the certainty is shared among them."""
    return replace(
        segment,
        tokens=tokens,
        text=text,
        avg_logprob=segment.avg_logprob - math.log(rounds),
        compression_ratio=max(segment.compression_ratio, ratio),
        rounds=rounds,
    )
