"""An answer as a piece of work."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from secrets import token_hex

from services.errors import Unavailable, WorkRejected
from services.models import AnswerRef, Claim
from services.storage.answers import AnswerStore
from services.storage.audio import AudioStore


class AnswerLease:
    """Says for an answer what each end of an attempt means (services/leases.py)."""

    def __init__(
        self, answers: AnswerStore, audio: AudioStore, ref: AnswerRef, on_failed: Callable[[str], None] = lambda _: None
    ) -> None:
        self._on_failed = on_failed
        self._answers = answers
        self._audio = audio
        self._ref = ref
        self._token = token_hex(16)
        self._claim: Claim | None = None

    @property
    def facts(self) -> Mapping[str, str]:
        return {"answer_id": self._ref.answer_id}

    @property
    def held(self) -> Claim:
        if self._claim is None:
            raise RuntimeError("not claimed")
        return self._claim

    def claim(self, holder: str) -> Claim | None:
        self._claim = self._answers.claim(self._ref, holder, self._token)
        return self._claim

    def hold(self) -> None:
        self._answers.hold(self.held)

    def give_back(self) -> None:
        self._answers.give_back(self._ref, self._token)

    def put_off(self, seconds: float) -> None:
        self._answers.release(self.held, due_in_seconds=seconds)

    def reject(self, error: WorkRejected) -> None:
        """The audio goes: no retry could hear it."""
        self._answers.fail(self.held, code=error.code, message=error.message, keeps_audio=False)
        self._on_failed(error.code)
        self.delete_audio()

    def delete_audio(self) -> None:
        """Last, and best effort: it is marked for deletion, and what fails here the sweep makes good."""
        with suppress(Unavailable):
            self._audio.delete(self.held.file_id)

    def exhaust(self) -> None:
        message = "The transcription failed several times. It can be tried again without a new recording."
        self._answers.fail(self.held, code="transcription_failed", message=message, keeps_audio=True)
        self._on_failed("transcription_failed")

    def give_up(self) -> None:
        """The audio stays: it may have been our machine each time, and not the recording."""
        message = "The transcription of this recording was cut short several times."
        self._answers.fail(self.held, code="poison", message=message, keeps_audio=True)
        self._on_failed("poison")
