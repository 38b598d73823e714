"""Fits the temperature of word probabilities on other data, and shows how far they can be taken at their word."""

import json
from collections.abc import Callable, Sequence
from typing import Any

from scripts.bench.figures import Figure
from scripts.quality.calibration import (
    COARSE,
    Judged,
    best_temperature,
    bins_of,
    brier_score,
    expected_calibration_error,
    surprise,
)
from scripts.quality.material import Material
from scripts.quality.pictures import reliability
from scripts.quality.progress import counted
from scripts.quality.recordings import alone
from scripts.quality.section import Section, table
from scripts.quality.sentences import VALIDATION_VOICES, validation_set
from scripts.quality.thermometer import judged

BAR = 0.05
CALIBRATION = "calibration.json"


def measure_certainty(material: Material, *, fit: bool) -> Section:
    """Bar: an expected calibration error of at most 0.05 at the temperature in the model's directory.

    With `fit` that is fitted first, and written there: on data that is not the test set.
    """
    if fit:
        _fit(material)
    path = material.folder / CALIBRATION
    calibration: dict[str, Any] = {"temperature": 1.0, "fitted": "there is none."}
    if path.is_file():
        calibration = json.loads(path.read_text())
    temperature = float(calibration["temperature"])
    recordings = counted(material.alone, material.count, "sentences judged", material.say)
    before, after = judged(material.folder, recordings, (1.0, temperature))
    figures = [Figure("expected calibration error of word probability", expected_calibration_error(after), "", BAR)]
    right = sum(word.is_right for word in after)
    text = "\n\n".join(
        (
            (
                f"{len(after)} words heard in {material.count} sentences, {right} of them right. A probability is the "
                "mean over the word's tokens, among text tokens, by the teacher-forced pass. The temperature is "
                f"{temperature:g}: {calibration['fitted']}"
            ),
            table(
                ("", "T = 1", f"T = {temperature:g}"),
                [
                    ("expected calibration error, 15 bins", *_each(expected_calibration_error, before, after)),
                    ("Brier score", *_each(brier_score, before, after)),
                    ("negative log likelihood", *_each(surprise, before, after)),
                    ("mean probability", *_each(_mean, before, after)),
                ],
            ),
            "![Reliability diagram](pictures/reliability.svg)",
            table(("bin", "words", "mean probability", "right"), _bin_rows(after)),
        )
    )
    picture = reliability(bins_of(before), bins_of(after), temperature)
    return Section("certainty", "How sure it is", figures, text, {"reliability.svg": picture})


def _fit(material: Material) -> None:
    count = material.count
    spoken = counted(validation_set(count), count, "validation sentences spoken", material.say)
    recordings = counted(alone(spoken), count, "validation sentences heard", material.say)
    at_each = dict(zip(COARSE, judged(material.folder, recordings, COARSE), strict=True))
    temperature = best_temperature(lambda each: at_each[each])
    words = len(at_each[COARSE[0]])
    right = sum(word.is_right for word in at_each[COARSE[0]])
    how = (
        f"fitted by likelihood on {words} words ({right} right) heard in {count} sentences that are neither in the "
        f"training nor in the test set, by voices that are in neither ({', '.join(VALIDATION_VOICES)}), recorded as "
        "the test set is."
    )
    (material.folder / CALIBRATION).write_text(json.dumps({"temperature": temperature, "fitted": how}, indent=2) + "\n")


def _each(
    score: Callable[[Sequence[Judged]], float], before: Sequence[Judged], after: Sequence[Judged]
) -> tuple[str, str]:
    return f"{score(before):.4f}", f"{score(after):.4f}"


def _mean(words: Sequence[Judged]) -> float:
    return sum(word.probability for word in words) / len(words)


def _bin_rows(words: Sequence[Judged]) -> list[tuple[str, int, str, str]]:
    return [
        (f"{each.low:.2f} to {each.high:.2f}", each.count, f"{each.confidence:.3f}", f"{each.accuracy:.3f}")
        if each.count
        else (f"{each.low:.2f} to {each.high:.2f}", 0, "", "")
        for each in bins_of(words)
    ]
