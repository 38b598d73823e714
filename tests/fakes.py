"""Stand-ins for what a test is not about: a queue that remembers, a transcriber that says what it is told."""

from collections.abc import Callable, MutableMapping
from itertools import pairwise

from services.audio.samples import SAMPLE_RATE_HZ
from services.audio.sound import Sound
from services.audio.windows import Window
from services.errors import Unavailable
from services.models import AnswerRef, HeardWindow, Hints, Plan, Segment, Span, WhisperModel, Word

PROBABILITY = 0.9


class RememberingQueue:
    """A `JobQueue` that keeps what it was asked to send; `is_away` makes it unreachable."""

    def __init__(self) -> None:
        self.sent: list[AnswerRef] = []
        self.feedback: list[str] = []
        self.deliveries: list[str] = []
        self.is_away = False

    def transcribe_answer(self, ref: AnswerRef) -> None:
        self._require_here()
        self.sent.append(ref)

    def give_feedback(self, job_id: str) -> None:
        self._require_here()
        self.feedback.append(job_id)

    def deliver_webhook(self, delivery_id: str) -> None:
        self._require_here()
        self.deliveries.append(delivery_id)

    def _require_here(self) -> None:
        if self.is_away:
            raise Unavailable("The queue cannot be reached.")


class ScriptedTranscriber:
    """A `Transcriber` that hears `text` in `windows` windows; `before_window(index)` may raise or do something.

    `hints` and `heard` are of every window that it was asked for, whatever came of that.
    """

    def __init__(self, text: str = "i led a team", windows: int = 1) -> None:
        self.text = text
        self.windows = windows
        self.plans = 0
        self.hints: list[Hints] = []
        self.heard: list[int] = []
        self.before_plan: Callable[[], None] = lambda: None
        self.before_window: Callable[[int], None] = lambda index: None

    @property
    def model(self) -> WhisperModel:
        return WhisperModel("scripted", demo_model=True)

    @property
    def languages(self) -> list[str | None]:
        return [each.language for each in self.hints]

    def plan(self, sound: Sound, on_wait: Callable[[], None], timing: MutableMapping[str, float]) -> Plan:
        """Windows of the same length, with speech all through them."""
        self.plans += 1
        self.before_plan()
        seconds = sum(len(block) for block in sound.blocks()) / SAMPLE_RATE_HZ
        edges = [seconds * number / self.windows for number in range(self.windows + 1)]
        windows = tuple(Span(start, end) for start, end in pairwise(edges))
        timing.update(decode=0.25, vad=0.125)
        return Plan(round(seconds, 3), windows, windows)

    def hear(self, window: Window, hints: Hints, pulse: Callable[[], None]) -> HeardWindow:
        """Its share of the text, all words as long."""
        index = round(window.start_seconds / window.seconds)
        self.hints.append(hints)
        self.heard.append(index)
        self.before_window(index)
        text = self._share(index)
        language = hints.language or "en"
        probability = None if hints.language else PROBABILITY
        return HeardWindow(_segments(text, window), language, probability, {"encode": 0.5, "decode_tokens": 1.0})

    def _share(self, index: int) -> str:
        if self.windows == 1:
            return self.text
        words = self.text.split()
        return " ".join(words[index * len(words) // self.windows : (index + 1) * len(words) // self.windows])


def _segments(text: str, window: Window) -> tuple[Segment, ...]:
    if not text:
        return ()
    start, said = window.start_seconds, text.split() or [text]
    each = window.seconds / len(said)
    words = tuple(
        Word(start + number * each, start + (number + 1) * each, word, PROBABILITY) for number, word in enumerate(said)
    )
    return (Segment(start, start + window.seconds, text, -0.1, 0.01, 1.2, words=words),)
