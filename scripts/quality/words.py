"""When words were heard to begin, against when espeak-ng began to say them."""

from dataclasses import dataclass
from statistics import median

from scripts.bench.figures import Figure, percentile
from scripts.quality.matching import matched
from scripts.quality.material import Material
from scripts.quality.pictures import histogram
from scripts.quality.section import Section, table

MEDIAN_BAR_MS = 80.0
P95_BAR_MS = 250.0
WORST = 10


@dataclass(frozen=True, slots=True)
class Timed:
    """One word heard right: how many ms after its true start it is said to begin."""

    late_ms: float
    word: str
    voice: str
    sentence: str


@dataclass(slots=True)
class LeftOut:
    """Words that say nothing about times, by reason."""

    not_right: int = 0
    said_as_one: int = 0


def measure_words(material: Material) -> Section:
    """Bars: of the starts' errors the median at most 80 ms, the 95th percentile at most 250 ms."""
    timed, left_out = _timed(material)
    off = [abs(each.late_ms) for each in timed]
    figures = [
        Figure("word start, median error", median(off), "ms", MEDIAN_BAR_MS, f"{len(off)} words"),
        Figure("word start, 95th percentile", percentile(off, 95), "ms", P95_BAR_MS),
    ]
    voices = sorted({each.voice for each in timed})
    rows = []
    for voice in [*voices, None]:
        own = [each.late_ms for each in timed if voice in (each.voice, None)]
        sizes = [abs(each) for each in own]
        figures_of = (median(sizes), percentile(sizes, 95), max(sizes), median(own))
        rows.append((voice or "**all**", len(own), *(f"{each:.0f} ms" for each in figures_of)))
    worst = sorted(timed, key=lambda each: -abs(each.late_ms))[:WORST]
    text = (
        f"{len(timed)} words heard right in {material.count} sentences, against the word events of libespeak-ng, which "
        "counts the closed mouth before p, t and k as a part of the word. Left out: "
        f"{left_out.not_right} words that were not heard right, and {left_out.said_as_one} that espeak-ng says as one "
        'with the word before ("in the").\n\n'
        + table(("voice", "words", "median", "95th percentile", "farthest off", "median, late (+) or early"), rows)
        + "\n\n![Errors of word starts](pictures/word-starts.svg)\n\nThe farthest off:\n\n"
        + table(
            ("word", "late", "voice", "sentence"),
            [(w.word, f"{w.late_ms:+.0f} ms", w.voice, w.sentence) for w in worst],
        )
    )
    picture = histogram([each.late_ms for each in timed], "ms late (right) or early (left)", "words")
    return Section("words", "When each word begins", figures, text, {"word-starts.svg": picture})


def _timed(material: Material) -> tuple[list[Timed], LeftOut]:
    timed: list[Timed] = []
    left_out = LeftOut()
    for recording, heard in zip(material.alone, material.heard_alone, strict=True):
        (sentence,) = recording.said
        right = matched(recording.words, heard.words).right
        left_out.not_right += len(recording.words) - len(right)
        for said, word in right:
            if said.start is None:
                left_out.said_as_one += 1
            else:
                timed.append(Timed(1000 * (word.start - said.start), said.text, sentence.voice, sentence.text))
    return timed, left_out
