"""Speaks the demo interview's answers with espeak-ng and writes them as browsers and phones would record them.

Run as `python -m scripts.make_demo_recordings` after changing demo/interview.json; it needs espeak-ng.
"""

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from config import ROOT
from scripts.encoding import M4A, MP3, OGG, WAV, WEBM, encode
from services.audio.decoder import decoded
from services.audio.samples import SAMPLE_RATE_HZ, Samples

DEMO = ROOT / "demo"
FORMATS = {".m4a": M4A, ".mp3": MP3, ".ogg": OGG, ".wav": WAV, ".webm": WEBM}
PEAK = 0.5
BEFORE_SECONDS = 0.4
PAUSES_SECONDS = (0.6, 0.9, 0.7, 1.1)


@dataclass(frozen=True, slots=True)
class Voice:
    """An espeak-ng voice with its words a minute and its pitch (0 to 99)."""

    name: str
    speed: int
    pitch: int


VOICES = {
    "about-you": Voice("en-us+adam", 150, 45),
    "hard-problem": Voice("en-gb+linda", 150, 55),
    "proud-project": Voice("en-us+f3", 145, 50),
    "team-work": Voice("en-gb+m3", 150, 45),
    "your-future": Voice("en-us+m1", 150, 50),
}


def say(sentence: str, voice: Voice) -> Samples:
    """One sentence at 16 kHz, without the silence around it."""
    command = ["espeak-ng", "-v", voice.name, "-s", str(voice.speed), "-p", str(voice.pitch), "--stdout", sentence]
    spoken, _ = decoded(subprocess.run(command, check=True, capture_output=True).stdout, max_seconds=60)
    loud = np.flatnonzero(np.abs(spoken) > 0.01 * np.abs(spoken).max())
    spoken = spoken[loud[0] : loud[-1] + 1]
    return spoken * np.float32(PEAK / np.abs(spoken).max())


def answer(transcript: str, voice: Voice) -> Samples:
    """All sentences of a transcript, with pauses of changing length between them."""
    parts = [_silence(BEFORE_SECONDS)]
    for number, sentence in enumerate(transcript.rstrip(".").split(". ")):
        parts += [say(sentence, voice), _silence(PAUSES_SECONDS[number % len(PAUSES_SECONDS)])]
    return np.concatenate(parts)


def _silence(seconds: float) -> Samples:
    return np.zeros(round(seconds * SAMPLE_RATE_HZ), np.float32)


def main() -> None:
    """Write every recording of the demo interview and print its length and size."""
    for question in json.loads((DEMO / "interview.json").read_text())["questions"]:
        path: Path = DEMO / question["recording"]
        samples = answer(question["transcript"], VOICES[question["id"]])
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(encode(samples, FORMATS[path.suffix]))
        print(f"{path.relative_to(ROOT)}: {len(samples) / SAMPLE_RATE_HZ:.1f} s, {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
