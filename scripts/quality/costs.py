"""What each stage costs for a second of audio, measured on the long recordings."""

import time
from collections import defaultdict
from statistics import median

import numpy as np

from scripts.bench.figures import Figure
from scripts.quality.ears import sound_of
from scripts.quality.material import Material
from scripts.quality.section import Section, table
from services.audio.samples import SAMPLE_RATE_HZ, Samples
from services.audio.speech import SpeechDetector

BAR_PERCENT = 0.3
ROUNDS = 5
BLOCK_SECONDS = 4
STAGES = ("decode", "vad", "features", "encode", "decode_tokens", "words")


def measure_costs(material: Material) -> Section:
    """Bar: speech detection takes at most 0.3 % of the length of what is heard."""
    samples = np.concatenate(list(sound_of(material.long[0].content).blocks()))
    rounds = [_detection(samples) for _ in range(ROUNDS)]
    percent = 100 * median(cpu for cpu, _ in rounds) / (len(samples) / SAMPLE_RATE_HZ)
    wall = 100 * median(wall for _, wall in rounds) / (len(samples) / SAMPLE_RATE_HZ)
    figure = Figure("speech detection", percent, "%", BAR_PERCENT, f"of audio time; {wall:.2f} % by the clock")
    spent: dict[str, dict[str, float]] = {name: defaultdict(float) for name in ("alone", "long")}
    length: dict[str, float] = defaultdict(float)
    for name, answers in (("alone", material.heard_alone), ("long", material.heard_long)):
        for answer in answers:
            for stage, seconds in answer.timing.items():
                spent[name][stage] += seconds
            spent[name]["all, by the clock"] += answer.wall_seconds
            length[name] += answer.plan.duration_seconds
    rows = [
        (stage, *(f"{1000 * spent[name][stage] / length[name]:.2f} ms" for name in spent))
        for stage in (*STAGES, "all, by the clock")
    ]
    text = (
        f"Speech detection alone, in one thread, over {len(samples) / SAMPLE_RATE_HZ:.0f} s of the first long "
        f"recording: {percent:.3f} % of its length in processor time ({wall:.3f} % by the clock), median of {ROUNDS} "
        "rounds.\n\n"
        "Milliseconds for each second of audio, by the clock, with the load of this machine in them:\n\n"
        + table(("stage", "one sentence alone", "ten minutes"), rows)
    )
    return Section("costs", "What it costs", [figure], text)


def _detection(samples: Samples) -> tuple[float, float]:
    """Processor seconds and seconds of the clock to listen once."""
    detector = SpeechDetector()
    listening = detector.listen()
    size = BLOCK_SECONDS * SAMPLE_RATE_HZ
    cpu, began = time.process_time(), time.perf_counter()
    for first in range(0, len(samples), size):
        listening.hear(np.ascontiguousarray(samples[first : first + size]))
    listening.probabilities()
    return time.process_time() - cpu, time.perf_counter() - began
