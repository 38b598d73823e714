"""Decides which Whisper model hears: the one that was named, else the best that can be had here."""

import re
from dataclasses import dataclass
from pathlib import Path

import structlog
import torch

from config import ROOT
from services.errors import TranscriberUnavailable
from services.models import WhisperModel
from services.transcribers import hub

log = structlog.get_logger()

DEMO = "demo"
DEMO_DIRECTORY = ROOT / "demo" / "model"
DEFAULT_ON_CPU = "openai/whisper-base"
DEFAULT_ON_CUDA = "openai/whisper-large-v3-turbo"
# A default never changes under a running installation.
PINNED_REVISIONS = {
    DEFAULT_ON_CPU: "e37978b90ca9030d5170a5c07aadb050351a65bb",
    DEFAULT_ON_CUDA: "41f01f3fe87f28c78e2fbf8b568835947dd65ed9",
}
# Where nothing was asked for, a start must not hang on a network that is not there.
DEFAULT_LOOK_UP_SECONDS = 3.0
HUB_ID = re.compile(r"^[A-Za-z0-9][\w.-]*(/[\w.-]+)?$")


@dataclass(frozen=True, slots=True)
class ModelChoice:
    """A model whose files lie on this machine, the device it shall run on, and why it was chosen."""

    model: WhisperModel
    directory: Path
    device: str
    reason: str


def choose_model(name: str | None, revision: str | None, device: str) -> ModelChoice:
    """The model to load, downloaded if need be.

    `name` is `demo`, a directory, a hub id, or None for the default of the device: only then the bundled demo model
    stands in for one that cannot be had. `device` is `auto`, `cpu`, `cuda` or `cuda:N`. Raises
    `TranscriberUnavailable` with a sentence that says why and what to do.
    """
    chosen_device = _device(device)
    if name is None:
        return _default(revision, chosen_device)
    if name == DEMO or Path(name).resolve() == DEMO_DIRECTORY:
        return _demo(chosen_device, "the demo model was asked for")
    directory = _named_directory(name, revision)
    if Path(name).expanduser().is_dir():
        # Every client is told the name: of a directory, its last part says enough.
        model = WhisperModel(directory.name, demo_model=False)
    else:
        model = _of_the_hub(name, directory)
    return ModelChoice(model, directory, chosen_device, "it was named in WHISPER_MODEL")


def _of_the_hub(name: str, directory: Path) -> WhisperModel:
    """The cache names the directory of a snapshot after its commit."""
    return WhisperModel(name, demo_model=False, revision=directory.name)


def _device(setting: str) -> str:
    has_cuda = torch.cuda.is_available()
    if setting == "auto":
        return "cuda" if has_cuda else "cpu"
    if setting.startswith("cuda") and not has_cuda:
        raise TranscriberUnavailable(
            "WHISPER_DEVICE asks for CUDA, but PyTorch finds no CUDA device here: install a CUDA build of PyTorch and "
            "the driver, or set WHISPER_DEVICE=cpu."
        )
    return setting


def _default(revision: str | None, device: str) -> ModelChoice:
    name = DEFAULT_ON_CPU if device == "cpu" else DEFAULT_ON_CUDA
    revision = revision or PINNED_REVISIONS[name]
    directory = hub.cached(name, revision)
    reason = "it is the default here and in the cache"
    if directory is None:
        try:
            directory = hub.download(name, revision, look_up_seconds=DEFAULT_LOOK_UP_SECONDS)
        except TranscriberUnavailable as error:
            return _demo(device, error.message)
        reason = "it is the default here"
    return ModelChoice(_of_the_hub(name, directory), directory, device, reason)


def _demo(device: str, reason: str) -> ModelChoice:
    if missing := hub.missing_files(DEMO_DIRECTORY):
        raise TranscriberUnavailable(f"The bundled demo model lacks {_listed(missing)}: fetch the repository again.")
    log.warning(
        "THE DEMO MODEL WAS CHOSEN. It knows some hundred words of job interviews, spoken clearly: set WHISPER_MODEL "
        "for real use.",
        why=reason,
    )
    return ModelChoice(WhisperModel(DEMO, demo_model=True), DEMO_DIRECTORY, device, reason)


def _named_directory(name: str, revision: str | None) -> Path:
    directory = Path(name).expanduser()
    if directory.is_dir():
        if missing := hub.missing_files(directory):
            raise TranscriberUnavailable(
                f"The directory in WHISPER_MODEL lacks {_listed(missing)}: name one written by save_pretrained."
            )
        return directory
    if not HUB_ID.match(name):
        raise TranscriberUnavailable("The directory in WHISPER_MODEL is not there: check the path.")
    revision = revision or PINNED_REVISIONS.get(name)
    return hub.cached(name, revision) or hub.download(name, revision)


def _listed(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
