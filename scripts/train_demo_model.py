#!/usr/bin/env python3
"""Trains and measures Parley's bundled demo model: a very small Whisper of synthetic speech, a test instrument.

Run it as `python -m scripts.train_demo_model`.
"""

import argparse
import json
import os
import platform
import subprocess
from pathlib import Path
from typing import Any

import torch
import transformers
from transformers import WhisperFeatureExtractor, WhisperForConditionalGeneration, WhisperProcessor

from scripts.demo_model.card import write_card
from scripts.demo_model.corpus import vocabulary
from scripts.demo_model.evaluate import evaluate
from scripts.demo_model.features import load_clips, make_clips
from scripts.demo_model.model import generation_config
from scripts.demo_model.schedule import Run
from scripts.demo_model.tokenizer import make_tokenizer, token_ids
from scripts.demo_model.training import train, trained

REPOSITORY = Path(__file__).resolve().parent.parent


def parse_arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m scripts.train_demo_model",
        description="Train Parley's demo model (a very small Whisper) on speech made with espeak-ng, and measure it.",
        epilog="Needs espeak-ng and ffmpeg. Stopped half-way, the same command goes on from the last checkpoint.",
    )
    add = parser.add_argument
    add("--output", type=Path, default=REPOSITORY / "demo" / "model", help="where the model goes (demo/model)")
    add("--work", type=Path, default=Path("demo-model-training"), help="folder for speech and checkpoints, 2 GB")
    add("--minutes", type=float, default=90.0, help="how long to train, without making the speech (90)")
    add("--sentences", type=int, default=36_000, help="how many training sentences to speak (36000)")
    add("--processes", type=int, default=os.cpu_count() or 1, help="how many cores to use (all)")
    add("--seed", type=int, default=7, help="decides the tokenizer, the windows and the first weights (7)")
    add("--speech-seed", type=int, default=2, help="decides the training sentences and their voices (2)")
    add("--machine", default=platform.processor() or platform.machine(), help="how the card names this machine")
    add("--evaluation-sentences", type=int, default=300, help="how many held-out sentences to measure with (300)")
    add("--evaluate-only", action="store_true", help="only measure the model in --output")
    add("--save-only", action="store_true", help="only save and measure the last checkpoint in --work")
    return parser.parse_args()


def save(run: Run, output: Path) -> None:
    """Save the averaged weights as float16, with tokenizer, feature extractor and generation configuration."""
    output.mkdir(parents=True, exist_ok=True)
    tokenizer = make_tokenizer(run.seed)
    model = trained(run).half()
    model.generation_config = generation_config(token_ids(tokenizer))
    model.save_pretrained(output)
    # Else only its owner could read the weights.
    (output / "model.safetensors").chmod(0o644)
    WhisperProcessor(feature_extractor=WhisperFeatureExtractor(), tokenizer=tokenizer).save_pretrained(output)
    (output / "vocabulary.txt").write_text("\n".join(vocabulary()) + "\n")


def training_facts(run: Run, machine: str) -> list[str]:
    """What the card says about the training."""
    state = torch.load(run.folder / "checkpoint.pt", weights_only=True, mmap=True)
    hours = int(load_clips(run.clips).starts[-1]) / 360_000
    espeak = subprocess.run(["espeak-ng", "--version"], check=True, capture_output=True, text=True).stdout.split()
    libraries = f"torch {torch.__version__}, transformers {transformers.__version__}"
    return [
        f"Machine: {machine}; {state['elapsed'] / 60:.0f} minutes, {state['step']} steps, {run.processes} processes.",
        f"Speech: {len(load_clips(run.clips).texts)} sentences, {hours:.0f} hours, a quarter of them through Opus.",
        f"Versions: espeak-ng {espeak[3]}, {libraries}, Python {platform.python_version()}.",
        f"Seeds: {run.seed}, of the speech {run.clips.name.split('-')[1]}; the weights depend on the pace as well.",
    ]


def report(output: Path, numbers: dict[str, Any]) -> None:
    """Print the word error rates and keep all numbers in `evaluation.json`."""
    (output / "evaluation.json").write_text(json.dumps(numbers, indent=2) + "\n")
    print(f"{'voice':<10} WER")
    for voice, rate in numbers["wer_by_voice"].items():
        print(f"{voice:<10} {rate:6.1%}")
    print(f"{'total':<10} {numbers['wer']:6.1%}   joined to windows of 30 s: {numbers['wer_joined']:.1%}")
    for name in ("joined_windows_with_right_segment_count", "segment_time_error_median_seconds"):
        print(f"{name}: {numbers[name]:.3f}")
    for name in ("no_speech_probability_lowest_in_silence", "no_speech_probability_highest_in_speech"):
        print(f"{name}: {numbers[name]:.3f}")


def main() -> None:
    """Make the speech, train, save and measure; or only the last two or the last one of these."""
    arguments = parse_arguments()
    if arguments.evaluate_only:
        report(arguments.output, evaluate(arguments.output, arguments.evaluation_sentences))
        return
    clips = arguments.work / f"speech-{arguments.speech_seed}-{arguments.sentences}"
    run = Run(clips, arguments.work, arguments.minutes, arguments.seed, arguments.processes)
    if not arguments.save_only:
        if not (clips / "clips.json").exists():
            make_clips(clips, arguments.sentences, arguments.speech_seed, arguments.processes)
        train(run)
    save(run, arguments.output)
    numbers = evaluate(arguments.output, arguments.evaluation_sentences)
    report(arguments.output, numbers)
    model = WhisperForConditionalGeneration.from_pretrained(arguments.output)
    facts = training_facts(run, arguments.machine)
    write_card(arguments.output, numbers, facts, model.config, model.num_parameters())


if __name__ == "__main__":
    main()
