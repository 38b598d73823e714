"""Hearing a recording window by window: each one that is done is stored, and none that was is heard again."""

import itertools
from collections.abc import Callable, Mapping
from dataclasses import replace

import structlog

from services.audio.sound import Sound
from services.errors import LeaseLost, RecordingRejected, TranscriptionFailed, Unavailable
from services.leases import Attempt, AttemptTookTooLong
from services.log import trace_of
from services.models import Claim, HeardWindow, Hints
from services.storage.checkpoints import Checkpoint, CheckpointStore, Heard
from services.transcribers import Transcriber

log = structlog.get_logger()

# What is no window's own fault ends the attempt, as a shutdown does, which is no `Exception`.
ENDS_THE_ATTEMPT = (LeaseLost, AttemptTookTooLong, Unavailable, RecordingRejected)
NOT_HEARD, CRASHED = "transcription_failed", "crashed"


class Listening:
    """One attempt at what is left of a recording."""

    def __init__(self, checkpoints: CheckpointStore, claim: Claim, attempt: Attempt, checkpoint: Checkpoint) -> None:
        self._checkpoints = checkpoints
        self._claim = claim
        self._attempt = attempt
        self._plan, self._crashes, self._crashed = checkpoint.plan, checkpoint.crashes, checkpoint.crashed
        self.windows: dict[int, HeardWindow] = dict(checkpoint.windows)
        self.language = checkpoint.language, checkpoint.language_probability
        self._spent = dict(checkpoint.timing)
        self._failures: dict[int, str] = {}
        self._next_window = checkpoint.next_window
        self.has_stored = False
        self._unsaved = Heard(None)

    def _missing(self) -> list[int]:
        return [index for index in range(len(self._plan.windows)) if index not in self.windows]

    def _rounds(self) -> tuple[list[int], list[int]]:
        """The windows to hear: neither heard nor given up. Where there would be nothing else, those are tried, too.

        Those in which a worker ended come last: it may have been the fault of what else ran in its process, and that
        should not meet the same window again.
        """
        left = self._missing()
        wanted = [index for index in left if index not in self._crashed] or ([] if self.windows else left)
        return [each for each in wanted if each not in self._crashes], [
            each for each in wanted if each in self._crashes
        ]

    @property
    def gap_codes(self) -> dict[int, str]:
        """Why windows that are not heard are not."""
        return {index: NOT_HEARD if index in self._failures else CRASHED for index in self._missing()}

    @property
    def spent(self) -> Mapping[str, float]:
        """Seconds by stage beside the hearing of windows, over all attempts."""
        return self._spent

    def hear(self, transcriber: Transcriber, sound: Sound, pulse: Callable[[], None]) -> None:
        """Hear what is left; an error in one window leaves the others to be heard.

        Raises `TranscriptionFailed` where another attempt may hear what this one could not, or nothing was heard.
        """
        rounds, decoded_before = self._rounds(), sound.decode_seconds
        order = [*itertools.chain(*rounds), None]
        if order[0] is not None and self._next_window != order[0]:
            self._save(order[0])
        to_hear = (each for wanted in rounds for each in sound.windows(self._plan, wanted=wanted))
        for (index, window), following in zip(to_hear, order[1:], strict=True):
            try:
                heard = transcriber.hear(window, self._hints, pulse)
            except ENDS_THE_ATTEMPT:
                raise
            except Exception as error:  # noqa: BLE001 - which one it was is noted
                self._note_failure(index, error)
            else:
                self._note(index, heard)
            decoded_before = self._note_decoding(sound, decoded_before)
            self._save(following)
        if self._failures and (not self._attempt.is_last or not self.windows):
            self._attempt.insist(self._write)
            raise TranscriptionFailed(f"{len(self._failures)} windows could not be heard.")

    @property
    def _hints(self) -> Hints:
        """Later windows are told what the first one was spoken in."""
        hints, (language, _) = self._claim.hints, self.language
        return hints if language is None else replace(hints, language=language)

    def _note(self, index: int, heard: HeardWindow) -> None:
        self.windows[index] = self._unsaved.windows[index] = heard
        if heard.segments and self.language[0] is None:
            self.language = heard.language, heard.language_probability
            self._unsaved.language, self._unsaved.language_probability = self.language

    def _note_failure(self, index: int, error: Exception) -> None:
        # Of the text of an error nobody knows what it quotes.
        facts = {"answer_id": self._claim.ref.answer_id, "window": index, "error": type(error).__name__}
        if not self._failures:
            facts["exception"] = trace_of(error)
        self._failures[index] = self._unsaved.failures[index] = type(error).__name__
        log.warning("A window could not be heard.", **facts)

    def _note_decoding(self, sound: Sound, before: float) -> float:
        seconds = sound.decode_seconds - before
        for timing in (self._spent, self._unsaved.timing):
            timing["decode"] = timing.get("decode", 0.0) + seconds
        return sound.decode_seconds

    def _save(self, next_window: int | None) -> None:
        """As soon as the database takes it: while that is away, hearing goes on and more is stored at once later."""
        self._unsaved.next_window = next_window
        self._attempt.renew(self._write)

    def _write(self) -> None:
        done = len({*self.windows, *self._failures, *self._crashed})
        self._checkpoints.save(self._claim, self._unsaved, windows_done=done, windows_total=len(self._plan.windows))
        self.has_stored = self.has_stored or bool(self._unsaved.windows)
        self._unsaved = Heard(self._unsaved.next_window)
