"""Transcribing one answer: claim → decode → transcribe → complete → delete the audio."""

import time
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from secrets import token_hex

import structlog

from services.audio.decode import decode
from services.errors import RecordingRejected, Unavailable
from services.leases import Attempt, LeasedWork
from services.models import AnswerRef, Claim
from services.storage.answers import AnswerStore
from services.storage.audio import AudioStore
from services.transcribers import Transcriber
from services.transcribers.loader import TranscriberLoader

log = structlog.get_logger()


class AnswerLease:
    """An answer as a piece of work."""

    def __init__(self, answers: AnswerStore, audio: AudioStore, ref: AnswerRef) -> None:
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

    def reject(self, error: RecordingRejected) -> None:
        """The audio goes: no retry could hear it."""
        self._answers.fail(self.held, code=error.code, message=error.message, keeps_audio=False)
        self.delete_audio()

    def delete_audio(self) -> None:
        """Last, and best effort: it is marked for deletion, and what fails here the sweep makes good."""
        with suppress(Unavailable):
            self._audio.delete(self.held.file_id)

    def exhaust(self) -> None:
        message = "The transcription failed several times. It can be tried again without a new recording."
        self._answers.fail(self.held, code="transcription_failed", message=message, keeps_audio=True)

    def give_up(self) -> None:
        """The audio stays: it may have been our machine each time, and not the recording."""
        message = "The transcription of this recording was cut short several times."
        self._answers.fail(self.held, code="poison", message=message, keeps_audio=True)


class Transcription:
    """Works on answers."""

    def __init__(
        self, answers: AnswerStore, audio: AudioStore, loader: TranscriberLoader, work: LeasedWork, *, max_seconds: int
    ) -> None:
        self._answers = answers
        self._audio = audio
        self._loader = loader
        self._work = work
        self._max_seconds = max_seconds

    def transcribe(self, ref: AnswerRef) -> None:
        """Transcribe an answer if it still waits; raises `TranscriberUnavailable` before anything is claimed."""
        transcriber = self._loader.load()
        lease = AnswerLease(self._answers, self._audio, ref)
        self._work.work_on(lease, partial(self._hear, lease, transcriber))

    def _hear(self, lease: AnswerLease, transcriber: Transcriber, attempt: Attempt) -> None:
        claim, started = lease.held, time.monotonic()

        def on_window(done: int, total: int | None) -> None:
            stage = "decoding" if total is None else "transcribing"
            attempt.renew(partial(self._answers.renew, claim, stage=stage, windows_done=done, windows_total=total))

        samples = decode(
            attempt.insist(partial(self._audio.read, claim.file_id)),
            max_seconds=self._max_seconds,
            on_wait=lambda: on_window(0, None),
        )
        decoded = time.monotonic()
        transcript = transcriber.transcribe(samples, language=claim.hints.language, on_window=on_window)
        attempt.insist(partial(self._answers.complete, claim, transcript, transcriber.model))
        log.info(
            "An answer was transcribed.",
            **lease.facts,
            audio_seconds=round(transcript.duration_seconds, 2),
            decode_seconds=round(decoded - started, 3),
            transcribe_seconds=round(time.monotonic() - decoded, 3),
        )
        lease.delete_audio()
