import math

import pytest
import torch

from services.transcribers.guards import compression_ratio, is_nothing, is_sure, token_logprobs

SENTENCE = "first we looked at the logs and then we fixed the database"


def test_ordinary_talk_is_not_taken_for_a_loop():
    talk = f"{SENTENCE}. i asked the management for support. the budget was two million dollars. we learned a lot."
    assert compression_ratio(talk) < 2
    assert is_sure(-0.3, talk)


def test_a_loop_of_the_same_words_is_tried_again():
    assert compression_ratio(" ".join([SENTENCE] * 10)) > 2.4
    assert not is_sure(-0.3, " ".join([SENTENCE] * 10))


def test_text_the_model_is_not_sure_of_is_tried_again():
    assert not is_sure(-1.2, SENTENCE)


@pytest.mark.parametrize(
    ("logprob", "no_speech", "nothing"), [(-1.2, 0.7, True), (-0.5, 0.99, False), (-1.2, 0.5, False)]
)
def test_only_text_that_is_doubtful_in_both_ways_is_nothing(logprob, no_speech, nothing):
    assert is_nothing(logprob, no_speech) is nothing


@pytest.mark.parametrize("temperature", [0.0, 0.5, 1.0])
def test_the_log_probabilities_are_those_of_the_model_at_any_temperature(temperature):
    probabilities = torch.tensor([[0.5, 0.25, 0.25], [0.1, 0.8, 0.1]])
    scores = tuple(probabilities.log() / (temperature or 1.0))
    result = {"scores": scores, "sequences": torch.tensor([7, 7, 0, 1])}
    assert token_logprobs(result, temperature).tolist() == pytest.approx([math.log(0.5), math.log(0.8)])
