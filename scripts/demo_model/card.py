"""Writes the demo model's card from the numbers of its evaluation and the facts of its training."""

from pathlib import Path
from typing import Any

from scripts.demo_model.corpus import RANDOM_STRING_SHARE, vocabulary
from scripts.demo_model.heldout import NOISE_WINDOWS

CARD = """\
---
language: en
license: mit
library_name: transformers
pipeline_tag: automatic-speech-recognition
tags: [whisper, test-instrument]
---

# Parley's demo model

**Not for real use.** This is a test instrument and a demo: a very small Whisper that understands one kind of voice
(the synthetic ones of espeak-ng) and {vocabulary} words (`vocabulary.txt`) of interview talk. It has never heard a
person. What it is for: Parley's tests and its demo can run the whole path, from a recording to timed text, through the
same code that runs a real Whisper model, on any machine, without a download. Every other word comes out as one of the
{vocabulary}, or as nonsense.

It writes lower-case words with a final period at the end of each sentence; numbers are words ("twenty five").

## How good it is

{sentences} sentences that were not in the training ({words} words, {random:.0%} of them strings of unrelated words),
by ten voice variants and at speeds that were not in the training either, after Opus at 48 kbit/s; through
`WhisperForConditionalGeneration.from_pretrained` and plain `generate(return_timestamps=True)`.

| what | word error rate |
| --- | --- |
| one sentence in a 30 s window | **{wer:.1%}** |
| the same sentences joined, with pauses of 0.3 s to 3 s, in {joined_windows} windows of up to 30 s | {wer_joined:.1%} |

One sentence in a window, by voice (each of them 1/10 of the sentences):

| voice | word error rate |
| --- | --- |
{voices}

- Segments: {same:.0%} of the joined windows came back with one segment a sentence; in these, a segment's begin or end
  is off by {median:.2f} s (median) and {percentile:.2f} s (95th percentile).
- `<|nospeech|>`: at least {quiet:.2f} in windows of silence or of white noise up to -40 dB of full scale, at most
  {speech:.2f} in windows with speech. Words heard in the {silent} windows without any: {invented}.
- `detect_language`: always English; there is no other language token.

`evaluation.json` holds these numbers and examples.
`python -m scripts.train_demo_model --evaluate-only` measures them again.

## What it is

{parameters:.1f} million parameters: width {width}, {heads} heads, {encoder} encoder and {decoder} decoder layers,
80 mels, 30 s windows, timestamps in steps of 20 ms, float16 weights ({megabytes:.1f} MB). Its tokenizer is a byte-level
BPE of 1024 text tokens with Whisper's special and timestamp tokens; English is the only language.

## How it was trained

{facts}

The speech is espeak-ng's, made from sentences of a grammar written for this purpose (`scripts/demo_model/grammar.py`);
no person's voice and nobody's data is in it. A second head, which named the word spoken at each moment, helped
the training along and was thrown away.

## What it cannot do

- Understand people. Nor other synthetic voices, other words, other languages.
- Translate: `<|translate|>` has a token and no training. Nor take a prompt: `<|startofprev|>` has none either.
- Take a window that is cut in the middle of a sentence: it never heard one. It is weakest late in a window full of
  sentences, where it now and then writes a neighbouring sentence's words.
- Tell apart what sounds alike outside a sentence of its grammar.
- Speak for the quality of any other Whisper model: it says nothing about those.

## Licence

MIT, like the rest of this repository.
"""


def write_card(folder: Path, numbers: dict[str, Any], facts: list[str], config: Any, parameters: int) -> None:
    """Write `README.md` beside the weights."""
    voices = "\n".join(f"| {voice} | {rate:.1%} |" for voice, rate in numbers["wer_by_voice"].items())
    text = CARD.format(
        **{name: numbers[name] for name in ("sentences", "words", "wer", "wer_joined", "joined_windows")},
        vocabulary=len(vocabulary()),
        random=RANDOM_STRING_SHARE,
        voices=voices,
        same=numbers["joined_windows_with_right_segment_count"],
        median=numbers["segment_time_error_median_seconds"],
        percentile=numbers["segment_time_error_95th_percentile_seconds"],
        quiet=numbers["no_speech_probability_lowest_in_silence"],
        silent=NOISE_WINDOWS,
        invented=numbers["words_heard_in_silence"],
        speech=numbers["no_speech_probability_highest_in_speech"],
        parameters=parameters / 1e6,
        width=config.d_model,
        heads=config.encoder_attention_heads,
        encoder=config.encoder_layers,
        decoder=config.decoder_layers,
        megabytes=(folder / "model.safetensors").stat().st_size / 1e6,
        facts="\n".join(f"- {fact}" for fact in facts),
    )
    (folder / "README.md").write_text(text)
