"""A real process that is stopped while it holds claims, and goes on when everything has changed."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable

from config import ROOT
from services.access import OWNER
from services.audit import Audit
from services.decisions import Decisions
from services.models import AnswerRef
from services.review import Review
from services.storage.audit import AuditStore
from services.storage.decisions import DecisionStore
from services.storage.transcripts import TranscriptStore
from tests.fakes import RememberingQueue
from tests.stores import MODEL, Stores, transcript_of

WRITES = 6


def take_over(stores: Stores, ref: AnswerRef) -> None:
    stores.age_lease(ref)
    stores.claim(ref, "another")


def take_over_and_complete(stores: Stores, ref: AnswerRef) -> None:
    stores.age_lease(ref)
    stores.answers.complete(stores.claim(ref, "another"), transcript_of(), MODEL)


def edit(stores: Stores, ref: AnswerRef) -> None:
    take_over_and_complete(stores, ref)
    session = stores.sessions.find_unguarded(ref.session_id)
    assert session is not None
    Review(TranscriptStore(stores.database), Audit(AuditStore(stores.database))).edit_transcript(
        OWNER, session, "q1", "edited", 1
    )


def record_again(stores: Stores, ref: AnswerRef) -> None:
    stores.claim(stores.accept(ref.session_id), "another")


def cancel(stores: Stores, ref: AnswerRef) -> None:
    Decisions(DecisionStore(stores.database), RememberingQueue()).cancel(ref)


def cancel_and_retry(stores: Stores, ref: AnswerRef) -> None:
    decisions = Decisions(DecisionStore(stores.database), RememberingQueue())
    decisions.cancel(ref)
    decisions.retry(ref)
    stores.claim(ref, "another")


def erase(stores: Stores, ref: AnswerRef) -> None:
    stores.database["interview_sessions"].delete_one({"_id": ref.session_id})


MEANWHILE: tuple[Callable[[Stores, AnswerRef], None], ...] = (
    take_over,
    take_over_and_complete,
    edit,
    record_again,
    cancel,
    cancel_and_retry,
    erase,
)


def everything(stores: Stores) -> dict[str, list[dict[str, object]]]:
    names = ("interview_sessions", "transcripts", "fs.files")
    return {name: list(stores.database[name].find().sort("_id")) for name in names}


def test_a_process_that_was_stopped_past_its_leases_changes_nothing(stores: Stores, mongodb_uri: str):
    refs = [stores.accept(stores.start("q1")) for _ in MEANWHILE]
    command = [sys.executable, "-m", "tests.storage.stopped_worker", mongodb_uri, stores.database.name]
    with subprocess.Popen(
        [*command, *(ref.session_id for ref in refs)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as worker:
        assert worker.stdout is not None
        assert worker.stdout.readline() == f"{len(MEANWHILE)}\n"
        os.kill(worker.pid, signal.SIGSTOP)
        for happen, ref in zip(MEANWHILE, refs, strict=True):
            happen(stores, ref)
        before = everything(stores)
        os.kill(worker.pid, signal.SIGCONT)
        said, _ = worker.communicate("go on\n", timeout=30)
    assert said.split() == ["lost"] * WRITES * len(MEANWHILE)
    assert everything(stores) == before
