"""What every `Transcriber` promises, whichever model hears."""

import ctypes
import threading
from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest

from services.audio.samples import SAMPLE_RATE_HZ, Samples
from services.audio.sound import Sound
from services.audio.windows import WINDOW_SECONDS, Window
from services.models import HeardWindow, Hints, Plan, Span
from services.transcribers import Transcriber
from services.transcribers.hub import missing_files
from services.transcribers.loading import load_whisper
from services.transcribers.model_choice import DEMO_DIRECTORY, choose_model
from tests.conftest import missing_server
from tests.fakes import ScriptedTranscriber
from tests.recordings import float_wav, silence, speech
from tests.tiny_whisper import save_tiny_whisper

DEADLINE_SECONDS = 60
ENGLISH = Hints("en")


MODELS = ("demo", "tiny", "tiny.en")
# The scripted one hears any length at once, and what it is told to.
only_models = pytest.mark.parametrize("transcriber", MODELS, indirect=True)


@pytest.fixture(scope="module", params=["scripted", *MODELS])
def transcriber(request, tmp_path_factory) -> Transcriber:
    name = request.param
    if name == "scripted":
        return ScriptedTranscriber("i led a team of twenty engineers")
    if name == "demo" and missing_files(DEMO_DIRECTORY):
        missing_server("the demo model is not in this checkout")
    if name != "demo":
        directory = tmp_path_factory.mktemp("tiny-whisper")
        name = str(save_tiny_whisper(directory, is_multilingual=name == "tiny"))
    return load_whisper(choose_model(name, None, "cpu"), threads=1)


class Cancelled(BaseException):
    """Like the exceptions that end a worker's thread, not an `Exception`."""


def nothing() -> None:
    """Nobody watches."""


def long_recording() -> Samples:
    """More than a minute: one sentence said again and again, with pauses between."""
    once = np.concatenate([speech(), silence(2.5)])
    return np.tile(once, 70 * SAMPLE_RATE_HZ // len(once) + 1)


def sound_of(samples: Samples, on_wait: Callable[[], None] = nothing) -> Sound:
    return Sound(float_wav(samples), max_seconds=600, on_wait=on_wait)


def planned(transcriber: Transcriber, samples: Samples) -> tuple[Plan, list[Window]]:
    sound = sound_of(samples)
    plan = transcriber.plan(sound, nothing, {})
    return plan, [window for _, window in sound.windows(plan)]


def spoken_window() -> Window:
    samples = speech()
    return Window(0.0, samples, (Span(0.0, len(samples) / SAMPLE_RATE_HZ),))


def content_of(heard: HeardWindow) -> HeardWindow:
    """Without how long it took."""
    return HeardWindow(heard.segments, heard.language, heard.language_probability)


def test_a_plan_has_windows_in_order_that_hold_all_speech(transcriber):
    timing: dict[str, float] = {}
    samples = long_recording()
    plan = transcriber.plan(sound_of(samples), nothing, timing)
    assert plan.duration_seconds == pytest.approx(len(samples) / SAMPLE_RATE_HZ, abs=0.001)
    assert len(plan.windows) >= 1
    assert all(before.end <= after.start for before, after in pairwise(plan.windows))
    assert plan.windows[0].start >= 0
    assert plan.windows[-1].end <= plan.duration_seconds + 0.001
    for spoken in plan.speech:
        assert sum(_shared(spoken, window) for window in plan.windows) == pytest.approx(spoken.seconds, abs=0.01)
    assert timing["decode"] > 0
    assert timing["vad"] > 0


@only_models
def test_no_window_is_longer_than_a_model_hears_at_once(transcriber):
    plan, _ = planned(transcriber, np.tile(speech(), 20))
    assert max(window.seconds for window in plan.windows) <= WINDOW_SECONDS


@only_models
@pytest.mark.parametrize("samples", [silence(0.001), silence(40)], ids=["a click", "a silence"])
def test_where_nobody_speaks_there_is_nothing_to_hear(transcriber, samples):
    plan, windows = planned(transcriber, samples)
    assert (plan.speech, plan.windows, windows) == ((), (), [])


@pytest.mark.covers("E4-S1.2")
def test_speech_becomes_text_with_words_at_their_times(transcriber):
    window = spoken_window()
    later = Window(100.0, window.samples, (Span(100.0, 100.0 + window.seconds),))
    heard = transcriber.hear(later, ENGLISH, nothing)
    assert heard.segments
    assert heard.language == "en"
    times = [time for segment in heard.segments for time in (segment.start, segment.end)]
    assert times == sorted(times)
    assert 100 <= times[0] <= times[-1] <= 100 + window.seconds + 0.001
    for segment in heard.segments:
        assert segment.text == " ".join(segment.text.split())
        assert segment.words
        assert [word.text for word in segment.words] == segment.text.split()
        starts = [word.start for word in segment.words]
        assert starts == sorted(starts)
        assert all(segment.start <= word.start <= word.end <= segment.end for word in segment.words)
        assert all(0 <= word.probability <= 1 for word in segment.words)


def test_what_is_heard_can_be_stored(transcriber):
    """Numbers of a library are not numbers of the database."""
    heard = transcriber.hear(spoken_window(), Hints(), nothing)
    words = [word for segment in heard.segments for word in segment.words]
    figures = [
        *(getattr(each, name) for each in words for name in ("start", "end", "probability")),
        *(each.avg_logprob for each in heard.segments),
        *(each.no_speech_prob for each in heard.segments),
        *(each.compression_ratio for each in heard.segments),
        *heard.timing.values(),
    ]
    assert {type(figure) for figure in figures} <= {float, int}


def test_the_language_may_be_left_to_the_transcriber(transcriber):
    heard = transcriber.hear(spoken_window(), Hints(), nothing)
    assert heard.language == "en"
    assert heard.language_probability is None or 0 < heard.language_probability <= 1


def test_the_same_window_is_heard_the_same(transcriber):
    first, second = (content_of(transcriber.hear(spoken_window(), Hints(), nothing)) for _ in range(2))
    assert first == second


@only_models
def test_what_pulse_raises_ends_the_work_and_the_next_window_is_heard(transcriber, monkeypatch):
    monkeypatch.setattr("services.transcribers.hearing.PULSE_SECONDS", 0.0)

    def cancel() -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        transcriber.hear(spoken_window(), ENGLISH, cancel)
    assert transcriber.hear(spoken_window(), ENGLISH, nothing).segments


def test_several_threads_may_use_it_at_once(transcriber):
    alone = content_of(transcriber.hear(spoken_window(), ENGLISH, nothing))
    heard = []

    def work() -> None:
        heard.append(content_of(transcriber.hear(spoken_window(), ENGLISH, nothing)))

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(DEADLINE_SECONDS)
    assert heard == [alone] * 3


def test_an_exception_sent_to_its_thread_ends_it_and_the_next_window_is_heard(transcriber):
    began, ended = threading.Event(), threading.Event()
    raised: list[BaseException] = []
    window = spoken_window()

    def work() -> None:
        try:
            while True:
                transcriber.hear(window, ENGLISH, nothing)
                began.set()
        except Cancelled as error:
            raised.append(error)
        finally:
            ended.set()

    thread = threading.Thread(target=work)
    thread.start()
    assert began.wait(DEADLINE_SECONDS)
    # The way Dramatiq ends a message whose time is up.
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread.ident or 0), ctypes.py_object(Cancelled))
    assert ended.wait(DEADLINE_SECONDS)
    thread.join()
    assert len(raised) == 1
    assert transcriber.hear(window, ENGLISH, nothing).segments


def _shared(one: Span, other: Span) -> float:
    return max(0.0, min(one.end, other.end) - max(one.start, other.start))
