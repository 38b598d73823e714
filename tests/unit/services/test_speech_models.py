"""Two models on live traffic: a share of sessions is heard by the second, and what was begun keeps its model."""

import pytest

from services import speech_models as module
from services.errors import TranscriberUnavailable, Unavailable
from services.health import Health
from services.models import AnswerRef, Caller, WhisperModel
from services.speech_models import SpeechModels
from services.storage.workers import WorkerStore
from services.transcribers.loader import TranscriberLoader
from tests.factories import recording_of
from tests.fakes import ScriptedTranscriber
from tests.stores import Stores, flags_over, transcription_over

ADMIN = Caller("boss", role="admin")


class Second(ScriptedTranscriber):
    @property
    def model(self) -> WhisperModel:
        return WhisperModel("second", demo_model=False, revision="b")


class Built:
    """How often the second model was loaded; `fails` while it cannot be."""

    def __init__(self) -> None:
        self.times = 0
        self.fails = False
        self.transcriber = Second("heard by the second", windows=2)

    def __call__(self) -> Second:
        self.times += 1
        if self.fails:
            raise TranscriberUnavailable("It is not there.")
        return self.transcriber


@pytest.fixture
def first() -> ScriptedTranscriber:
    return ScriptedTranscriber("heard by the first", windows=2)


@pytest.fixture
def second() -> Built:
    return Built()


@pytest.fixture
def models(stores: Stores, first: ScriptedTranscriber, second: Built) -> SpeechModels:
    loaders = TranscriberLoader(lambda: first), TranscriberLoader(second)
    flags = flags_over(stores.database, challenger_model=100.0)
    return SpeechModels(*loaders, flags, stores.checkpoints.planned_by)


def transcribe(stores: Stores, models: SpeechModels, ref: AnswerRef) -> None:
    transcription = transcription_over(stores, ScriptedTranscriber)
    transcription._choose = models.choose
    transcription.transcribe(ref)


def accepted(stores: Stores) -> AnswerRef:
    ref = stores.accept(stores.start())
    file_id = stores.audio.save(recording_of(), ref, "owner")
    stores.audio.delete(stores.answer(ref)["gridfs_file_id"])
    stores.database["interview_sessions"].update_one(
        {"_id": ref.session_id}, {"$set": {"answers.q1.gridfs_file_id": file_id}}
    )
    return ref


def stop_after_a_window(transcriber: ScriptedTranscriber) -> None:
    def stop(index: int) -> None:
        if index == 1:
            raise Unavailable("the worker ended")

    transcriber.before_window = stop


@pytest.mark.covers("Q-ab")
def test_a_share_of_sessions_is_heard_by_the_second_model_and_the_answers_say_which(stores, models):
    refs = [accepted(stores) for _ in range(12)]
    flags_over(stores.database).set(ADMIN, "challenger_model", 50)
    for ref in refs:
        transcribe(stores, models, ref)

    heard = {ref.session_id: stores.answer(ref)["whisper_model"] for ref in refs}
    on = {session for session in heard if models._flags.is_on("challenger_model", session)}
    assert {session for session, model in heard.items() if model == "second"} == on
    assert all(stores.answer(ref)["transcript"] == f"heard by the {_name(heard[ref.session_id])}" for ref in refs)


def _name(model: str) -> str:
    return "second" if model == "second" else "first"


def test_the_second_model_is_loaded_when_the_first_of_its_sessions_comes(stores, models, second):
    flags_over(stores.database).set(ADMIN, "challenger_model", 0)
    transcribe(stores, models, accepted(stores))
    assert second.times == 0

    models._flags.reset(ADMIN, "challenger_model")
    for _ in range(2):
        transcribe(stores, models, accepted(stores))
    assert second.times == 1


@pytest.mark.parametrize(("begun", "then"), [(100, 0), (0, 100)])
def test_an_answer_that_was_planned_keeps_its_model_whatever_becomes_of_the_flag(
    stores, models, first, second, begun, then
):
    ref = accepted(stores)
    models._flags.set(ADMIN, "challenger_model", begun)
    hears = second.transcriber if begun else first
    stop_after_a_window(hears)
    transcribe(stores, models, ref)
    stores.make_due(ref)
    hears.before_window = lambda index: None
    models._flags.set(ADMIN, "challenger_model", then)
    transcribe(stores, models, ref)

    assert stores.answer(ref)["whisper_model"] == hears.model.name
    assert (hears.plans, sorted(set(hears.heard))) == (1, [0, 1])


def test_where_the_second_cannot_be_loaded_the_first_hears_and_readyz_says_so(stores, models, second, monkeypatch):
    second.fails = True
    refs = [accepted(stores) for _ in range(3)]
    for ref in refs:
        transcribe(stores, models, ref)

    assert {stores.answer(ref)["whisper_model"] for ref in refs} == {"scripted"}
    assert second.times == 1
    health = Health(stores.database, WorkerStore(stores.database), models)
    health.beat("one")
    readiness = health.readiness()
    assert (readiness.status, readiness.worker.detail) == ("ready", "WHISPER_MODEL_B is not used: It is not there.")

    second.fails = False
    monkeypatch.setattr(module, "TRY_AGAIN_SECONDS", 0.0)
    later = accepted(stores)
    transcribe(stores, models, later)
    assert stores.answer(later)["whisper_model"] == "second"
    assert models.state.detail == ""


def test_what_a_lost_model_had_begun_is_heard_by_the_first(stores, models, first, second):
    ref = accepted(stores)
    stop_after_a_window(second.transcriber)
    transcribe(stores, models, ref)
    stores.make_due(ref)
    only_first = SpeechModels(
        TranscriberLoader(lambda: first), None, flags_over(stores.database), stores.checkpoints.planned_by
    )
    transcribe(stores, only_first, ref)

    assert stores.answer(ref)["transcript"] == "heard by the first"


def test_an_answer_is_left_where_the_database_cannot_say_who_planned_it(stores, first):
    def away(answer_id: str) -> WhisperModel | None:
        raise Unavailable("away")

    models = SpeechModels(
        TranscriberLoader(lambda: first), TranscriberLoader(Built()), flags_over(stores.database), away
    )
    ref = accepted(stores)
    transcribe(stores, models, ref)

    assert stores.answer(ref)["transcription_status"] == "queued"
