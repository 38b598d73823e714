"""`make wer`: how well each model hears, by the transcripts that people have corrected, in the given database."""

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

from scripts.given_database import run_on_given_database
from scripts.quality.progress import counted
from services.storage.client import MongoDatabase
from services.storage.quality import HeardText, QualityStore
from services.word_errors import NORMALISATION, WordErrors, normalised, word_errors

TEXTS_AT_ONCE = 200
RESAMPLES, SEED = 1000, 2026
EXPLAINED = """
WER: substituted, missing and added words of what was heard, over the words of what a person made of it.
Only corrected transcripts can be compared, and people correct what is wrong: so the rate over all speech is lower.
"At least" takes every transcript that nobody edited for right, "corrected" every one for as wrong as those. Nobody
listened to the rest: an error that a corrector missed counts as right, a change of style as an error. "Rewritten" are
edits with more errors than words: another text, which says nothing of what was heard, and counts in no rate.
"""


@dataclass(slots=True)
class Heard:
    """What is known of a model in a language; `errors` of each corrected transcript."""

    transcripts: int = 0
    words: int = 0
    rewritten: int = 0
    errors: list[WordErrors] = field(default_factory=list)

    def add(self, text: HeardText) -> None:
        self.transcripts += 1
        found = word_errors(text.text, text.heard, most_words=None) if text.is_corrected else None
        if found is not None and found.is_rewriting:
            self.rewritten += 1
            return
        if found is not None:
            self.errors.append(found)
        self.words += len(normalised(text.text)) if found is None else found.words

    def told(self) -> dict[str, Any]:
        errors, words = sum(each.errors for each in self.errors), sum(each.words for each in self.errors)
        return {
            "transcripts": self.transcripts,
            "corrected": len(self.errors),
            "rewritten": self.rewritten,
            "words": words,
            "word_errors": errors,
            "wer": _rate(errors, words),
            "wer_95": self._interval(),
            "wer_at_least": _rate(errors, self.words) if self.errors else None,
        }

    def _interval(self) -> list[float] | None:
        """95 %, by drawing the corrected transcripts again (Bisani & Ney 2004); None for fewer than two."""
        if len(self.errors) < 2:
            return None
        random, rates = Random(SEED), []
        for _ in range(RESAMPLES):
            drawn = random.choices(self.errors, k=len(self.errors))
            rate = _rate(sum(each.errors for each in drawn), sum(each.words for each in drawn))
            rates += [] if rate is None else [rate]
        rates.sort()
        return [rates[int(0.025 * len(rates))], rates[int(0.975 * len(rates))]] if rates else None


def main(given: Sequence[str] | None = None) -> int:
    arguments = _arguments(given)
    return run_on_given_database(lambda _, database: _print(database, arguments))


def _print(database: MongoDatabase, arguments: argparse.Namespace) -> None:
    heard = measure(QualityStore(database), arguments.model, _say)
    rows = [
        {"whisper_model": model, "language": language, **each.told()}
        for (model, language), each in sorted(heard.items())
    ]
    if arguments.json:
        print(json.dumps({"normalisation": NORMALISATION, "rows": rows}, indent=2))
        return
    for line in _table(rows):
        print(line)
    print(f"{EXPLAINED}Words are compared after: {NORMALISATION}.")


def measure(store: QualityStore, model: str | None, say: Callable[[str], None]) -> dict[tuple[str, str], Heard]:
    """By model and language."""
    found: dict[tuple[str, str], Heard] = {}
    for text in counted(_texts(store), store.count_texts(), "transcripts read", say):
        if text is not None and model in (None, text.whisper_model):
            found.setdefault((text.whisper_model, text.language or "?"), Heard()).add(text)
    return found


def _texts(store: QualityStore) -> Iterator[HeardText | None]:
    after = ""
    while page := store.texts(after, limit=TEXTS_AT_ONCE):
        yield from (text for _, text in page)
        after = page[-1][0]


def _table(rows: list[dict[str, Any]]) -> Iterator[str]:
    if not rows:
        yield "No model has heard anything here yet."
        return
    names = ("model", "language", "transcripts", "corrected", "rewritten", "words", "errors", "WER", "95 %", "at least")
    cells = [names, *map(_cells, rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(names))]
    for row in cells:
        left = (f"{row[column]:<{widths[column]}}" for column in range(2))
        right = (f"{row[column]:>{widths[column]}}" for column in range(2, len(names)))
        yield "  ".join((*left, *right)).rstrip()


def _cells(row: dict[str, Any]) -> tuple[str, ...]:
    interval = row["wer_95"]
    return (
        *(row["whisper_model"], row["language"]),
        *(str(row[name]) for name in ("transcripts", "corrected", "rewritten", "words", "word_errors")),
        _percent(row["wer"]),
        "-" if interval is None else f"{100 * interval[0]:.1f}-{_percent(interval[1])}",
        _percent(row["wer_at_least"]),
    )


def _percent(rate: float | None) -> str:
    return "-" if rate is None else f"{100 * rate:.1f} %"


def _rate(errors: int, words: int) -> float | None:
    return round(errors / words, 4) if words else None


def _say(line: str) -> None:
    print(f"  {line}", file=sys.stderr, flush=True)


def _arguments(given: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="make wer", description="Word error rates of the transcripts that people have corrected, by model."
    )
    parser.add_argument("--model", help="of this model only, by its name in the answers")
    parser.add_argument("--json", action="store_true", help="print JSON")
    return parser.parse_args(given)


if __name__ == "__main__":
    sys.exit(main())
