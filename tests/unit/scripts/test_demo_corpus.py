"""The demo model's sentences: repeatable, inside the published vocabulary, and apart from those it is measured with."""

from itertools import islice
from pathlib import Path

import pytest

from scripts.demo_model import corpus, voices

REPOSITORY = Path(__file__).resolve().parents[3]
VOCABULARY = REPOSITORY / "demo" / "model" / "vocabulary.txt"


def drawn(seed: int, count: int, *, held_out: bool) -> list[str]:
    return list(islice(corpus.sentences(seed, held_out=held_out), count))


@pytest.mark.parametrize("held_out", [False, True])
def test_the_same_seed_draws_the_same_sentences(held_out):
    assert drawn(5, 200, held_out=held_out) == drawn(5, 200, held_out=held_out)


def test_another_seed_draws_other_sentences():
    assert drawn(5, 200, held_out=False) != drawn(6, 200, held_out=False)


def test_the_published_vocabulary_is_the_grammars():
    words = VOCABULARY.read_text().splitlines()
    assert words == list(corpus.vocabulary())
    assert words == sorted(set(words))
    assert len(words) >= 300


@pytest.mark.parametrize("held_out", [False, True])
def test_sentences_hold_words_of_the_vocabulary_only(held_out):
    words = set(VOCABULARY.read_text().split())
    for sentence in drawn(1, 2000, held_out=held_out):
        assert words.issuperset(sentence.split()), sentence


def test_every_word_is_said_in_training():
    said = {word for sentence in drawn(2, 6000, held_out=False) for word in sentence.split()}
    assert len(said) == len(corpus.vocabulary())


def test_a_share_of_the_sentences_are_strings_of_unrelated_words():
    only_random = list(islice(corpus.sentences(3, held_out=False, random_share=1.0), 50))
    none_random = list(islice(corpus.sentences(3, held_out=False, random_share=0.0), 50))
    assert all(3 <= len(sentence.split()) <= 9 for sentence in only_random)
    assert only_random != none_random


def test_training_and_evaluation_share_no_sentence():
    training, evaluation = drawn(7, 3000, held_out=False), drawn(2026, 300, held_out=True)
    assert not set(training) & set(evaluation)
    assert not any(map(corpus.is_held_out, training))
    assert all(map(corpus.is_held_out, evaluation))


def test_training_and_evaluation_share_no_voice_and_no_speed():
    assert not set(voices.TRAINING_VOICES) & set(voices.HELD_OUT_VOICES)
    assert not set(voices.TRAINING_SPEEDS) & set(voices.HELD_OUT_SPEEDS)


def test_a_sentence_is_written_in_lower_case_with_a_final_period():
    written = corpus.written(drawn(8, 1, held_out=False)[0])
    assert written == written.lower()
    assert written.endswith(".")
    assert written.count(".") == 1
