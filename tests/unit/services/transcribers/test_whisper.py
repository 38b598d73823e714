import threading

import numpy as np
import pytest

from scripts.encoding import WAV, encode
from services.audio.samples import SAMPLE_RATE_HZ, Samples
from services.audio.sound import Sound
from services.audio.windows import Window
from services.errors import LeaseLost
from services.models import HeardWindow, Hints, Span
from services.transcribers.stopwatch import STAGES
from services.transcribers.whisper import MOST_PASSES
from tests.recordings import silence, speech, tone
from tests.unit.services.transcribers.conftest import encodings

ENGLISH = Hints(language="en")


def nothing() -> None:
    """Nobody watches."""


def window(samples: Samples, start: float = 0.0, speech: tuple[Span, ...] | None = None) -> Window:
    """One in which somebody speaks all the time, if nothing else is said."""
    everywhere = (Span(start, start + len(samples) / SAMPLE_RATE_HZ),)
    return Window(start, samples, everywhere if speech is None else speech)


def text(heard: HeardWindow) -> str:
    return " ".join(segment.text for segment in heard.segments)


def times(heard: HeardWindow) -> list[tuple[float, float, str]]:
    return [(segment.start, segment.end, segment.text) for segment in heard.segments]


def test_text_and_times_are_what_the_model_said(whisper_that_hears):
    whisper = whisper_that_hears("<|0.40|> we moved<|1.00|><|1.20|> the service<|2.50|>")
    heard = whisper.hear(window(tone(3)), ENGLISH, nothing)
    assert times(heard) == [(0.4, 1.0, "we moved"), (1.2, 2.5, "the service")]
    assert (heard.language, heard.language_probability) == ("en", None)


def test_a_single_segment_begins_when_the_model_says(whisper_that_hears):
    heard = whisper_that_hears("<|0.40|> we moved<|1.00|>").hear(window(tone(1.5)), ENGLISH, nothing)
    assert times(heard) == [(0.4, 1.0, "we moved")]


def test_times_count_from_the_beginning_of_the_recording(whisper_that_hears):
    heard = whisper_that_hears().hear(window(tone(2.5), start=51.5), ENGLISH, nothing)
    assert times(heard) == [(51.5, 53.5, "we moved the service")]
    assert heard.segments[0].words[0].start == 51.5


@pytest.mark.covers("Q-structured")
def test_every_word_has_its_time_inside_its_segment(whisper_that_hears):
    whisper = whisper_that_hears("<|0.40|> we moved<|1.00|><|1.20|> the service<|2.50|>")
    heard = whisper.hear(window(tone(3), start=10), ENGLISH, nothing)
    latest = 10.0
    for segment in heard.segments:
        assert " ".join(word.text for word in segment.words) == segment.text
        assert (segment.words[0].start, segment.words[-1].end) == (segment.start, segment.end)
        for word in segment.words:
            assert latest <= word.start < word.end
            latest = word.end


def test_a_sure_model_is_sure_of_each_word_and_one_that_guesses_is_not(whisper_that_hears):
    (sure,) = whisper_that_hears().hear(window(tone(2.5)), ENGLISH, nothing).segments
    assert sure.avg_logprob == pytest.approx(0, abs=0.05)
    assert all(word.probability > 0.9 for word in sure.words)
    assert (sure.temperature, sure.no_speech_prob < 0.1) == (0.0, True)
    for unsure in whisper_that_hears(None).hear(window(tone(2.5)), ENGLISH, nothing).segments:
        assert unsure.avg_logprob < -1
        assert unsure.temperature == 1.0
        assert all(word.probability < 0.5 for word in unsure.words)


def test_where_the_model_stops_early_it_hears_the_rest_and_no_further_than_the_sound(whisper_that_hears):
    whisper = whisper_that_hears("<|0.40|> we moved<|1.00|><|1.00|>")
    heard = whisper.hear(window(tone(2.9)), ENGLISH, nothing)
    assert [segment.start for segment in heard.segments] == [0.4, 1.4, 2.4]


def test_where_somebody_goes_on_the_rest_is_heard_even_if_the_model_says_it_is_done(whisper_that_hears):
    whisper = whisper_that_hears("<|0.40|> we moved<|1.00|>")
    assert len(whisper.hear(window(tone(2.4)), ENGLISH, nothing).segments) == 2
    assert len(whisper.hear(window(tone(2.4), speech=(Span(0, 1.5),)), ENGLISH, nothing).segments) == 1


def test_where_only_the_detector_hears_more_an_unsure_model_adds_nothing(whisper_that_hears, monkeypatch):
    whisper = whisper_that_hears("<|0.40|> we moved<|1.00|>")
    monkeypatch.setattr("services.transcribers.segments.CERTAIN_LOGPROB", 0.5)
    assert times(whisper.hear(window(tone(2.4)), ENGLISH, nothing)) == [(0.4, 1.0, "we moved")]


def test_where_the_model_says_that_there_is_more_it_need_not_be_certain(whisper_that_hears, monkeypatch):
    whisper = whisper_that_hears("<|0.40|> we moved<|1.00|><|1.00|>")
    monkeypatch.setattr("services.transcribers.segments.CERTAIN_LOGPROB", 0.5)
    assert len(whisper.hear(window(tone(2.9)), ENGLISH, nothing).segments) == 3


def test_a_pulse_is_felt_before_a_window_is_encoded_and_leaves_nothing_in_the_network(whisper_that_hears, monkeypatch):
    monkeypatch.setattr("services.transcribers.hearing.PULSE_SECONDS", 0.0)
    whisper = whisper_that_hears()

    def lose_the_lease() -> None:
        raise LeaseLost("The answer was taken over.")

    with encodings(whisper) as encoded, pytest.raises(LeaseLost):
        whisper.hear(window(tone(2)), ENGLISH, lose_the_lease)
    assert encoded == []
    assert not any(module._forward_hooks for module in whisper.hearing.network.modules())
    assert text(whisper.hear(window(tone(2)), ENGLISH, nothing)) == "we moved the service"


def test_a_model_that_stops_ever_again_is_left_in_the_end(whisper_that_hears):
    whisper = whisper_that_hears("<|0.00|> we<|0.20|><|0.20|>")
    with encodings(whisper) as encoded:
        assert len(whisper.hear(window(tone(20)), ENGLISH, nothing).segments) == MOST_PASSES
    assert len(encoded) == MOST_PASSES


def test_what_is_heard_after_the_end_is_dropped(whisper_that_hears):
    whisper = whisper_that_hears("<|0.40|> we moved<|1.00|><|6.00|> the service<|7.00|>")
    assert text(whisper.hear(window(tone(1.5)), ENGLISH, nothing)) == "we moved"


def test_what_is_said_where_nobody_speaks_is_dropped(whisper_that_hears):
    whisper = whisper_that_hears("<|0.40|> we moved<|1.00|><|3.00|> the service<|4.00|>")
    assert text(whisper.hear(window(tone(5), speech=(Span(0.3, 1.2),)), ENGLISH, nothing)) == "we moved"


def test_text_without_any_time_lasts_as_long_as_its_window(whisper_that_hears):
    heard = whisper_that_hears("<|0.00|> we moved the service").hear(window(tone(5)), ENGLISH, nothing)
    assert times(heard) == [(0.0, 5.0, "we moved the service")]


@pytest.mark.covers("I-languages")
@pytest.mark.parametrize("language", [None, "xx", "", "Klingon"])
def test_a_language_that_is_not_given_or_not_known_is_detected(whisper_that_hears, language):
    heard = whisper_that_hears(language="<|de|>").hear(window(tone(2)), Hints(language=language), nothing)
    assert heard.language == "de"
    assert heard.language_probability is not None
    assert 0.5 < heard.language_probability <= 1


@pytest.mark.parametrize("language", ["en", "EN", "en-GB"])
def test_a_given_language_is_taken(whisper_that_hears, language):
    heard = whisper_that_hears(language="<|de|>").hear(window(tone(2)), Hints(language=language), nothing)
    assert (heard.language, heard.language_probability) == ("en", None)


@pytest.mark.parametrize("language", [None, "en", "de"])
def test_an_english_only_model_hears_english_whatever_is_asked(whisper_that_hears, language):
    hints = Hints(language=language)
    heard = whisper_that_hears(is_multilingual=False).hear(window(tone(2)), hints, nothing)
    assert (text(heard), heard.language, heard.language_probability) == ("we moved the service", "en", None)


def test_noise_in_which_nobody_speaks_is_no_text(whisper_that_hears):
    heard = whisper_that_hears(None, language="<|nospeech|>").hear(window(tone(2)), Hints(), nothing)
    assert (heard.segments, heard.language, heard.language_probability) == ((), None, None)


def test_a_model_that_is_sure_of_its_words_is_believed_even_if_it_doubts_the_speech(whisper_that_hears):
    heard = whisper_that_hears(language="<|nospeech|>").hear(window(tone(2)), Hints(), nothing)
    assert text(heard) == "we moved the service"
    assert heard.segments[0].no_speech_prob > 0.6


def test_a_model_that_guesses_guesses_the_same_again(whisper_that_hears):
    whisper = whisper_that_hears(None)
    first, second = (whisper.hear(window(tone(2)), ENGLISH, nothing).segments for _ in range(2))
    assert first
    assert first == second


def test_each_window_is_encoded_once_however_often_it_is_decoded(whisper_that_hears):
    whisper = whisper_that_hears(None)
    with encodings(whisper) as encoded:
        whisper.hear(window(tone(0.9)), Hints(), nothing)
    assert len(encoded) == 1


def test_each_stage_is_timed(whisper_that_hears):
    timing = whisper_that_hears().hear(window(tone(2)), ENGLISH, nothing).timing
    assert set(timing) == set(STAGES)
    assert all(seconds > 0 for seconds in timing.values())


@pytest.mark.parametrize("samples", [silence(0), silence(5), tone(5)], ids=["nothing", "silence", "a tone"])
def test_a_window_without_speech_does_not_trouble_the_model(whisper_that_hears, samples):
    whisper = whisper_that_hears()
    with encodings(whisper) as encoded:
        heard = whisper.hear(window(samples, speech=()), ENGLISH, nothing)
    assert encoded == []
    assert heard.segments == ()
    assert set(heard.timing) == set(STAGES)


def test_a_loop_is_cut_to_its_first_round_and_doubted(whisper_that_hears):
    heard = whisper_that_hears("<|0.00|>" + " we moved" * 6 + "<|8.00|>").hear(window(tone(8)), ENGLISH, nothing)
    (segment,) = heard.segments
    assert segment.text == "we moved"
    assert [word.text for word in segment.words] == ["we", "moved"]
    assert segment.avg_logprob < -1
    assert (segment.temperature, segment.compression_ratio > 1.5) == (1.0, True)
    assert all(word.probability < 0.2 for word in segment.words)


def test_whoever_waits_hears_of_a_window_that_takes_long(whisper_that_hears, monkeypatch):
    monkeypatch.setattr("services.transcribers.hearing.PULSE_SECONDS", 0)
    calls: list[None] = []
    whisper_that_hears().hear(window(tone(2)), ENGLISH, lambda: calls.append(None))
    assert len(calls) > 5


def test_whoever_waits_for_another_answer_hears_of_that_too(whisper_that_hears, monkeypatch):
    monkeypatch.setattr("services.transcribers.whisper.PULSE_SECONDS", 0.01)
    whisper = whisper_that_hears()
    calls: list[None] = []
    still_waiting, done = threading.Event(), threading.Event()

    def watch() -> None:
        calls.append(None)
        if len(calls) > 3:
            still_waiting.set()

    def work() -> None:
        whisper.hear(window(tone(2)), ENGLISH, watch)
        done.set()

    with whisper._lock:
        threading.Thread(target=work, daemon=True).start()
        assert still_waiting.wait(30)
        assert not done.is_set()
    assert done.wait(30)


def test_what_is_raised_in_the_middle_of_a_window_ends_the_work_there(whisper_that_hears, monkeypatch):
    monkeypatch.setattr("services.transcribers.hearing.PULSE_SECONDS", 0)
    calls: list[None] = []

    def cancel_at_the_third() -> None:
        calls.append(None)
        if len(calls) == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        whisper_that_hears().hear(window(tone(2)), ENGLISH, cancel_at_the_third)
    assert len(calls) == 3
    assert whisper_that_hears().hear(window(tone(2)), ENGLISH, nothing).segments


def test_a_short_window_is_not_given_the_tokens_of_a_long_one(whisper_that_hears, monkeypatch):
    monkeypatch.setattr("services.transcribers.hearing.TOKENS_AT_LEAST", 1)
    heard = whisper_that_hears("<|0.00|> we moved the service").hear(window(tone(0.2)), ENGLISH, nothing)
    assert "service" not in text(heard)


def test_a_sound_shorter_than_a_step_of_the_network_is_not_heard(whisper_that_hears):
    assert whisper_that_hears().hear(window(np.zeros(3, np.float32)), ENGLISH, nothing).segments == ()


@pytest.mark.parametrize(("window_seconds", "windows"), [(None, 1), (100, 1), (1, 2)])
def test_a_model_may_name_the_length_of_its_windows(whisper_that_hears, window_seconds, windows):
    whisper = whisper_that_hears("<|0.40|> we moved<|1.00|>")
    if window_seconds is not None:
        whisper.hearing.settings.window_seconds = window_seconds
    said = np.concatenate([speech(), silence(1.0), speech()])
    sound = Sound(encode(said, WAV), max_seconds=600, on_wait=nothing)
    assert len(whisper.plan(sound, nothing, {}).windows) == windows
