"""What a listener to an interview's stages has not been told yet, by the id of the last event that it was told.

The id holds all that was told before it, so that whoever comes back with it hears exactly what has changed since:
nothing of that is kept here, and any web process can go on where another has stopped.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from services.answer_status import AnswerStatus
from services.mentor import MentorStatus, error_of, mentor_status_of
from services.subscription import Event, Snapshot

# "<seq>;<stage><state><the take>;…", of the answered stages in order, such as "12;1t3f0a9c41;2p77d01be2".
_ID = re.compile(r"[0-9]{1,18}(?:;[1-9][0-9]{0,3}[ptsf][0-9a-f]{8})*")
_STATES = {MentorStatus.PENDING: "p", MentorStatus.TRANSCRIBED: "t", MentorStatus.SUBMITTED: "s"}
_FAILED = "f"
_TAKE_DIGITS = 8


@dataclass(frozen=True, slots=True)
class StageChanged:
    """A stage as it is now; `event_id` is what to come back with."""

    event_id: str
    stage_id: int
    status: MentorStatus
    answer: AnswerStatus


class StageNews:
    """Turns the events of one subscription into what its listener has not been told."""

    def __init__(self, question_ids: Sequence[str], last_event_id: str | None) -> None:
        self._stages = {question_id: number for number, question_id in enumerate(question_ids, 1)}
        self._told = _told_by(last_event_id)
        self._is_submitted = False

    def of(self, event: Event) -> Iterator[StageChanged]:
        """In the order of the stages."""
        if isinstance(event, Snapshot):
            self._is_submitted = event.is_submitted
            answers = sorted(event.answers, key=lambda each: self._stages[each.question_id])
        else:
            answers = [event.answer]
        for answer in answers:
            stage_id, state = self._stages[answer.question_id], self._state_of(answer)
            if self._told.get(stage_id) != state:
                self._told[stage_id] = state
                yield StageChanged(self._event_id(event.seq), stage_id, self._status_of(answer), answer)

    def _status_of(self, answer: AnswerStatus) -> MentorStatus:
        return mentor_status_of(answer, is_submitted=self._is_submitted)

    def _state_of(self, answer: AnswerStatus) -> str:
        """With the take: another recording is news also where it stands as the one before stood."""
        state = _FAILED if error_of(answer) is not None else _STATES[self._status_of(answer)]
        return state + answer.answer_id[:_TAKE_DIGITS]

    def _event_id(self, seq: int) -> str:
        return ";".join((str(seq), *(f"{stage_id}{state}" for stage_id, state in sorted(self._told.items()))))


def _told_by(event_id: str | None) -> dict[int, str]:
    """Nothing, where it is none of ours: then everything is told."""
    if event_id is None or not _ID.fullmatch(event_id):
        return {}
    states = [re.split(r"(?=[ptsf])", each, maxsplit=1) for each in event_id.split(";")[1:]]
    return {int(stage_id): state for stage_id, state in states}
