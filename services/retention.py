"""Removing recordings that nothing refers to any more or that have outlived their retention. Run from cron."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from services.storage.answers import AnswerStore
from services.storage.audio import AudioStore, StoredAudio
from services.storage.retention_rules import RetentionRuleStore
from services.storage.sessions import SessionStore


@dataclass(frozen=True, slots=True)
class Removal:
    """A recording that was (or, in a dry run, would be) removed, and why."""

    file_id: str
    reason: str
    length_bytes: int


class Retention:
    """Finds what may go by asking the answers, not by age alone: a queued answer's audio never goes."""

    def __init__(
        self,
        audio: AudioStore,
        answers: AnswerStore,
        sessions: SessionStore,
        rules: RetentionRuleStore,
        *,
        failed_hours: int,
    ) -> None:
        self._rules = rules
        self._audio = audio
        self._answers = answers
        self._sessions = sessions
        self._failed_hours = failed_hours

    def collect(self, *, older_than: timedelta, dry_run: bool) -> Iterator[Removal]:
        """Remove, and tell of each one as it goes. `older_than` guards uploads that are still under way."""
        now = datetime.now(UTC)
        for removal in self._removable(now, now - older_than, dry_run):
            if not dry_run:
                self._audio.delete(removal.file_id)
            yield removal

    def _removable(self, now: datetime, before: datetime, dry_run: bool) -> Iterator[Removal]:
        for audio in self._audio.with_status("deleting", before=now):
            yield Removal(audio.file_id, "its answer needs it no more", audio.length_bytes)
        for audio in self._failed(now):
            # Said of the answer before it is so; and where the answer is tried again at this moment, it is not.
            if dry_run or self._answers.forget_audio(audio.ref, audio.file_id):
                yield Removal(audio.file_id, "its answer failed and the retention is over", audio.length_bytes)
        for audio in self._audio.with_status("stored", before=before):
            if not self._is_referred_to(audio):
                yield Removal(audio.file_id, "no answer refers to it", audio.length_bytes)
        for file_id in self._audio.chunks_without_file(before):
            yield Removal(file_id, "its upload never ended", 0)

    def _failed(self, now: datetime) -> Iterator[StoredAudio]:
        """Of failed answers, older than the owners of their sessions want, and than the operator allows."""
        hours = {each.owner_id: each.failed_audio_hours or 0 for each in self._rules.with_failed_audio_hours()}
        shortest = min([*hours.values(), self._failed_hours])
        for audio in self._audio.with_status("failed", before=now - timedelta(hours=shortest)):
            session = self._sessions.find_unguarded(audio.ref.session_id) if hours else None
            of_owner = hours.get(session.owner_id, self._failed_hours) if session else self._failed_hours
            if audio.status_at < now - timedelta(hours=min(of_owner, self._failed_hours)):
                yield audio

    def _is_referred_to(self, audio: StoredAudio) -> bool:
        session = self._sessions.find_unguarded(audio.ref.session_id)
        answer = session.answers.get(audio.ref.question_id, {}) if session else {}
        return bool(answer.get("gridfs_file_id") == audio.file_id)
