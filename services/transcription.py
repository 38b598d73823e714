"""Transcribing one answer: claim → decode → transcribe → complete → delete the audio."""

import time
from contextlib import suppress
from dataclasses import dataclass

import structlog

from services.audio.decode import decode
from services.errors import LeaseLost, ParleyError, RecordingRejected, TranscriptionFailed, Unavailable
from services.models import AnswerRef, Claim
from services.storage.answers import AnswerStore
from services.storage.audio import AudioStore
from services.transcribers import Transcriber
from services.transcribers.loader import TranscriberLoader

log = structlog.get_logger()

# A recording that ended its process three times will do it again.
MAX_CRASHES = 3
FIRST_BACKOFF_SECONDS = 5
# Looked at with every sign of life, and below the actor's own limit, which would count no attempt.
DEADLINE_SECONDS = 45 * 60


@dataclass(frozen=True, slots=True)
class Limits:
    """How long an answer may be, and how often an error that may pass is tried again."""

    max_answer_seconds: int
    max_attempts: int


class Transcription:
    """Works on answers. Any number of workers may be told of one answer: one claims it, one result lands."""

    def __init__(
        self, answers: AnswerStore, audio: AudioStore, loader: TranscriberLoader, *, holder: str, limits: Limits
    ) -> None:
        self._answers = answers
        self._audio = audio
        self._loader = loader
        self._holder = holder
        self._limits = limits

    def transcribe(self, ref: AnswerRef) -> None:
        """Transcribe an answer if it still waits; whatever happens, it ends or goes back into the queue."""
        transcriber = self._loader.load()
        claim = self._answers.claim(ref, self._holder)
        if claim is None:
            log.debug("There was nothing to claim.", answer_id=ref.answer_id)
            return
        try:
            if claim.crashes >= MAX_CRASHES:
                self._give_up(claim)
            else:
                self._attempt(claim, transcriber)
        except (LeaseLost, Unavailable) as error:
            # Nothing may or can be written now. If the answer is still ours, its lease runs out and the sweep sends it.
            log.warning("A transcription was left.", answer_id=ref.answer_id, reason=error.message)

    def _attempt(self, claim: Claim, transcriber: Transcriber) -> None:
        try:
            self._hear(claim, transcriber)
        except RecordingRejected as error:
            self._answers.fail(claim, code=error.code, message=error.message, keeps_audio=False)
            self._audio.delete(claim.file_id)
            log.info("A recording was rejected.", answer_id=claim.ref.answer_id, code=error.code)
        except (LeaseLost, Unavailable):
            raise
        except Exception:
            log.exception("An attempt to transcribe failed.", answer_id=claim.ref.answer_id, attempts=claim.attempts)
            self._try_again_or_fail(claim)
        except BaseException:
            # Dramatiq's Shutdown and TimeLimitExceeded are no `Exception`, and not the answer's fault.
            with suppress(ParleyError):
                self._answers.release(claim, gives_attempt_back=True)
            raise

    def _hear(self, claim: Claim, transcriber: Transcriber) -> None:
        started = time.monotonic()
        ends_at = started + DEADLINE_SECONDS

        def on_window(done: int, total: int | None) -> None:
            if time.monotonic() > ends_at:
                raise TranscriptionFailed("The transcription took too long.")
            stage = "decoding" if total is None else "transcribing"
            self._answers.renew(claim, stage=stage, windows_done=done, windows_total=total)

        samples = decode(
            self._audio.read(claim.file_id),
            max_seconds=self._limits.max_answer_seconds,
            on_wait=lambda: on_window(0, None),
        )
        decoded = time.monotonic()
        transcript = transcriber.transcribe(samples, language=claim.language, on_window=on_window)
        self._answers.complete(claim, transcript, transcriber.model)
        self._audio.delete(claim.file_id)
        log.info(
            "An answer was transcribed.",
            answer_id=claim.ref.answer_id,
            audio_seconds=round(transcript.duration_seconds, 2),
            decode_seconds=round(decoded - started, 3),
            transcribe_seconds=round(time.monotonic() - decoded, 3),
        )

    def _give_up(self, claim: Claim) -> None:
        """The audio is kept: it may have been our machine each time, and not the recording."""
        log.error("A recording ended its worker several times.", answer_id=claim.ref.answer_id, crashes=claim.crashes)
        message = "The transcription of this recording was cut short several times."
        self._answers.fail(claim, code="poison", message=message, keeps_audio=True)

    def _try_again_or_fail(self, claim: Claim) -> None:
        if claim.attempts < self._limits.max_attempts:
            # No message is sent for it: the sweep does when it is due.
            self._answers.release(claim, due_in_seconds=FIRST_BACKOFF_SECONDS * 2 ** (claim.attempts - 1))
            return
        message = "The transcription failed several times. It can be tried again without a new recording."
        self._answers.fail(claim, code="transcription_failed", message=message, keeps_audio=True)
