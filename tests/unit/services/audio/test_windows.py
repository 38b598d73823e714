import itertools

import numpy as np
import pytest

from services.audio.windows import PADDING_SECONDS, WINDOW_SECONDS, Window, windows_of
from services.models import Span
from tests.recordings import tone

NOTHING = np.empty(0, np.float32)


def planned(
    *speech: tuple[float, float], seconds: float = 7200.0, target_seconds: float = 28.0, probabilities=NOTHING
) -> list[tuple[float, float]]:
    spans = [Span(*each) for each in speech]
    windows = windows_of(spans, probabilities, seconds, target_seconds=target_seconds)
    return [(window.start, window.end) for window in windows]


def sentences(count: int, seconds: float, *pauses: float) -> list[tuple[float, float]]:
    """So many stretches of speech of equal length, with these pauses after them in turn."""
    spans, place = [], 1.0
    for number in range(count):
        spans.append((round(place, 3), round(place + seconds, 3)))
        place += seconds + pauses[number % len(pauses)]
    return spans


def test_where_nobody_speaks_nothing_is_heard():
    assert planned() == []


def test_a_window_begins_before_speech_and_ends_behind_it():
    assert planned((2.0, 3.0)) == [(1.0, 4.0)]


def test_a_window_does_not_reach_beyond_the_recording():
    assert planned((0.1, 3.0), seconds=3.1) == [(0.0, 3.1)]


def test_what_is_said_soon_after_one_another_is_heard_together():
    assert planned((2, 5), (6.5, 10), (12, 20)) == [(1.0, 21.0)]


def test_a_long_silence_is_skipped_and_moves_nothing():
    assert planned((1, 3), (500, 503)) == [(0.0, 4.0), (499.0, 504.0)]


def test_a_window_ends_at_the_longest_pause_of_its_second_half():
    # Beyond 28 s: after 18.5 s somebody takes a breath, after 25 s only a consonant closes.
    spoken = [(1, 6), (7.8, 19.5), (20.5, 26), (26.2, 34)]
    assert planned(*spoken) == [(0.0, 20.0), (20.0, 35.0)]


def test_half_of_a_short_pause_belongs_to_each_side():
    assert planned((1, 20), (20.2, 40)) == [(0.0, 20.1), (20.1, 41.0)]


def test_a_target_is_kept_where_there_are_pauses():
    for target in (6, 10, 28):
        windows = planned(*sentences(300, 2.5, 0.5, 0.2, 0.9), target_seconds=target)
        assert max(end - start for start, end in windows) <= target + 2 * PADDING_SECONDS


def test_speech_that_goes_on_beyond_the_target_is_heard_in_one_piece():
    assert planned((1, 21), (21.4, 23), target_seconds=8) == [(0.0, 21.2), (21.2, 24.0)]


def test_speech_without_a_pause_is_cut_where_it_is_least_probable_in_the_last_ten_seconds():
    probabilities = np.full(round(61 / 0.032), 0.9, np.float32)
    probabilities[round(15 / 0.032)] = 0.1  # earlier, and less
    probabilities[round(25 / 0.032)] = 0.3
    first, *others = planned((1, 60), seconds=61, probabilities=probabilities)
    assert first[0] == 0.0
    assert first[1] == pytest.approx(25.0, abs=0.05)
    assert others[0][0] == first[1]
    assert others[-1][1] == 61


@pytest.mark.parametrize("seed", range(20))
def test_windows_hold_all_speech_in_order_and_none_is_too_long(seed):
    rng = np.random.default_rng(seed)
    lengths, pauses = rng.uniform(0.3, 45, 60), rng.choice([0.1, 0.3, 1.0, 2.5, 20.0], 60)
    starts = np.cumsum(pauses) + np.concatenate([[0], np.cumsum(lengths)[:-1]])
    spoken = [(round(start, 3), round(start + length, 3)) for start, length in zip(starts, lengths, strict=True)]
    seconds = spoken[-1][1] + 1
    probabilities = rng.uniform(0.3, 1, round(seconds / 0.032) + 1).astype(np.float32)
    windows = planned(*spoken, seconds=seconds, probabilities=probabilities, target_seconds=rng.uniform(4, 28))
    assert all(end - start <= WINDOW_SECONDS for start, end in windows)
    assert all(before[1] <= after[0] for before, after in itertools.pairwise(windows))
    heard = [Span(max(start, a), min(end, b)) for start, end in windows for a, b in spoken if a < end and b > start]
    assert sum(each.seconds for each in heard) == pytest.approx(sum(end - start for start, end in spoken), abs=0.01)
    padding = sum(end - start for start, end in windows) - sum(b - a for a, b in spoken)
    assert padding <= len(windows) * 2 * PADDING_SECONDS + 2.0 * len(spoken)


def test_a_window_knows_its_length():
    assert Window(3.0, tone(1.5)).seconds == 1.5
