from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from dramatiq.middleware.threading import Interrupt

from services.errors import TranscriberUnavailable, Unavailable
from services.leases import MAX_CRASHES
from services.models import AnswerRef
from services.transcribers.loader import TranscriberLoader
from services.transcription import Transcription
from tests.factories import recording_of, wav_of
from tests.fakes import ScriptedTranscriber
from tests.stores import Stores, transcription_over


@dataclass
class Worker:
    """A transcription over the real database, and an answer for it with real audio."""

    stores: Stores
    transcriber: ScriptedTranscriber
    max_attempts: int = 4
    transcription: Transcription = field(init=False)

    def __post_init__(self) -> None:
        self.transcription = transcription_over(
            self.stores, lambda: self.transcriber, max_attempts=self.max_attempts, max_seconds=5
        )

    def accept(self, content: bytes | None = None, session_id: str | None = None, **fields: Any) -> AnswerRef:
        ref = self.stores.accept(session_id or self.stores.start("q1"), **fields)
        old = self.stores.answer(ref)["gridfs_file_id"]
        file_id = self.stores.audio.save(recording_of(content), ref, "owner")
        self.stores.audio.delete(old)
        self.stores.database["interview_sessions"].update_one(
            {"_id": ref.session_id}, {"$set": {"answers.q1.gridfs_file_id": file_id}}
        )
        return ref

    def at_window(self, number: int, act: Callable[[], object]) -> None:
        def before_window(done: int) -> None:
            if done == number:
                act()

        self.transcriber.before_window = before_window


@pytest.fixture
def worker(stores: Stores, transcriber: ScriptedTranscriber) -> Worker:
    return Worker(stores, transcriber)


def raising(error: BaseException) -> Callable[[], None]:
    def act() -> None:
        raise error

    return act


@pytest.mark.covers("I-deleted")
def test_an_answer_is_transcribed_and_its_audio_is_gone(worker: Worker, stores: Stores):
    ref = worker.accept(wav_of(2.0), language_hint="de")
    worker.transcription.transcribe(ref)
    answer = stores.answer(ref)
    assert (answer["transcription_status"], answer["transcript"]) == ("completed", "i led a team")
    assert (answer["language"], answer["duration_seconds"]) == ("de", 2.0)
    assert worker.transcriber.languages == ["de"]
    assert stores.files() == 0
    assert stores.database["fs.chunks"].count_documents({}) == 0
    stores.check(ref.session_id)


def test_a_second_message_for_a_finished_answer_does_nothing(worker: Worker, stores: Stores):
    ref = worker.accept()
    worker.transcription.transcribe(ref)
    before = stores.session(ref.session_id)
    worker.transcription.transcribe(ref)
    assert stores.session(ref.session_id) == before
    assert len(worker.transcriber.languages) == 1


def test_a_message_for_an_answer_that_never_was_does_nothing(worker: Worker):
    worker.transcription.transcribe(AnswerRef("no", "such", "answer"))
    assert worker.transcriber.languages == []


def test_progress_is_visible_at_every_window(worker: Worker, stores: Stores):
    worker.transcriber.windows = 3
    ref = worker.accept()
    seen = []

    def note(done: int) -> None:
        seen.append(stores.answer(ref)["progress"])

    worker.transcriber.before_plan = lambda: note(0)
    worker.transcriber.before_window = note
    worker.transcription.transcribe(ref)
    assert [(each["stage"], each["windows_done"], each["windows_total"]) for each in seen] == [
        ("decoding", 0, None),
        ("transcribing", 0, 3),
        ("transcribing", 1, 3),
        ("transcribing", 2, 3),
    ]


def test_nothing_said_is_completed_and_says_so(worker: Worker, stores: Stores):
    worker.transcriber.text = ""
    ref = worker.accept()
    worker.transcription.transcribe(ref)
    answer = stores.answer(ref)
    assert (answer["transcription_status"], answer["transcript"], answer["no_speech"]) == ("completed", "", True)
    assert stores.files() == 0


@pytest.mark.parametrize(
    ("content", "code"), [(b"RIFF not audio at all", "bad_audio"), (wav_of(8.0), "too_long")], ids=["corrupt", "long"]
)
def test_a_recording_that_can_never_be_heard_fails_at_once_and_its_audio_goes(worker, stores, content, code):
    ref = worker.accept(content)
    worker.transcription.transcribe(ref)
    answer = stores.answer(ref)
    assert (answer["transcription_status"], answer["transcription_error"]["code"]) == ("failed", code)
    assert answer["transcription_error"]["message"].endswith((".", "!"))
    assert (answer["gridfs_file_id"], stores.files()) == (None, 0)
    stores.check(ref.session_id)


@pytest.mark.covers("I-retry", "N-backoff")
def test_an_error_that_may_pass_is_tried_again_later_and_later_and_then_fails(worker: Worker, stores: Stores):
    worker.at_window(0, raising(RuntimeError("CUDA went away")))
    ref = worker.accept()
    waits = []
    for _ in range(3):
        worker.transcription.transcribe(ref)
        answer, session = stores.answer(ref), stores.session(ref.session_id)
        assert answer["transcription_status"] == "queued"
        waits.append((session["open"][0]["due"] - session["updated_at"]).total_seconds())
        worker.transcription.transcribe(ref)  # a message that comes too early changes nothing
        assert stores.answer(ref) == answer
        stores.make_due(ref)
    worker.transcription.transcribe(ref)
    answer = stores.answer(ref)
    assert waits == [5, 10, 20]
    assert (answer["transcription_status"], answer["attempts"]) == ("failed", 4)
    assert answer["transcription_error"]["code"] == "transcription_failed"
    assert "CUDA" not in str(answer)
    assert stores.files() == 1
    stores.check(ref.session_id)


def test_crashes_take_nothing_from_the_tries_that_errors_have(worker: Worker, stores: Stores):
    ref = worker.accept()
    for _ in range(MAX_CRASHES - 1):
        stores.claim(ref)
        stores.age_lease(ref)
    worker.at_window(0, raising(RuntimeError("CUDA went away")))
    statuses = []
    for _ in range(worker.max_attempts):
        worker.transcription.transcribe(ref)
        statuses.append(stores.answer(ref)["transcription_status"])
        if statuses[-1] == "queued":
            stores.make_due(ref)
    assert statuses == ["queued", "queued", "queued", "failed"]
    assert stores.answer(ref)["crashes"] == MAX_CRASHES - 1


@pytest.mark.parametrize("window", [0, 1])
def test_an_interruption_gives_the_answer_and_the_attempt_back(worker: Worker, stores: Stores, window):
    worker.transcriber.windows = 2
    ref = worker.accept()
    worker.at_window(window, raising(Interrupt()))
    with pytest.raises(Interrupt):
        worker.transcription.transcribe(ref)
    answer = stores.answer(ref)
    assert (answer["transcription_status"], answer["attempts"], answer["crashes"]) == ("queued", 0, 0)
    stores.check(ref.session_id)
    worker.transcriber.before_window = lambda done: None
    worker.transcription.transcribe(ref)
    assert stores.answer(ref)["transcription_status"] == "completed"


def test_a_new_recording_stops_the_compute_at_the_next_window(worker: Worker, stores: Stores):
    worker.transcriber.windows = 5
    ref = worker.accept()
    windows = []

    def record_again(done: int) -> None:
        windows.append(done)
        if done == 2:
            worker.accept(session_id=ref.session_id)

    worker.transcriber.before_window = record_again
    worker.transcription.transcribe(ref)
    assert windows == [0, 1, 2]
    answer = stores.answer(ref)
    assert answer["id"] != ref.answer_id
    assert (answer["transcription_status"], answer["attempts"]) == ("queued", 0)
    stores.check(ref.session_id)


def test_a_take_over_stops_the_compute_and_the_second_result_lands(worker: Worker, stores: Stores):
    worker.transcriber.windows = 3
    ref = worker.accept()
    other = Worker(stores, ScriptedTranscriber("we met the board", windows=3))

    def take_over() -> None:
        stores.age_lease(ref)
        other.transcription.transcribe(ref)

    worker.at_window(1, take_over)
    worker.transcription.transcribe(ref)
    answer = stores.answer(ref)
    assert (answer["transcript"], answer["crashes"]) == ("i met the board", 1)
    stores.check(ref.session_id)


def test_something_that_stays_away_costs_an_attempt_and_no_crash(worker: Worker, stores: Stores):
    ref = worker.accept()
    worker.at_window(0, raising(Unavailable("It does not answer.")))
    worker.transcription.transcribe(ref)
    answer = stores.answer(ref)
    assert (answer["transcription_status"], answer["attempts"], answer["crashes"]) == ("queued", 1, 0)
    worker.transcriber.before_window = lambda done: None
    stores.make_due(ref)
    worker.transcription.transcribe(ref)
    assert stores.answer(ref)["transcription_status"] == "completed"


def test_a_recording_that_ends_its_worker_fails_after_three_crashes_and_keeps_its_audio(worker, stores):
    ref = worker.accept()
    stores.claim(ref)
    for _ in range(MAX_CRASHES - 1):
        stores.age_lease(ref)
        stores.claim(ref)
    stores.age_lease(ref)
    worker.transcription.transcribe(ref)
    answer = stores.answer(ref)
    assert (answer["transcription_status"], answer["transcription_error"]["code"]) == ("failed", "poison")
    assert worker.transcriber.languages == []
    assert stores.files() == 1
    stores.check(ref.session_id)


def test_audio_that_has_disappeared_fails_with_a_code(worker: Worker, stores: Stores):
    ref = worker.accept()
    stores.audio.delete(stores.answer(ref)["gridfs_file_id"])
    worker.transcription.transcribe(ref)
    assert stores.answer(ref)["transcription_error"]["code"] == "audio_missing"


def test_without_a_model_nothing_is_claimed(stores: Stores):
    def no_model() -> ScriptedTranscriber:
        raise TranscriberUnavailable("There is no model.")

    ref = stores.accept(stores.start("q1"))
    with pytest.raises(TranscriberUnavailable):
        transcription_over(stores, no_model).transcribe(ref)
    assert stores.answer(ref)["attempts"] == 0


def test_a_loader_without_a_model_says_why():
    def no_model() -> ScriptedTranscriber:
        raise TranscriberUnavailable("There is no model.")

    loader = TranscriberLoader(no_model)
    with pytest.raises(TranscriberUnavailable):
        loader.load()
    assert (loader.state.state, loader.state.detail) == ("failed", "There is no model.")


def test_an_attempt_that_takes_too_long_ends_at_the_next_window_and_counts(worker: Worker, stores, monkeypatch):
    monkeypatch.setattr("services.leases.DEADLINE_SECONDS", -1)
    ref = worker.accept()
    worker.transcription.transcribe(ref)
    answer = stores.answer(ref)
    assert (answer["transcription_status"], answer["attempts"]) == ("queued", 1)
    assert "not_before" in answer
