"""The table says which bar was missed, and reads its figures right."""

import time

import pytest

from scripts.chaos.bars import at_most, none_of, quantile
from scripts.chaos.follower import Follower
from scripts.chaos.ledger import Reply
from scripts.chaos.report import Run, lines_of
from scripts.chaos.weather import Weather
from scripts.chaos.witness import Witness
from tests.unit.scripts.chaos.conftest import Story


def missed(run: Run) -> list[str]:
    return [line.name for line in lines_of(run) if not line.is_met]


@pytest.fixture
def run(story: Story) -> Run:
    return Run(story.judge(), story.ledger, Weather(), drain_seconds=1.0)


def test_a_good_run_misses_nothing(run: Run):
    assert missed(run) == []


def test_a_finding_is_a_missed_bar_of_its_name(run: Run):
    run.accounts.find("lost", "s1/q1")
    assert missed(run) == ["lost"]


def test_a_kind_of_finding_that_has_no_line_yet_gets_one(run: Run):
    run.accounts.find("something new", "s1/q1")
    assert missed(run) == ["something new"]


def test_each_other_figure_can_miss_its_bar(run: Run):
    run.drain_seconds = None
    run.stale = ["s1/q1"]
    run.resurrected = ["s1"]
    run.reclaim_seconds = [3.0, 46.0]
    run.left_behind = ["worker-1: 7"]
    run.hung = ["web-1"]
    run.ledger.surprise("upload was answered 500")
    assert missed(run) == [
        "erased and back again",
        "unexpected replies",
        "sockets that know other than the database",
        "all work done after the storm",
        "claimed again after a kill or freeze",
        "processes left behind",
        "processes that did not stop when asked",
    ]


def test_a_slow_refusal_counts_only_while_mongod_hangs(run: Run):
    run.ledger.note(Reply("status", time.monotonic() - 100, 5.0, 503))
    assert missed(run) == []
    spell = run.weather.begin("mongod hung")
    spell.began = time.monotonic() - 10
    run.ledger.note(Reply("status", time.monotonic() - 6, 5.0, 503))
    assert missed(run) == ["503 while mongod hangs"]


def test_a_fault_and_what_follows_it_is_no_calm():
    weather = Weather()
    spell = weather.begin("web killed")
    spell.began, spell.ended = 10.0, 20.0
    assert weather.is_calm(1.0, 9.0)
    assert not weather.is_calm(9.0, 11.0)
    assert not weather.is_calm(21.0, 22.0)
    assert weather.is_only("web", 11.0, 19.0)
    assert not weather.is_only("web", 11.0, 21.0)
    other = weather.begin("worker killed")
    other.began = 12.0
    assert not weather.is_only("web", 11.0, 19.0)


def test_quantiles_are_of_the_nearest_rank():
    values = [float(value) for value in range(1, 101)]
    assert [quantile(values, share) for share in (0.5, 0.99, 1.0)] == [50.0, 99.0, 100.0]
    assert at_most("", values, 99.0, share=0.99).is_met
    assert not at_most("", values, 99.0).is_met
    assert none_of("", []).is_met


def test_a_socket_that_is_told_an_older_state_notices():
    follower = Follower("http://127.0.0.1", "s1", "token")
    for seq in (5, 4):
        follower._take({"type": "snapshot", "seq": seq, "answers": []})
    assert (follower.seq, follower.went_back) == (5, 1)


def test_the_witness_sees_what_no_end_state_shows(database):
    witness = Witness(database)

    def change(kind: str, **updated: object) -> None:
        description = {"updatedFields": {path.replace("__", "."): value for path, value in updated.items()}}
        witness.see({"operationType": kind, "documentKey": {"_id": "s1"}, "updateDescription": description})

    change("update", answers={"q1": {"id": "a", "sha256": "x", "transcription_status": "queued"}})
    for status in ("processing", "completed", "processing", "completed"):
        change("update", answers__q1__transcription_status=status)
    assert witness.lives["a"].completions == 2
    change("delete")
    assert witness.resurrected == []
    change("update", answers__q1__transcription_status="completed")
    assert witness.resurrected == ["s1"]
