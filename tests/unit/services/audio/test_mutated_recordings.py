"""Damaged recordings by the hundred, each in a child; `python -m scripts.fuzz.recordings` takes more of them."""

from collections.abc import Callable, Iterator

import pytest

from scripts.decoding import decode_in, heard
from scripts.fuzz.corpus import corpus
from scripts.fuzz.mutations import MUTATIONS, mutated
from scripts.fuzz.recordings import KNOWN_CODES, MAX_SECONDS, Outcome, Summary, fuzz, print_summary
from services.audio import children as children_module
from services.audio.children import Children
from services.audio.server_process import PYTHON
from services.audio.signature import container_of

FILES = 500
CHILD_THAT = """
import os, signal, sys, time
from services.audio import child, fork_server
def run(recording, outcome, samples, **limits):
    {}
    os._exit(0)
child.run = run
fork_server.main()
"""


@pytest.fixture
def outcomes_where() -> Iterator[Callable[[str], Summary]]:
    """What a few mutated recordings are counted as when each child does the same."""
    made: list[Children] = []

    def run(statement: str) -> Summary:
        made.append(Children([*PYTHON, "-c", CHILD_THAT.replace("{}", statement)]))
        return fuzz(made[-1], 4, seed=0, keep=kept.append)

    kept: list[Outcome] = []
    yield run
    for each in made:
        each.close()


def test_what_is_damaged_was_sound(children: Children):
    for name, recording in corpus().items():
        assert container_of(recording).startswith("audio/"), name
        decoding = decode_in(children, recording, max_seconds=MAX_SECONDS)
        assert len(heard(decoding)) == pytest.approx(16_000, abs=2_500), name


def test_500_damaged_recordings_are_each_refused_decoded_or_rejected(children: Children):
    server = children.server().pid
    summary = fuzz(children, FILES, seed=20, keep=lambda outcome: None)
    assert [(each.name, each.number) for each in summary.failures] == []
    assert summary.counts.total() == FILES
    assert summary.counts["decoded"] > 100
    assert summary.counts["bad_audio"] > 50
    assert summary.counts["refused at the door: unsupported_media_type"] > 5
    assert {name.partition(" ")[0] for name in summary.counts} <= {*KNOWN_CODES, "decoded", "refused"}
    assert children.server().pid == server, "a recording ended the server"


def test_the_same_seed_damages_the_same_way_and_another_one_does_not():
    made = [mutated(corpus(), 7, number) for number in range(50)]
    assert made == [mutated(corpus(), 7, number) for number in range(50)]
    assert made != [mutated(corpus(), 8, number) for number in range(50)]


def test_every_way_to_damage_every_recording_is_used():
    made = [mutated(corpus(), 0, number)[0].split(": ") for number in range(FILES)]
    assert {name for name, _ in made} == set(corpus())
    assert {kind for _, kinds in made for kind in kinds.split(", ")} == {each.__name__ for each in MUTATIONS}


@pytest.mark.parametrize(
    ("statement", "failure"),
    [
        ("os.kill(os.getpid(), signal.SIGKILL)", "FAILED: TranscriptionFailed"),
        ("os._exit(1)", "FAILED: TranscriptionFailed"),
        ("""os.write(outcome, b'{"code": "odd", "message": ""}')""", "FAILED: odd"),
        ("""os.write(outcome, b'{"bad_packets": 0, "broke_off": false}')""", "FAILED: decoded to nothing"),
    ],
)
def test_what_has_no_category_is_a_failure(outcomes_where, statement: str, failure: str):
    summary = outcomes_where(statement)
    assert summary.counts[failure] == len(summary.failures) > 0


def test_what_takes_too_long_is_a_failure(outcomes_where, monkeypatch):
    monkeypatch.setattr("scripts.fuzz.recordings.WALL_SECONDS", 0.2)
    summary = outcomes_where("time.sleep(0.5)")
    assert summary.counts["FAILED: took more than 0.2 s"] > 0


def test_what_never_ends_is_a_failure(outcomes_where, monkeypatch):
    monkeypatch.setattr(children_module, "PATIENCE_SECONDS", 0.2)
    assert outcomes_where("time.sleep(60)").counts["FAILED: TranscriptionFailed"] > 0


def test_a_crash_of_the_decoder_is_the_recordings_fault_and_counted(outcomes_where, capsys):
    summary = outcomes_where("os.kill(os.getpid(), signal.SIGSEGV)")
    assert summary.failures == []
    assert summary.counts["bad_audio (decoder crashed: SIGSEGV)"] > 0
    print_summary(summary, 1.0)
    assert "decoder crashed: SIGSEGV" in capsys.readouterr().out
