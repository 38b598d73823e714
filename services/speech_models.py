"""Which speech model hears an answer: the one there is, or for a share of sessions the second, to compare the two.

An answer that has been planned keeps its model, whatever becomes of the flag: what was heard of it would be lost.
"""

import time
from collections.abc import Callable
from dataclasses import replace

import structlog

from services.errors import TranscriberUnavailable
from services.flags import Flags
from services.models import AnswerRef, WhisperModel
from services.storage.workers import WorkerState
from services.transcribers import Transcriber
from services.transcribers.loader import TranscriberLoader

log = structlog.get_logger()

CHALLENGER_FLAG = "challenger_model"
# A second model that cannot be loaded is tried again after so long: a failing download must not hold up each answer.
TRY_AGAIN_SECONDS = 600.0

ChooseTranscriber = Callable[[AnswerRef], Transcriber]


class SpeechModels:
    """The models of a process; `planned_by` says which one an answer was planned by, if it was."""

    def __init__(
        self,
        first: TranscriberLoader,
        second: TranscriberLoader | None,
        flags: Flags,
        planned_by: Callable[[str], WhisperModel | None],
    ) -> None:
        self._first = first
        self._second = second
        self._flags = flags
        self._planned_by = planned_by
        self._failed_at: float | None = None

    @property
    def state(self) -> WorkerState:
        """The first model's, and beside it why the second one is not used."""
        state = self._first.state
        if self._second is None or self._second.state.state != "failed":
            return state
        detail = f"WHISPER_MODEL_B is not used: {self._second.state.detail}"
        return replace(state, detail=f"{state.detail} {detail}".strip())

    def choose(self, ref: AnswerRef) -> Transcriber:
        """The model for an answer, loaded: before anything is claimed, since that takes as long as it takes.

        Raises `TranscriberUnavailable` where the first model cannot be loaded, and `Unavailable`.
        """
        first = self._first.load()
        if self._second is None:
            return first
        planned = self._planned_by(ref.answer_id)
        if planned == first.model:
            return first
        if planned is None and not self._flags.is_on(CHALLENGER_FLAG, ref.session_id):
            return first
        second = self._loaded_second(self._second)
        if second is None or (planned is not None and planned != second.model):
            return first
        return second

    def _loaded_second(self, loader: TranscriberLoader) -> Transcriber | None:
        """None where it cannot be had, and for a while after that."""
        if self._failed_at is not None and time.monotonic() - self._failed_at < TRY_AGAIN_SECONDS:
            return None
        try:
            return loader.load()
        except TranscriberUnavailable as error:
            self._failed_at = time.monotonic()
            log.error("The second speech model cannot be loaded; the first hears instead.", reason=error.message)
            return None
