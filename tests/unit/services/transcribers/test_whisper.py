import threading

import numpy as np
import pytest

from services.models import Segment
from tests.recordings import silence, tone
from tests.unit.services.transcribers.conftest import encodings


def on_window(done: int, total: int) -> None:
    """Nobody watches."""


def test_text_and_times_are_what_the_model_said(whisper_that_hears):
    whisper = whisper_that_hears("<|0.40|> we moved<|1.00|><|1.20|> the service<|2.50|>")
    transcript = whisper.transcribe(tone(4), language="en", on_window=on_window)
    assert transcript.text == "we moved the service"
    assert transcript.segments == (Segment(0.4, 1.0, "we moved"), Segment(1.2, 2.5, "the service"))
    assert (transcript.language, transcript.duration_seconds, transcript.no_speech) == ("en", 4.0, False)


def test_times_count_from_the_beginning_of_the_recording(whisper_that_hears):
    samples = np.concatenate([tone(25), silence(1), tone(25), silence(1), tone(20)])
    transcript = whisper_that_hears().transcribe(samples, language="en", on_window=on_window)
    assert [segment.start for segment in transcript.segments] == pytest.approx([0, 25.5, 51.5], abs=0.4)
    assert transcript.text == "we moved the service we moved the service we moved the service"


def test_where_the_model_stops_early_it_hears_the_rest_and_no_further_than_the_sound(whisper_that_hears):
    whisper = whisper_that_hears("<|0.40|> we moved<|1.00|><|1.00|>")
    transcript = whisper.transcribe(tone(2.9), language="en", on_window=on_window)
    assert [segment.start for segment in transcript.segments] == [0.4, 1.4, 2.4]


def test_what_is_heard_after_the_end_is_dropped(whisper_that_hears):
    whisper = whisper_that_hears("<|0.40|> we moved<|1.00|><|6.00|> the service<|7.00|>")
    transcript = whisper.transcribe(tone(5), language="en", on_window=on_window)
    assert transcript.text == "we moved"


def test_text_without_any_time_lasts_as_long_as_its_window(whisper_that_hears):
    whisper = whisper_that_hears("<|0.00|> we moved the service")
    transcript = whisper.transcribe(tone(5), language="en", on_window=on_window)
    assert transcript.segments == (Segment(0.0, 5.0, "we moved the service"),)


@pytest.mark.parametrize("language", [None, "xx", "", "Klingon"])
def test_a_language_that_is_not_given_or_not_known_is_detected(whisper_that_hears, language):
    whisper = whisper_that_hears(language="<|de|>")
    assert whisper.transcribe(tone(2), language=language, on_window=on_window).language == "de"


@pytest.mark.parametrize("language", ["en", "EN", "en-GB"])
def test_a_given_language_is_taken(whisper_that_hears, language):
    whisper = whisper_that_hears(language="<|de|>")
    assert whisper.transcribe(tone(2), language=language, on_window=on_window).language == "en"


@pytest.mark.parametrize("language", [None, "en", "de"])
def test_an_english_only_model_hears_english_whatever_is_asked(whisper_that_hears, language):
    transcript = whisper_that_hears(is_multilingual=False).transcribe(tone(2), language=language, on_window=on_window)
    assert (transcript.text, transcript.language) == ("we moved the service", "en")


def test_noise_in_which_nobody_speaks_is_no_speech(whisper_that_hears):
    whisper = whisper_that_hears(None, language="<|nospeech|>")
    transcript = whisper.transcribe(tone(2), language=None, on_window=on_window)
    assert (transcript.text, transcript.segments, transcript.no_speech) == ("", (), True)
    assert transcript.language is None


def test_a_model_that_is_sure_of_its_words_is_believed_even_if_it_doubts_the_speech(whisper_that_hears):
    transcript = whisper_that_hears(language="<|nospeech|>").transcribe(tone(2), language=None, on_window=on_window)
    assert transcript.text == "we moved the service"


def test_a_model_that_guesses_guesses_the_same_again(whisper_that_hears):
    whisper = whisper_that_hears(None)
    first, second = (whisper.transcribe(tone(2), language="en", on_window=on_window) for _ in range(2))
    assert first.text
    assert first == second


def test_each_window_is_encoded_once_however_often_it_is_decoded(whisper_that_hears):
    whisper = whisper_that_hears(None)
    with encodings(whisper) as encoded:
        whisper.transcribe(tone(2), language=None, on_window=on_window)
    assert len(encoded) == 1


def test_whoever_waits_hears_of_a_window_that_takes_long(whisper_that_hears, monkeypatch):
    monkeypatch.setattr("services.transcribers.hearing.PULSE_SECONDS", 0)
    calls = []
    whisper_that_hears().transcribe(tone(2), language="en", on_window=lambda *call: calls.append(call))
    assert calls[:2] == [(0, 1), (0, 1)]
    assert calls.count((0, 1)) > 5
    assert calls[-1] == (1, 1)


def test_whoever_waits_for_another_answer_hears_of_that_too(whisper_that_hears, monkeypatch):
    monkeypatch.setattr("services.transcribers.whisper.PULSE_SECONDS", 0.01)
    whisper = whisper_that_hears()
    calls = []
    still_waiting, done = threading.Event(), threading.Event()

    def watch(*call: int) -> None:
        calls.append(call)
        if len(calls) > 3:
            still_waiting.set()

    def work() -> None:
        whisper.transcribe(tone(2), language="en", on_window=watch)
        done.set()

    with whisper._lock:
        threading.Thread(target=work, daemon=True).start()
        assert still_waiting.wait(30)
        assert set(calls) == {(0, 1)}
    assert done.wait(30)
    assert calls[-1] == (1, 1)


def test_what_is_raised_in_the_middle_of_a_window_ends_the_work_there(whisper_that_hears, monkeypatch):
    monkeypatch.setattr("services.transcribers.hearing.PULSE_SECONDS", 0)
    calls = []

    def cancel_at_the_third(*call: int) -> None:
        calls.append(call)
        if len(calls) == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        whisper_that_hears().transcribe(tone(2), language="en", on_window=cancel_at_the_third)
    assert len(calls) == 3
    assert whisper_that_hears().transcribe(tone(2), language="en", on_window=on_window).text


def test_a_short_window_is_not_given_the_tokens_of_a_long_one(whisper_that_hears, monkeypatch):
    monkeypatch.setattr("services.transcribers.hearing.TOKENS_AT_LEAST", 1)
    transcript = whisper_that_hears("<|0.00|> we moved the service").transcribe(
        tone(0.2), language="en", on_window=on_window
    )
    assert "service" not in transcript.text


def test_silence_does_not_trouble_the_model(whisper_that_hears):
    whisper = whisper_that_hears()
    samples = np.concatenate([silence(45), tone(5)])
    with encodings(whisper) as encoded:
        transcript = whisper.transcribe(samples, language="en", on_window=on_window)
    assert len(encoded) == 1
    assert transcript.text == "we moved the service"
