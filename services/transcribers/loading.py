"""Loads a Whisper model that lies on this machine; nothing here touches the network."""

import json
import os
from typing import Any

import structlog
import torch
from transformers import PreTrainedConfig, WhisperForConditionalGeneration, WhisperProcessor
from transformers.utils import logging

from services.audio.speech import SpeechDetector
from services.errors import TranscriberUnavailable
from services.transcribers.hearing import Hearing
from services.transcribers.model_choice import ModelChoice
from services.transcribers.whisper import WhisperTranscriber
from services.transcribers.word_times import WordTimes

log = structlog.get_logger()

CALIBRATION = "calibration.json"
LEAST_TEMPERATURE, MOST_TEMPERATURE = 0.05, 20.0


def load_whisper(choice: ModelChoice, *, threads: int = 0) -> WhisperTranscriber:
    """The chosen model, loaded and warmed up; `threads` bounds PyTorch's on a CPU (0 leaves its default).

    Raises `TranscriberUnavailable` with a sentence that says why and what to do.
    """
    _quiet()
    if threads:
        torch.set_num_threads(threads)
    try:
        hearing = _hearing(choice)
        words = WordTimes(hearing, _temperature(choice))
        transcriber = WhisperTranscriber(choice.model, hearing, words, SpeechDetector())
        transcriber.warm_up()
    except TranscriberUnavailable:
        raise
    except (MemoryError, torch.OutOfMemoryError) as error:
        raise _refused(choice, f"the memory of {choice.device} does not hold it") from error
    except Exception as error:
        raise TranscriberUnavailable(
            f"The speech model {choice.model.name} cannot be loaded: its files are damaged or not in the Transformers "
            f"format ({type(error).__name__}). Fetch it again or name another in WHISPER_MODEL."
        ) from error
    log.info("The speech model was loaded.", whisper_model=choice.model.name, device=choice.device, why=choice.reason)
    return transcriber


def _quiet() -> None:
    """Transformers warns about its own defaults and draws progress bars; a service's log is no place for either."""
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    logging.set_verbosity_error()
    logging.disable_progress_bar()


def _hearing(choice: ModelChoice) -> Hearing:
    _check_is_whisper(choice)
    network, report = WhisperForConditionalGeneration.from_pretrained(
        choice.directory,
        dtype=torch.float16 if choice.device.startswith("cuda") else torch.float32,
        local_files_only=True,
        output_loading_info=True,
    )
    if absent := report["missing_keys"] or report["mismatched_keys"]:
        raise _refused(choice, f"its weights are incomplete ({len(absent)} tensors)")
    if not hasattr(network.generation_config, "no_timestamps_token_id"):
        raise _refused(choice, "its generation_config.json has no timestamp tokens")
    processor = WhisperProcessor.from_pretrained(choice.directory, local_files_only=True)
    return Hearing(network.to(choice.device).eval(), processor)


def _temperature(choice: ModelChoice) -> float:
    """What the model's scores are divided by, so that of the words it gives 0.8 four in five are right."""
    path = choice.directory / CALIBRATION
    if not path.is_file():
        return 1.0
    try:
        temperature = float(json.loads(path.read_text())["temperature"])
    except (ValueError, TypeError, LookupError) as error:
        raise _refused(choice, f"its {CALIBRATION} names no temperature") from error
    if not LEAST_TEMPERATURE <= temperature <= MOST_TEMPERATURE:
        raise _refused(choice, f"the temperature in its {CALIBRATION} is none")
    return temperature


def _check_is_whisper(choice: ModelChoice) -> None:
    settings: dict[str, Any] = PreTrainedConfig.get_config_dict(choice.directory, local_files_only=True)[0]
    if settings.get("model_type") != "whisper":
        raise _refused(choice, "it is not a Whisper model")


def _refused(choice: ModelChoice, reason: str) -> TranscriberUnavailable:
    return TranscriberUnavailable(
        f"The speech model {choice.model.name} cannot be used: {reason}. Name another in WHISPER_MODEL."
    )
