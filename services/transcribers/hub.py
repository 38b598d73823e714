"""Model files from the Hugging Face hub: the cache first, the network only to fetch what is not there.

`HF_ENDPOINT`, `HF_HUB_OFFLINE`, `HF_HOME` and `HF_TOKEN` are honoured by huggingface_hub itself.
"""

import queue
import threading
import time
from io import StringIO
from pathlib import Path
from typing import Any

import structlog
from huggingface_hub import HfApi, errors, snapshot_download
from huggingface_hub.errors import IncompleteSnapshotError, LocalEntryNotFoundError
from huggingface_hub.hf_api import ModelInfo
from tqdm import tqdm  # type: ignore[import-untyped]

from services.errors import TranscriberUnavailable

log = structlog.get_logger()

LOOK_UP_SECONDS = 10.0
PROGRESS_SECONDS = 5.0
SAFETENSORS = "model*.safetensors"
TORCH_WEIGHTS = "pytorch_model*.bin"
# The float32 copy that some repositories keep beside the weights everybody uses.
FLOAT32_COPY = "*fp32*"


class LoggedProgress(tqdm):  # type: ignore[misc]
    """A progress bar that writes a line to the log every few seconds."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{**kwargs, "file": StringIO(), "mininterval": PROGRESS_SECONDS})

    def display(self, *args: Any, **kwargs: Any) -> None:
        if self.n and (self.desc or "").startswith("Downloading"):
            log.info("A part of the speech model arrived.", megabytes=round(self.n / 1e6), of=round(self.total / 1e6))


def cached(repo: str, revision: str | None) -> Path | None:
    """Where a complete copy lies on this machine, or None."""
    try:
        directory = Path(snapshot_download(repo, revision=revision, local_files_only=True))
    except IncompleteSnapshotError as error:
        # Incomplete only by the repository's own listing, which has files we never need.
        directory = Path(error.snapshot_path)
    except LocalEntryNotFoundError:
        return None
    return directory if not missing_files(directory) else None


def missing_files(directory: Path) -> list[str]:
    """What a directory lacks to be a Whisper model in the Transformers format, in words."""
    needed = {
        "config.json": ("config.json",),
        "preprocessor_config.json": ("preprocessor_config.json", "processor_config.json"),
        "a tokenizer": ("tokenizer.json", "vocab.json"),
        "weights (model.safetensors)": ("model*.safetensors", "pytorch_model*.bin"),
    }
    return [what for what, patterns in needed.items() if not any(any(directory.glob(one)) for one in patterns)]


def download(repo: str, revision: str | None, *, look_up_seconds: float = LOOK_UP_SECONDS) -> Path:
    """Fetch a model into the cache and say where it lies; the progress is logged.

    The hub must answer within `look_up_seconds`; the download itself may take as long as it takes. Raises
    `TranscriberUnavailable` with the reason and what to do about it.
    """
    info = _look_up(repo, revision, look_up_seconds)
    names = [sibling.rfilename for sibling in info.siblings or ()]
    weights = SAFETENSORS if any(Path(name).match(SAFETENSORS) for name in names) else TORCH_WEIGHTS
    log.info("The download of the speech model began.", whisper_model=repo, revision=info.sha)
    began = time.monotonic()
    try:
        directory = snapshot_download(
            repo,
            revision=revision,
            allow_patterns=["*.json", "*.txt", weights],
            ignore_patterns=[FLOAT32_COPY],
            tqdm_class=LoggedProgress,
        )
    except Exception as error:
        raise _why(repo, revision, error) from error
    log.info("The speech model was downloaded.", whisper_model=repo, seconds=round(time.monotonic() - began, 1))
    return Path(directory)


def _look_up(repo: str, revision: str | None, seconds: float) -> ModelInfo:
    """Ask the hub about a model, in a thread: resolving a name is not bound by any timeout of the client."""
    answers: queue.Queue[ModelInfo | Exception] = queue.Queue()

    def ask() -> None:
        try:
            answers.put(HfApi().model_info(repo, revision=revision, timeout=seconds))
        except Exception as error:  # noqa: BLE001 - handed to the caller's thread
            answers.put(error)

    threading.Thread(target=ask, name="hub look-up", daemon=True).start()
    try:
        answer = answers.get(timeout=seconds + 1)
    except queue.Empty as error:
        raise _why(repo, revision, error) from None
    if isinstance(answer, Exception):
        raise _why(repo, revision, answer) from answer
    return answer


def _why(repo: str, revision: str | None, error: Exception) -> TranscriberUnavailable:
    if isinstance(error, errors.GatedRepoError):
        reason = "the hub wants permission for it: accept its terms there and set HF_TOKEN"
    elif isinstance(error, errors.RepositoryNotFoundError):
        reason = "the hub knows no such model: check the spelling (a private one needs HF_TOKEN)"
    elif isinstance(error, errors.RevisionNotFoundError):
        reason = f"the hub has no revision {revision} of it: check WHISPER_REVISION"
    elif isinstance(error, errors.OfflineModeIsEnabled):
        reason = "it is not in the cache and HF_HUB_OFFLINE forbids to fetch it"
    else:
        reason = (
            f"it is not in the cache and could not be fetched ({type(error).__name__}): check the network and "
            "HF_ENDPOINT, or name a directory"
        )
    return TranscriberUnavailable(f"The speech model {repo} cannot be loaded: {reason}.")
