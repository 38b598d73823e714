"""What every `Transcriber` promises, whichever model hears."""

import ctypes
import threading

import numpy as np
import pytest

from services.transcribers import SAMPLE_RATE_HZ, Transcriber
from services.transcribers.hub import missing_files
from services.transcribers.loading import load_whisper
from services.transcribers.model_choice import DEMO_DIRECTORY, choose_model
from tests.conftest import missing_server
from tests.recordings import silence, speech, tone
from tests.tiny_whisper import save_tiny_whisper

DEADLINE_SECONDS = 60


@pytest.fixture(scope="module", params=["demo", "tiny", "tiny.en"])
def transcriber(request, tmp_path_factory) -> Transcriber:
    name = request.param
    if name == "demo" and missing_files(DEMO_DIRECTORY):
        missing_server("the demo model is not in this checkout")
    if name != "demo":
        directory = tmp_path_factory.mktemp("tiny-whisper")
        name = str(save_tiny_whisper(directory, is_multilingual=name == "tiny"))
    return load_whisper(choose_model(name, None, "cpu"), threads=1)


class Progress:
    """Remembers the calls of `on_window` and may raise at one of them."""

    def __init__(self, fails_after: int | None = None) -> None:
        self.calls: list[tuple[int, int]] = []
        self._fails_after = fails_after

    def __call__(self, done: int, total: int) -> None:
        self.calls.append((done, total))
        if done == self._fails_after:
            raise Cancelled


class Cancelled(BaseException):
    """Like the exceptions that end a worker's thread, not an `Exception`."""


def long_recording() -> np.ndarray:
    """More than a minute: one sentence said again and again."""
    once = np.concatenate([speech(), silence(0.7)])
    return np.tile(once, 70 * SAMPLE_RATE_HZ // len(once) + 1)


def test_speech_becomes_text(transcriber):
    transcript = transcriber.transcribe(speech(), language="en", on_window=Progress())
    assert transcript.text
    assert transcript.language == "en"
    assert transcript.duration_seconds == pytest.approx(len(speech()) / SAMPLE_RATE_HZ, abs=0.001)
    assert not transcript.no_speech


def test_progress_is_told_before_the_first_window_and_after_each(transcriber):
    progress = Progress()
    transcriber.transcribe(long_recording(), language="en", on_window=progress)
    total = progress.calls[0][1]
    assert total >= 3
    # Told again while a window takes long; never out of order, and none left out.
    assert list(dict.fromkeys(progress.calls)) == [(done, total) for done in range(total + 1)]
    assert progress.calls == sorted(progress.calls)


def test_segments_are_in_order_inside_the_recording_and_make_up_the_text(transcriber):
    transcript = transcriber.transcribe(long_recording(), language="en", on_window=Progress())
    times = [time for segment in transcript.segments for time in (segment.start, segment.end)]
    assert len(transcript.segments) >= 3
    assert times == sorted(times)
    assert 0 <= times[0] <= times[-1] <= transcript.duration_seconds
    assert " ".join(segment.text for segment in transcript.segments) == transcript.text


@pytest.mark.parametrize("samples", [silence(0), silence(0.001), silence(40)], ids=["nothing", "a click", "a silence"])
def test_silence_is_no_speech(transcriber, samples):
    progress = Progress()
    transcript = transcriber.transcribe(samples, language=None, on_window=progress)
    assert transcript.no_speech
    assert (transcript.text, transcript.segments, transcript.language) == ("", (), None)
    assert progress.calls[-1][0] == progress.calls[-1][1] >= 1


def test_the_language_may_be_left_to_the_transcriber(transcriber):
    assert transcriber.transcribe(speech(), language=None, on_window=Progress()).language == "en"


def test_the_same_recording_gives_the_same_transcript(transcriber):
    first, second = (transcriber.transcribe(speech(), language=None, on_window=Progress()) for _ in range(2))
    assert first == second


@pytest.mark.parametrize("fails_after", [0, 1])
def test_what_on_window_raises_ends_the_work_and_the_next_recording_is_heard(transcriber, fails_after):
    progress = Progress(fails_after)
    with pytest.raises(Cancelled):
        transcriber.transcribe(long_recording(), language="en", on_window=progress)
    assert progress.calls[-1][0] == fails_after
    assert transcriber.transcribe(speech(), language="en", on_window=Progress()).text


def test_several_threads_may_use_it_at_once(transcriber):
    alone = transcriber.transcribe(speech(), language="en", on_window=Progress())
    heard = []

    def work() -> None:
        heard.append(transcriber.transcribe(speech(), language="en", on_window=Progress()))

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(DEADLINE_SECONDS)
    assert heard == [alone] * 3


def test_an_exception_sent_to_its_thread_ends_it_and_the_next_recording_is_heard(transcriber):
    began, ended = threading.Event(), threading.Event()
    raised: list[BaseException] = []

    def work() -> None:
        try:
            for _ in range(1000):
                transcriber.transcribe(tone(29), language="en", on_window=lambda done, total: began.set())
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
    assert transcriber.transcribe(speech(), language="en", on_window=Progress()).text
