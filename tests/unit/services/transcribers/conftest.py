from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import pytest

from services.transcribers.loading import load_whisper
from services.transcribers.model_choice import choose_model
from services.transcribers.whisper import WhisperTranscriber
from tests.tiny_whisper import SENTENCE, save_tiny_whisper


@pytest.fixture(scope="session")
def tiny_directory(tmp_path_factory) -> Path:
    return save_tiny_whisper(tmp_path_factory.mktemp("tiny-whisper"))


@pytest.fixture(scope="session")
def whisper_that_hears(tmp_path_factory) -> Callable[..., WhisperTranscriber]:
    @cache
    def load(script: str | None = SENTENCE, **options) -> WhisperTranscriber:
        directory = save_tiny_whisper(tmp_path_factory.mktemp("tiny-whisper"), script, **options)
        return load_whisper(choose_model(str(directory), None, "cpu"), threads=1)

    return load


@contextmanager
def encodings(whisper: WhisperTranscriber) -> Iterator[list[object]]:
    """How often the network encodes sound within the block."""
    calls: list[object] = []
    hook = whisper._hearing.network.get_encoder().register_forward_hook(lambda *call: calls.append(call))
    try:
        yield calls
    finally:
        hook.remove()
