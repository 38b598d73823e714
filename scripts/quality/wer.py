"""The word error rate of the product's whole path beside that of plain `generate()`, on the same recordings."""

import numpy as np

from scripts.bench.figures import Figure
from scripts.demo_model.evaluate import plain
from scripts.demo_model.voices import HELD_OUT_VOICES
from scripts.quality.matching import errors
from scripts.quality.material import Material
from scripts.quality.section import Section, table

BAR_POINTS = 0.1
WORST = 10
RESAMPLES, SEED = 10_000, 2026


def measure_wer(material: Material) -> Section:
    """Bar: not more than 0.1 point above `generate()` in float32."""
    said = [each.text for each in material.alone]
    product, plainly = [each.text for each in material.heard_alone], [each.text for each in material.plain_alone]
    voices = [each.said[0].voice for each in material.alone]
    rows = []
    for voice in [*(each for each in HELD_OUT_VOICES if each in voices), None]:
        chosen = [index for index, each in enumerate(voices) if voice in (each, None)]
        parts = [[texts[index] for index in chosen] for texts in (said, product, plainly)]
        ours, theirs = errors(parts[0], parts[1]), errors(parts[0], parts[2])
        counts = f"{ours.errors} and {theirs.errors} of {ours.words}"
        rows.append((voice or "**all**", f"{ours.percent:.2f} %", f"{theirs.percent:.2f} %", counts))
    ours, theirs = errors(said, product), errors(said, plainly)
    more = ours.percent - theirs.percent
    figure = Figure("WER above plain generate()", more, "points", BAR_POINTS, f"{len(said)} sentences")
    text = "\n\n".join(
        (
            (
                f"{len(said)} held-out sentences, each alone in a WebM file with Opus. The product: `Sound`, `plan`, "
                "`hear`. Plain: `from_pretrained`, float32, `generate(return_timestamps=True)` on the whole recording."
            ),
            table(("voice", "product", "plain `generate()`", "errors of words"), rows),
            _chance(said, product, plainly),
            _differences(said, product, plainly),
        )
    )
    return Section("wer", "Word error rate", [figure], text)


def chance(said: list[str], product: list[str], plainly: list[str]) -> tuple[float, float]:
    """Between how many points the difference lies, with 95 % certainty: by drawing the sentences again, in pairs.

    Bisani & Ney 2004, "Bootstrap estimates for confidence intervals in ASR performance evaluation".
    """
    ours = [errors([true], [text]) for true, text in zip(said, product, strict=True)]
    theirs = [errors([true], [text]) for true, text in zip(said, plainly, strict=True)]
    more = np.array([one.errors - other.errors for one, other in zip(ours, theirs, strict=True)])
    words = np.array([each.words for each in ours])
    drawn = np.random.default_rng(SEED).integers(len(said), size=(RESAMPLES, len(said)))
    low, high = np.percentile(100 * more[drawn].sum(axis=1) / words[drawn].sum(axis=1), (2.5, 97.5))
    return float(low), float(high)


def _chance(said: list[str], product: list[str], plainly: list[str]) -> str:
    low, high = chance(said, product, plainly)
    return (
        f"With other sentences of this kind the difference would lie between {low:+.2f} and {high:+.2f} points (95 %, "
        "paired bootstrap over sentences)."
    )


def _differences(said: list[str], product: list[str], plainly: list[str]) -> str:
    """Where the two differ most, to the product's cost."""
    costs = [
        (errors([true], [ours]).errors - errors([true], [theirs]).errors, true, ours, theirs)
        for true, ours, theirs in zip(said, product, plainly, strict=True)
    ]
    different = sum(plain(ours) != plain(theirs) for _, _, ours, theirs in costs)
    better = sum(cost < 0 for cost, *_ in costs)
    worse = sorted((each for each in costs if each[0] > 0), key=lambda each: -each[0])
    line = f"The texts of {different} sentences differ: the product has fewer errors in {better}, more in {len(worse)}."
    if not worse:
        return line
    rows = [(true, ours, theirs, f"+{cost}") for cost, true, ours, theirs in worse[:WORST]]
    return f"{line} The worst:\n\n" + table(("said", "product", "plain `generate()`", "errors"), rows)
