import math
import random

import pytest

from scripts.quality.calibration import (
    Judged,
    best_temperature,
    bins_of,
    brier_score,
    expected_calibration_error,
    surprise,
)


def _words(probability: float, right: int, wrong: int) -> list[Judged]:
    return [Judged(probability, True)] * right + [Judged(probability, False)] * wrong


def test_the_error_is_the_mean_distance_weighted_by_words():
    # 0.9 and 75 % right: 0.15 off on 40 words; 0.5 and 60 % right: 0.1 off on 10.
    words = _words(0.9, 30, 10) + _words(0.5, 6, 4)

    assert expected_calibration_error(words) == pytest.approx((40 * 0.15 + 10 * 0.1) / 50)
    assert brier_score(words) == pytest.approx((30 * 0.01 + 10 * 0.81 + 10 * 0.25) / 50)


def test_probabilities_that_keep_their_word_have_no_error():
    assert expected_calibration_error(_words(0.8, 8, 2) + _words(0.3, 3, 7)) == pytest.approx(0.0)


def test_over_and_under_confidence_in_two_bins_do_not_cancel_out():
    assert expected_calibration_error(_words(0.9, 5, 5) + _words(0.1, 5, 5)) == pytest.approx(0.4)


def test_bins_are_of_equal_width_and_hold_every_word():
    bins = bins_of([Judged(0.0, False), Judged(1.0, True), Judged(1 / 15, True), Judged(0.07, True)])

    assert len(bins) == 15
    assert [each.count for each in bins][:2] == [2, 1]
    assert bins[-1].count == 1
    assert bins[-1].high == 1.0


def test_being_wrong_for_certain_surprises_most():
    assert surprise(_words(1.0, 1, 0)) == pytest.approx(0.0)
    assert surprise(_words(0.5, 1, 1)) == pytest.approx(math.log(2))
    assert surprise(_words(1.0, 0, 1)) > 10


@pytest.mark.parametrize("true_temperature", [0.7, 1.0, 2.3])
def test_the_temperature_that_made_the_words_is_found(true_temperature):
    rng = random.Random(1)
    logits = [rng.gauss(2, 2) for _ in range(20_000)]
    right = [rng.random() < _share(logit / true_temperature) for logit in logits]

    found = best_temperature(
        lambda temperature: [Judged(_share(each / temperature), hit) for each, hit in zip(logits, right, strict=True)]
    )

    assert found == pytest.approx(true_temperature, rel=0.06)


def _share(logit: float) -> float:
    return 1 / (1 + math.exp(-logit))
