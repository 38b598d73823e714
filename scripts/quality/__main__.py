"""`make quality`: measures what the product hears with the demo model, and writes docs/quality.md."""

import argparse
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

from config import ROOT
from scripts.bench.figures import print_figures
from scripts.bench.machine import describe_processor
from scripts.quality.certainty import measure_certainty
from scripts.quality.costs import measure_costs
from scripts.quality.espeak_words import NoEspeakLibrary
from scripts.quality.long import measure_long
from scripts.quality.material import Material
from scripts.quality.report import write_report
from scripts.quality.section import Section
from scripts.quality.sentences import TEST_SENTENCES
from scripts.quality.silence import CLIPS, measure_silence
from scripts.quality.wer import measure_wer
from scripts.quality.words import measure_words

QUICK_SENTENCES, QUICK_CLIPS, QUICK_LONG_SECONDS = 20, 20, 120.0
MEASUREMENTS: dict[str, Callable[[Material, argparse.Namespace], Section]] = {
    "wer": lambda material, _: measure_wer(material),
    "long": lambda material, _: measure_long(material),
    "silence": lambda material, asked: measure_silence(material, QUICK_CLIPS if asked.quick else CLIPS),
    "words": lambda material, _: measure_words(material),
    "certainty": lambda material, asked: measure_certainty(material, fit=asked.fit),
    "costs": lambda material, _: measure_costs(material),
}


def main(arguments: list[str]) -> int:
    """The exit code: 1 where a bar was missed, 2 where something that is needed is not installed."""
    asked = _asked(arguments)
    if missing := [name for name in ("espeak-ng", "ffmpeg") if shutil.which(name) is None]:
        print(f"The test set is spoken and recorded with {' and '.join(missing)}: please install it.", file=sys.stderr)
        return 2
    machine = describe_processor()
    print(machine, flush=True)
    count = asked.sentences or (QUICK_SENTENCES if asked.quick else TEST_SENTENCES)
    material = Material(asked.model, count, _say, **({"long_seconds": QUICK_LONG_SECONDS} if asked.quick else {}))
    try:
        sections = [MEASUREMENTS[name](material, asked) for name in asked.only or MEASUREMENTS]
    except NoEspeakLibrary as error:
        print(error, file=sys.stderr)
        return 2
    figures = [figure for section in sections for figure in section.figures]
    print_figures(figures)
    # The page is of everything; a part of it is shown instead.
    if asked.output or not (asked.only or asked.quick or asked.sentences):
        command = " ".join(["python -m scripts.quality", *arguments])
        print(write_report(asked.output or ROOT / "docs", sections, machine, command))
    else:
        print("\n".join(f"\n## {section.title}\n\n{section.text}" for section in sections))
    return 0 if all(figure.is_met for figure in figures) else 1


def _asked(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m scripts.quality", description="Measure what Parley hears.")
    parser.add_argument("--only", nargs="+", choices=MEASUREMENTS, help="some of the measurements (default: all)")
    parser.add_argument("--sentences", type=int, help=f"how many sentences of the test set (default: {TEST_SENTENCES})")
    parser.add_argument(
        "--quick", action="store_true", help="a minute's look: few sentences and clips, a short recording"
    )
    parser.add_argument("--fit", action="store_true", help="fit the temperature anew and write calibration.json first")
    parser.add_argument(
        "--model", type=Path, default=ROOT / "demo" / "model", help="the model's directory (demo/model)"
    )
    parser.add_argument("--output", type=Path, help="where the report goes (docs, if everything is measured)")
    return parser.parse_args(arguments)


def _say(line: str) -> None:
    print(f"  {line}", flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
