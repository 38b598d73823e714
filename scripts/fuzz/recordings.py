"""Decodes damaged recordings as the worker does, and says what became of them.

`python -m scripts.fuzz.recordings` (`FUZZ_FILES`, `--seed`). Each must be refused at the door, decoded, or rejected
with a code, within five seconds. What is not is kept under `var/fuzz/`, and the exit code is 1.
"""

import argparse
import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from signal import Signals

import structlog

from config import ROOT
from scripts.decoding import decode_in, heard
from scripts.fuzz.corpus import corpus
from scripts.fuzz.mutations import mutated
from services.audio.children import Children
from services.audio.signature import container_of
from services.errors import InvalidRequest, RecordingRejected, UnsupportedRecording

KEPT = ROOT / "var" / "fuzz"
FILES = 5_000
MAX_SECONDS = 10.0
WALL_SECONDS = 5.0
KNOWN_CODES = frozenset({"bad_audio", "no_audio_track", "too_long"})
FAILED = "FAILED"
CRASHED = "decoder crashed"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one file, and what that took."""

    number: int
    made: str
    name: str
    content: bytes
    wall_seconds: float = 0.0
    cpu_seconds: float = 0.0
    peak_kilobytes: int = 0

    @property
    def is_failure(self) -> bool:
        return self.name.startswith(FAILED)

    @property
    def is_worth_keeping(self) -> bool:
        return self.is_failure or CRASHED in self.name


@dataclass
class Summary:
    """Outcomes by name, and the most that any file took."""

    counts: Counter[str] = field(default_factory=Counter)
    failures: list[Outcome] = field(default_factory=list)
    wall_seconds: float = 0.0
    cpu_seconds: float = 0.0
    peak_kilobytes: int = 0

    def add(self, outcome: Outcome) -> None:
        self.counts[outcome.name] += 1
        if outcome.is_failure:
            self.failures.append(outcome)
        self.wall_seconds = max(self.wall_seconds, outcome.wall_seconds)
        self.cpu_seconds = max(self.cpu_seconds, outcome.cpu_seconds)
        self.peak_kilobytes = max(self.peak_kilobytes, outcome.peak_kilobytes)


def fuzz(children: Children, files: int, seed: int, keep: Callable[[Outcome], None]) -> Summary:
    """Decode so many files, on every processor there is."""
    summary = Summary()
    one = partial(outcome_of, children, corpus(), seed)
    with ThreadPoolExecutor(os.cpu_count()) as threads:
        for outcome in _with_progress(threads.map(one, range(files)), files):
            summary.add(outcome)
            if outcome.is_worth_keeping:
                keep(outcome)
    return summary


def outcome_of(children: Children, recordings: Mapping[str, bytes], seed: int, number: int) -> Outcome:
    """Make file number `number`, take it to the door, and from there to a child."""
    made, content = mutated(recordings, seed, number)
    outcome = partial(Outcome, number, made, content=content)
    try:
        container_of(content)
    except (InvalidRequest, UnsupportedRecording) as refused:
        return outcome(f"refused at the door: {refused.code}")
    # Twice, where it took long: a machine with other things to do is no fault of a recording.
    for _ in range(2):
        began = time.monotonic()
        try:
            decoding = decode_in(children, content, max_seconds=MAX_SECONDS)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is what is looked for
            return outcome(f"{FAILED}: {type(error).__name__}", wall_seconds=time.monotonic() - began)
        wall_seconds = time.monotonic() - began
        if wall_seconds <= WALL_SECONDS:
            break
    ended = decoding.ended
    outcome = partial(
        outcome, wall_seconds=wall_seconds, cpu_seconds=ended.cpu_seconds, peak_kilobytes=ended.peak_kilobytes
    )
    if wall_seconds > WALL_SECONDS:
        return outcome(f"{FAILED}: took more than {WALL_SECONDS:g} s")
    try:
        name = "decoded" if len(heard(decoding)) else f"{FAILED}: decoded to nothing"
    except RecordingRejected as rejected:
        name = rejected.code if rejected.code in KNOWN_CODES else f"{FAILED}: {rejected.code}"
    except Exception as error:  # noqa: BLE001
        name = f"{FAILED}: {type(error).__name__}"
    if ended.exit_code < 0 and not name.startswith(FAILED):
        name += f" ({CRASHED}: {Signals(-ended.exit_code).name})"
    return outcome(name)


def print_summary(summary: Summary, seconds: float) -> None:
    files = summary.counts.total()
    for name, count in summary.counts.most_common():
        print(f"  {name:<50} {count:>7}  {100 * count / files:5.1f} %")
    print(f"  {files} files in {seconds:.0f} s; of one file the most: {summary.wall_seconds:.2f} s, ", end="")
    print(f"{summary.cpu_seconds:.2f} s of CPU, {summary.peak_kilobytes / 1000:.0f} MB resident")


def main() -> int:
    """The exit code: 1 where a file was not categorised."""
    arguments = _arguments()
    # A warning for each damaged recording is not what is looked for.
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    children, began = Children(), time.monotonic()
    try:
        summary = fuzz(children, arguments.files, arguments.seed, partial(_keep, arguments.seed))
    finally:
        children.close()
    print(f"{arguments.files} mutated recordings, seed {arguments.seed}")
    print_summary(summary, time.monotonic() - began)
    for failure in summary.failures[:20]:
        print(f"  {failure.name}: file {failure.number}, {failure.made}", file=sys.stderr)
    return 1 if summary.failures else 0


def _keep(seed: int, outcome: Outcome) -> None:
    KEPT.mkdir(parents=True, exist_ok=True)
    Path(KEPT / f"{'failed' if outcome.is_failure else 'crashed'}-{seed}-{outcome.number}").write_bytes(outcome.content)


def _with_progress(outcomes: Iterable[Outcome], files: int) -> Iterable[Outcome]:
    for done, outcome in enumerate(outcomes, 1):
        if done % 1000 == 0:
            print(f"  {done} of {files}", file=sys.stderr, flush=True)
        yield outcome


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m scripts.fuzz.recordings", description="Decode damaged recordings.")
    files = int(os.environ.get("FUZZ_FILES", FILES))
    parser.add_argument("--files", type=int, default=files, help=f"how many (default: FUZZ_FILES, or {FILES})")
    parser.add_argument("--seed", type=int, default=0, help="other files for another number")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
