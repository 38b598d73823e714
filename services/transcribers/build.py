"""Builds the transcriber that the settings ask for."""

import os
from collections.abc import Callable
from dataclasses import replace
from functools import partial

from config import Settings
from services.transcribers import Transcriber

Build = Callable[[], Transcriber]


def transcribers_of(settings: Settings) -> tuple[Build, Build | None]:
    """What builds the model, and the one that it is compared with, if there is one."""
    first = partial(build_whisper, settings)
    if settings.whisper_model_b is None:
        return first, None
    second = replace(settings, whisper_model=settings.whisper_model_b, whisper_revision=settings.whisper_revision_b)
    return first, partial(build_whisper, second)


def build_whisper(settings: Settings) -> Transcriber:
    """Choose, fetch where need be, load and warm up the Whisper model; raises `TranscriberUnavailable`."""
    # OpenMP's threads spin while they wait, and beside other processes that is most of the time: on two busy cores the
    # demo model took 20 s for a text instead of 1.6. Read when PyTorch is loaded.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    # PyTorch loads here and nowhere earlier: a web process beside separate workers never pays for it.
    from services.transcribers.loading import load_whisper  # noqa: PLC0415
    from services.transcribers.model_choice import choose_model  # noqa: PLC0415

    choice = choose_model(settings.whisper_model, settings.whisper_revision, settings.whisper_device)
    return load_whisper(choice, threads=settings.whisper_threads)
