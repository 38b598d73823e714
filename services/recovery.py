"""Answers that were lost on the way are sent again, and what was cut short is finished."""

from services.jobs import JobQueue
from services.resending import Resending
from services.storage.audio import AudioStore
from services.storage.open_answers import OpenAnswerStore
from services.storage.uploads import UploadStore


class Recovery:
    """Run at boot and every few seconds by every worker; any number of them do the work once."""

    def __init__(
        self, open_answers: OpenAnswerStore, uploads: UploadStore, audio: AudioStore, jobs: JobQueue, *, holder: str
    ) -> None:
        self._answers = Resending(open_answers, jobs.transcribe_answer, kind="answers", holder=holder)
        self._open = open_answers
        self._uploads = uploads
        self._audio = audio

    def sweep(self) -> int:
        """Send every unfinished answer that is due, and finish what was cut short; how many were sent."""
        sent = self._answers.sweep()
        for audio in self._audio.with_status("deleting", before=self._open.server_time()):
            self._audio.delete(audio.file_id)
        self._uploads.collect_abandoned()
        return sent

    def recover_own(self) -> int:
        """After a restart of the in-process worker: give back what it held and send everything; how many were sent."""
        return self._answers.recover_own()
