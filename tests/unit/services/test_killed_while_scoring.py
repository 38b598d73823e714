"""A real process that is killed while it scores: whoever comes after it leaves exactly one report."""

import subprocess
import sys

import pytest
from pymongo.errors import PyMongoError

from config import ROOT
from services.errors import Unavailable
from services.storage.client import MongoDatabase
from tests.processes import wait_until
from tests.scored import Scored, WordsProvider, scored_over


def work_again(scored: Scored, session_id: str) -> bool:
    """Until the server has ended what the killed process left open."""
    try:
        scored.let_time_pass(session_id)
        scored.scoring.work(session_id)
    except (PyMongoError, Unavailable):
        return False
    return bool(scored.job(session_id)["status"] == "completed")


@pytest.mark.parametrize("point", ["scoring", "report", "done"])
def test_a_worker_that_is_killed_leaves_exactly_one_report(mongodb_uri: str, database: MongoDatabase, point: str):
    scored = scored_over(database, WordsProvider())
    session_id = scored.stores.start("q1", "q2")
    scored.say(session_id, "q1", "one")
    scored.jobs.complete(scored.session(session_id))
    command = [sys.executable, "-m", "tests.unit.services.mortal_scorer", mongodb_uri, database.name, session_id, point]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as worker:
        assert worker.stdout is not None
        lines = iter(worker.stdout.readline, "")
        assert any(line == "now\n" for line in lines)
        worker.kill()
    assert len(scored.reports(session_id)) == (1 if point == "done" else 0)
    wait_until(lambda: work_again(scored, session_id), seconds=60)
    scored.scoring.work(session_id)
    (report,) = scored.reports(session_id)
    assert (report["number"], report["final_score"]) == (1, 10.0)
    job = scored.job(session_id)
    assert (job["attempts"], job["crashes"]) == ((1, 0) if point == "done" else (2, 1))
    analysis = scored.session(session_id).analysis
    assert analysis is not None
    assert analysis["report"] == 1
