"""Stand-ins for what a test is not about: a queue that remembers, a transcriber that says what it is told."""

from collections.abc import Callable

from services.errors import Unavailable
from services.models import AnswerRef, Segment, Transcript, WhisperModel
from services.transcribers import SAMPLE_RATE_HZ, OnWindow, Samples


class RememberingQueue:
    """A `JobQueue` that keeps what it was asked to send; `is_away` makes it unreachable."""

    def __init__(self) -> None:
        self.sent: list[AnswerRef] = []
        self.is_away = False

    def transcribe_answer(self, ref: AnswerRef) -> None:
        if self.is_away:
            raise Unavailable("The queue cannot be reached.")
        self.sent.append(ref)


class ScriptedTranscriber:
    """A `Transcriber` that hears `text` in `windows` windows; `before_window(done)` may raise or do something."""

    def __init__(self, text: str = "i led a team", windows: int = 1) -> None:
        self.text = text
        self.windows = windows
        self.languages: list[str | None] = []
        self.before_window: Callable[[int], None] = lambda done: None

    @property
    def model(self) -> WhisperModel:
        return WhisperModel("scripted", demo_model=True)

    def transcribe(self, samples: Samples, *, language: str | None, on_window: OnWindow) -> Transcript:
        self.languages.append(language)
        for done in range(self.windows + 1):
            self.before_window(done)
            on_window(done, self.windows)
        seconds = len(samples) / SAMPLE_RATE_HZ
        segments = (Segment(0.0, seconds, self.text),) if self.text else ()
        return Transcript(self.text, segments, language or "en", seconds, no_speech=not self.text)
