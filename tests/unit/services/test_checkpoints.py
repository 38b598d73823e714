"""What becomes of windows that were heard, and of those that could not be."""

from collections.abc import Callable

import pytest
from dramatiq.middleware.threading import Interrupt
from structlog.testing import capture_logs

from services.answer_status import AnswerStatus, status_of
from services.decisions import Decisions
from services.errors import RecordingRejected, Unavailable
from services.leases import AttemptTookTooLong
from services.models import AnswerRef, Hints, Task, WhisperModel
from services.storage.answers import AnswerStore
from services.storage.decisions import DecisionStore
from services.storage.revisions import RevisionStore
from services.transcription import Transcription
from tests.factories import wav_of
from tests.fakes import RememberingQueue, ScriptedTranscriber
from tests.stores import Stores, transcription_over

TEXT = "one two three four"
WINDOWS = 4


class AnotherModel(ScriptedTranscriber):
    @property
    def model(self) -> WhisperModel:
        return WhisperModel("scripted", demo_model=True, revision="another")


@pytest.fixture
def transcriber() -> ScriptedTranscriber:
    return ScriptedTranscriber(TEXT, windows=WINDOWS)


@pytest.fixture
def transcription(stores: Stores, transcriber: ScriptedTranscriber) -> Transcription:
    return transcription_over(stores, lambda: transcriber, max_attempts=2)


@pytest.fixture
def ref(stores: Stores) -> AnswerRef:
    return accepted(stores)


def accepted(stores: Stores, session_id: str | None = None) -> AnswerRef:
    ref = AnswerRef(session_id or stores.start("q1"), "q1", "a" * 24)
    stores.acceptance.accept(ref, stores.uploaded(ref, wav_of(4.0)))
    return ref


def at(windows: set[int], error: BaseException) -> Callable[[int], None]:
    def before_window(index: int) -> None:
        if index in windows:
            raise error

    return before_window


def never(index: int) -> None:
    """Every window is heard."""


def shown(stores: Stores, ref: AnswerRef) -> AnswerStatus:
    return status_of("q1", stores.answer(ref))


def interrupted(transcription: Transcription, transcriber: ScriptedTranscriber, ref: AnswerRef, window: int) -> None:
    transcriber.before_window = at({window}, Interrupt())
    with pytest.raises(Interrupt):
        transcription.transcribe(ref)
    transcriber.before_window = never


class OfOneWhoDies(AnswerStore):
    """Nothing is given back."""

    def give_back(self, ref: AnswerRef, token: str) -> None:
        return


def crash_in(stores: Stores, ref: AnswerRef, window: int, dying: ScriptedTranscriber | None = None) -> None:
    """A worker hears up to this window, and is never heard of again."""
    dying = dying or ScriptedTranscriber(TEXT, windows=WINDOWS)
    dying.before_window = at({window}, SystemExit())
    answers = OfOneWhoDies(stores.database, lease_seconds=60)
    with pytest.raises(SystemExit):
        transcription_over(stores, lambda: dying, answers=answers).transcribe(ref)
    stores.age_lease(ref)


def partials(stores: Stores) -> int:
    return stores.database["transcripts"].count_documents({"_id": {"$regex": ":partial$"}})


def test_another_worker_goes_on_after_the_last_finished_window_by_the_same_plan(
    stores: Stores, transcription, transcriber, ref
):
    interrupted(transcription, transcriber, ref, 2)
    stores.check(ref.session_id)
    other = ScriptedTranscriber("five six seven eight", windows=WINDOWS)
    transcription_over(stores, lambda: other).transcribe(ref)
    assert (transcriber.heard, other.heard, other.plans) == ([0, 1, 2], [2, 3], 0)
    assert stores.answer(ref)["transcript"] == "one two seven eight"
    assert partials(stores) == 0
    stores.check(ref.session_id)


def test_what_another_model_heard_is_thrown_away(stores: Stores, transcription, transcriber, ref):
    interrupted(transcription, transcriber, ref, 2)
    other = AnotherModel("five six seven eight", windows=WINDOWS)
    texts = []
    other.before_window = lambda index: texts.append(shown(stores, ref).partial_transcript)
    transcription_over(stores, lambda: other).transcribe(ref)
    assert (other.heard, other.plans) == ([0, 1, 2, 3], 1)
    assert texts == [None, "five", "five six", "five six seven"]
    assert stores.answer(ref)["transcript"] == "five six seven eight"


@pytest.mark.parametrize(
    "changed", [{"language": "de"}, {"task": "translate"}, {"initial_prompt": "$50"}, {"vocabulary": ["Kubernetes"]}]
)
def test_what_was_heard_by_other_hints_is_thrown_away(stores: Stores, transcription, transcriber, ref, changed):
    interrupted(transcription, transcriber, ref, 2)
    stores.database["interview_sessions"].update_one({"_id": ref.session_id}, {"$set": changed})
    transcription.transcribe(ref)
    assert transcriber.heard == [0, 1, 2, 0, 1, 2, 3]


def test_the_text_grows_while_it_is_heard_and_is_the_answers_alone_in_the_end(stores, transcription, transcriber, ref):
    seen = []
    transcriber.before_window = lambda index: seen.append(shown(stores, ref).partial_transcript)
    transcription.transcribe(ref)
    assert seen == [None, "one", "one two", "one two three"]
    assert (shown(stores, ref).partial_transcript, shown(stores, ref).transcript) == (None, TEXT)
    assert "partial_texts" not in stores.answer(ref)


def test_a_window_that_fails_leaves_the_others_to_be_heard_and_is_tried_alone(stores, transcription, transcriber, ref):
    transcriber.before_window = at({1}, RuntimeError("CUDA went away, $secret"))
    transcription.transcribe(ref)
    answer = stores.answer(ref)
    assert (answer["transcription_status"], transcriber.heard) == ("queued", [0, 1, 2, 3])
    assert shown(stores, ref).partial_transcript == "one three four"
    (partial,) = stores.database["transcripts"].find()
    assert partial["failures"] == {"1": "RuntimeError"}
    assert "secret" not in str(partial) + str(answer)
    stores.check(ref.session_id)
    transcriber.before_window = never
    stores.make_due(ref)
    transcription.transcribe(ref)
    answer = stores.answer(ref)
    assert transcriber.heard == [0, 1, 2, 3, 1]
    assert (answer["transcription_status"], answer["transcript"], answer["gaps"]) == ("completed", TEXT, [])
    assert [
        each.text for each in RevisionStore(stores.database).of_session(ref.session_id)[ref.answer_id][0].segments
    ] == (TEXT.split())
    stores.check(ref.session_id)


def test_what_an_error_quotes_is_in_no_log(stores: Stores, transcription, transcriber, ref):
    said = " ".join(["my", "salary"])

    def quote(index: int) -> None:
        try:
            raise KeyError(said)
        except KeyError as error:
            raise ValueError(said) from error

    transcriber.before_window = quote
    with capture_logs() as logged:
        transcription.transcribe(ref)
    written = str(logged)
    assert said not in written
    assert all(each in written for each in ("KeyError", "ValueError", "in quote", "windows could not be heard"))


def test_a_deadline_after_a_window_was_heard_costs_no_attempt(stores: Stores, transcription, transcriber, ref):
    transcriber.before_window = at({2}, AttemptTookTooLong("Long."))
    transcription.transcribe(ref)
    answer = stores.answer(ref)
    assert (answer["transcription_status"], answer["attempts"]) == ("queued", 0)
    transcription.transcribe(ref)
    assert (stores.answer(ref)["attempts"], transcriber.heard) == (1, [0, 1, 2, 2])
    transcriber.before_window = never
    stores.database["interview_sessions"].update_one({"_id": ref.session_id}, {"$unset": {"answers.q1.not_before": ""}})
    transcription.transcribe(ref)
    assert stores.answer(ref)["transcript"] == TEXT
    stores.check(ref.session_id)


def test_windows_that_fail_for_good_are_gaps(stores: Stores, transcription, transcriber, ref):
    transcriber.before_window = at({0, 2}, RuntimeError("CUDA went away"))
    transcription.transcribe(ref)
    stores.make_due(ref)
    transcription.transcribe(ref)
    answer = stores.answer(ref)
    assert (answer["transcription_status"], answer["transcript"]) == ("completed", "two four")
    assert answer["gaps"] == [
        {"start": 0.0, "end": 1.0, "code": "transcription_failed"},
        {"start": 2.0, "end": 3.0, "code": "transcription_failed"},
    ]
    assert (answer["needs_review"], answer["no_speech"]) == (True, False)
    assert transcriber.heard == [0, 1, 2, 3, 0, 2]
    stores.check(ref.session_id)


def test_an_answer_of_which_nothing_could_be_heard_fails(stores: Stores, transcription, transcriber, ref):
    transcriber.before_window = at({0, 1, 2, 3}, RuntimeError("CUDA went away"))
    transcription.transcribe(ref)
    stores.make_due(ref)
    transcription.transcribe(ref)
    answer = stores.answer(ref)
    assert (answer["transcription_status"], answer["transcription_error"]["code"]) == ("failed", "transcription_failed")
    stores.check(ref.session_id)


def test_a_provider_that_is_away_is_no_fault_of_a_window(stores: Stores, transcription, transcriber, ref):
    transcriber.before_window = at({1}, Unavailable("Away."))
    transcription.transcribe(ref)
    assert (stores.answer(ref)["transcription_status"], transcriber.heard) == ("queued", [0, 1])
    (partial,) = stores.database["transcripts"].find()
    assert partial["failures"] == {}


def test_a_window_that_ends_two_workers_is_a_gap_and_not_heard_again(stores: Stores, transcription, transcriber, ref):
    for _ in range(2):
        crash_in(stores, ref, 1)
    transcription.transcribe(ref)
    answer = stores.answer(ref)
    assert transcriber.heard == []
    assert (answer["transcription_status"], answer["transcript"]) == ("completed", "one three four")
    assert answer["gaps"] == [{"start": 1.0, "end": 2.0, "code": "crashed"}]
    stores.check(ref.session_id)


def test_a_window_in_which_a_worker_ended_is_heard_after_the_others(stores: Stores, transcription, transcriber, ref):
    """What else ran in that process may be at fault, and end the next one as soon."""
    crash_in(stores, ref, 1)
    transcription.transcribe(ref)
    assert transcriber.heard == [2, 3, 1]
    assert (stores.answer(ref)["transcript"], stores.answer(ref)["gaps"]) == (TEXT, [])


def test_crashes_in_different_windows_are_nobodys_fault(stores: Stores, transcription, transcriber, ref):
    for window in (1, 2):
        crash_in(stores, ref, window)
    transcription.transcribe(ref)
    assert transcriber.heard == [3, 1, 2]
    assert (stores.answer(ref)["transcript"], stores.answer(ref)["gaps"]) == (TEXT, [])


def test_a_crash_before_anything_is_heard_is_put_down_to_no_window(stores: Stores, transcription, transcriber, ref):
    crash_in(stores, ref, 1)
    # As when a worker ends while it decodes what an earlier one had begun.
    stores.checkpoints.resume(stores.claim(ref), transcriber.model)
    stores.age_lease(ref)
    transcription.transcribe(ref)
    assert transcriber.heard == [2, 3, 1]
    assert stores.answer(ref)["gaps"] == []


def test_where_the_only_window_ends_its_workers_the_answer_is_poison(stores: Stores, ref):
    only = ScriptedTranscriber("all of it")
    for _ in range(3):
        crash_in(stores, ref, 0, only)
    transcription_over(stores, lambda: only).transcribe(ref)
    assert stores.answer(ref)["transcription_error"]["code"] == "poison"
    assert only.heard == [0, 0, 0]
    stores.check(ref.session_id)


def test_a_retry_by_hand_goes_on_from_what_was_heard(stores: Stores, transcription, transcriber, ref):
    for window in (1, 2, 3):
        crash_in(stores, ref, window)
    transcription.transcribe(ref)
    assert stores.answer(ref)["transcription_error"]["code"] == "poison"
    assert shown(stores, ref).partial_transcript is None
    stores.check(ref.session_id)
    Decisions(DecisionStore(stores.database), RememberingQueue()).retry(ref)
    transcription.transcribe(ref)
    assert transcriber.heard == [3, 1, 2]
    assert stores.answer(ref)["transcript"] == TEXT
    stores.check(ref.session_id)


def test_what_was_heard_of_a_failed_answer_goes_with_its_recording(stores: Stores, transcription, transcriber, ref):
    for window in (1, 2, 3):
        crash_in(stores, ref, window)
    transcription.transcribe(ref)
    assert partials(stores) == 1
    assert stores.answers.forget_audio(ref, stores.answer(ref)["gridfs_file_id"])
    assert partials(stores) == 0
    stores.check(ref.session_id)


def test_what_was_heard_of_a_recording_that_turns_out_to_be_none_goes(stores: Stores, transcription, transcriber, ref):
    transcriber.before_window = at({2}, RecordingRejected("The recording is damaged."))
    transcription.transcribe(ref)
    assert (stores.answer(ref)["transcription_status"], partials(stores)) == ("failed", 0)
    stores.check(ref.session_id)


@pytest.mark.parametrize("end", ["cancel", "mark_failed", "record_again"])
def test_what_a_person_ends_leaves_nothing_of_what_was_heard(stores: Stores, transcription, transcriber, ref, end):
    interrupted(transcription, transcriber, ref, 2)
    assert partials(stores) == 1
    decisions = Decisions(DecisionStore(stores.database), RememberingQueue())
    if end == "cancel":
        decisions.cancel(ref)
    elif end == "mark_failed":
        decisions.mark_failed(ref, "No.")
    else:
        stores.accept(ref.session_id)
    assert partials(stores) == 0
    stores.check(ref.session_id)


def test_the_language_of_the_first_window_is_told_to_the_later_ones_and_after_a_restart(
    stores: Stores, transcription, transcriber, ref
):
    interrupted(transcription, transcriber, ref, 2)
    transcription.transcribe(ref)
    assert transcriber.languages == [None, "en", "en", "en", "en"]
    answer = stores.answer(ref)
    assert (answer["language"], answer["language_probability"]) == ("en", 0.9)


def test_hints_are_the_recordings_else_the_sessions(stores: Stores, transcription, transcriber):
    ref = accepted(stores)
    of_session = {"language": "fr", "task": "translate", "initial_prompt": "About work.", "vocabulary": ["Parley"]}
    stores.database["interview_sessions"].update_one(
        {"_id": ref.session_id}, {"$set": {**of_session, "answers.q1.language_hint": "de"}}
    )
    transcription.transcribe(ref)
    assert transcriber.hints[0] == Hints("de", Task.TRANSLATE, "About work.", ("Parley",))
    assert (stores.answer(ref)["language"], stores.answer(ref)["language_probability"]) == ("de", None)


def test_the_time_of_every_attempt_is_added_up_by_stage(stores: Stores, transcription, transcriber, ref):
    interrupted(transcription, transcriber, ref, 2)
    transcription.transcribe(ref)
    timing = stores.answer(ref)["timing"]
    assert set(timing) == {"queue", "decode", "vad", "encode", "decode_tokens"}
    assert (timing["vad"], timing["encode"], timing["decode_tokens"]) == (0.125, 0.5 * WINDOWS, 1.0 * WINDOWS)
    assert timing["decode"] >= 0.25
    assert 0 <= timing["queue"] < 60


def test_a_wait_in_the_queue_is_counted_from_when_it_could_be_taken(stores: Stores, transcription, transcriber, ref):
    interrupted(transcription, transcriber, ref, 1)
    first = stores.answer(ref)["timing"]["queue"]
    path = "answers.q1.not_before"
    before = {"$dateSubtract": {"startDate": "$$NOW", "unit": "second", "amount": 100}}
    stores.database["interview_sessions"].update_one({"_id": ref.session_id}, [{"$set": {path: before}}])
    transcription.transcribe(ref)
    waited = stores.answer(ref)["timing"]["queue"]
    assert 100 <= waited - first < 160
    assert waited == round(waited, 3)


def test_the_figures_are_of_the_words(stores: Stores, transcription, ref):
    transcription.transcribe(ref)
    answer = stores.answer(ref)
    assert (answer["confidence"], answer["needs_review"]) == (0.9, False)
    assert (answer["words_per_minute"], answer["longest_pause_seconds"]) == (60.0, 0.0)
    assert answer["gaps"] == []
    seen = shown(stores, ref)
    assert (seen.confidence, seen.words_per_minute, seen.gaps) == (0.9, 60.0, ())
