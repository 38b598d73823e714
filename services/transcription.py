"""Transcribing one answer: claim → plan → hear window by window → complete → delete the audio."""

import itertools
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial

import structlog

from services.answer_lease import AnswerLease
from services.assembling import Thresholds, assembled, time_spent
from services.audio.sound import Sound
from services.counting import Count, failed, took, uncounted
from services.errors import TranscriberUnavailable, Unavailable
from services.leases import Attempt, AttemptTookTooLong, LeasedWork
from services.listening import Listening
from services.models import AnswerRef, Claim, Plan, Transcript
from services.speech_models import ChooseTranscriber
from services.storage.answers import AnswerStore
from services.storage.audio import PART_BYTES, AudioStore
from services.storage.checkpoints import Checkpoint, CheckpointStore
from services.transcribers import Transcriber

log = structlog.get_logger()

KIND = "transcription"


@dataclass(frozen=True, slots=True)
class Stores:
    """What an answer passes through while it is heard. `when_ended` is called after each attempt, for it may have."""

    answers: AnswerStore
    audio: AudioStore
    checkpoints: CheckpointStore
    when_ended: Callable[[AnswerRef], None] = lambda _: None
    count: Count = uncounted


@dataclass(frozen=True, slots=True)
class RecordingParts:
    """The bytes of a recording, read some at a time by whoever decodes them, each time from the first."""

    audio: AudioStore
    file_id: str
    attempt: Attempt

    def __iter__(self) -> Iterator[bytes]:
        for number in itertools.count():
            part = self.attempt.insist(partial(self.audio.read_part, self.file_id, number))
            yield part
            if len(part) < PART_BYTES:
                return


class Transcription:
    """Works on answers."""

    def __init__(
        self, stores: Stores, choose: ChooseTranscriber, work: LeasedWork, thresholds: Thresholds, *, max_seconds: int
    ) -> None:
        self._stores = stores
        self._choose = choose
        self._work = work
        self._thresholds = thresholds
        self._max_seconds = max_seconds

    def transcribe(self, ref: AnswerRef) -> None:
        """Transcribe an answer if it still waits; raises `TranscriberUnavailable` before anything is claimed."""
        try:
            transcriber = self._choose(ref)
        except TranscriberUnavailable:
            raise
        except Unavailable as error:
            log.warning("Work was left.", reason=error.message, answer_id=ref.answer_id)
            return
        lease = AnswerLease(self._stores.answers, self._stores.audio, ref, partial(self._count_failed, transcriber))
        self._work.work_on(lease, partial(self._work_on, lease, transcriber))
        self._stores.when_ended(ref)

    def _count_failed(self, transcriber: Transcriber, code: str) -> None:
        self._stores.count(KIND, transcriber.model.name, failed(code))

    def _work_on(self, lease: AnswerLease, transcriber: Transcriber, attempt: Attempt) -> None:
        began = time.monotonic()
        claim, pulse = lease.held, partial(attempt.renew, lease.hold)
        recording = RecordingParts(self._stores.audio, claim.file_id, attempt)
        sound = Sound(recording, max_seconds=claim.max_seconds or self._max_seconds, on_wait=pulse)
        checkpoint = attempt.insist(partial(self._stores.checkpoints.resume, claim, transcriber.model))
        if checkpoint is None:
            checkpoint = self._planned(claim, transcriber, sound, attempt)
        listening = Listening(self._stores.checkpoints, claim, attempt, checkpoint)
        try:
            listening.hear(transcriber, sound, pulse)
        except AttemptTookTooLong:
            if not listening.has_stored:
                raise
            # However long a recording is: each attempt is nearer to its end.
            log.info("An answer is heard on later.", **lease.facts)
            attempt.insist(lease.give_back)
            return
        transcript = self._transcript(claim, checkpoint.plan, listening)
        attempt.insist(partial(self._stores.answers.complete, claim, transcript, transcriber.model))
        log.info(
            "An answer was transcribed.",
            **lease.facts,
            audio_seconds=transcript.duration_seconds,
            windows=len(checkpoint.plan.windows),
            gaps=len(transcript.gaps),
            seconds=transcript.timing,
        )
        ended = {**took(time.monotonic() - began), "audio_seconds": transcript.duration_seconds}
        self._stores.count(KIND, transcriber.model.name, ended)
        lease.delete_audio()

    def _planned(self, claim: Claim, transcriber: Transcriber, sound: Sound, attempt: Attempt) -> Checkpoint:
        timing: dict[str, float] = {}
        plan = transcriber.plan(sound, partial(attempt.renew, partial(self._stores.answers.hold, claim)), timing)
        if not plan.windows:
            return Checkpoint(plan, timing=timing)
        begin = partial(self._stores.checkpoints.begin, claim, plan, transcriber.model, timing)
        return attempt.insist(begin)

    def _transcript(self, claim: Claim, plan: Plan, listening: Listening) -> Transcript:
        """With a language that was fixed also where nothing was said."""
        language, probability = listening.language
        known = (language or claim.hints.language, probability)
        transcript = assembled(plan, listening.windows, listening.gap_codes, known, self._thresholds)
        return replace(transcript, timing=time_spent(listening.spent, listening.windows))
