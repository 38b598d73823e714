"""Transcripts that are older than search are found after a sweep."""

from collections.abc import Callable

import pytest

from services.models import AnswerRef, Transcript
from services.search_queries import read_query
from services.storage import backfill
from services.storage.backfill import Backfill
from services.storage.search import SearchStore
from services.storage.transcripts import TranscriptStore
from tests.stores import MODEL, Stores, transcript_of


def completed(stores: Stores, text: str = "i led a team") -> AnswerRef:
    claim = stores.claimed()
    stores.answers.complete(claim, Transcript(text, transcript_of(text).segments, "en", 1.0), MODEL)
    return claim.ref


def rows(stores: Stores) -> dict[str, dict[str, object]]:
    return {each["answer_id"]: each for each in stores.database["current_transcripts"].find()}


@pytest.fixture
def old(stores: Stores) -> Callable[[], None]:
    """Let everything be from before there was search."""

    def forget() -> None:
        stores.database["current_transcripts"].delete_many({})
        names = ("author", "word_count", "restored_from")
        stores.database["transcripts"].update_many({"answer_id": {"$gt": ""}}, {"$unset": dict.fromkeys(names, "")})

    return forget


def run(stores: Stores) -> list[int]:
    work, looked_at = Backfill(stores.database), []
    while count := work.go_on():
        looked_at.append(count)
    return looked_at


def test_the_rows_become_what_they_would_be_had_they_been_written_then(stores: Stores, old: Callable[[], None]) -> None:
    heard, edited, waiting = completed(stores), completed(stores), stores.claimed().ref
    texts = TranscriptStore(stores.database)
    texts.edit(edited, "I led two teams", revision=1)
    restored = completed(stores)
    texts.edit(restored, "nonsense", revision=1)
    texts.restore(restored, 1, revision=2)
    before = rows(stores)
    old()
    run(stores)
    after = rows(stores)
    assert set(after) == {heard.answer_id, edited.answer_id, restored.answer_id}
    assert waiting.answer_id not in after
    for answer_id, row in after.items():
        assert abs((row.pop("created_at") - before[answer_id].pop("created_at")).total_seconds()) < 1  # type: ignore[operator]
        assert abs((row.pop("heard_at") - before[answer_id].pop("heard_at")).total_seconds()) < 1  # type: ignore[operator]
    assert after == before
    found, _ = SearchStore(stores.database).candidates("owner", read_query("two teams"), None)
    assert [each.answer_id for each in found] == [edited.answer_id]


def test_it_goes_on_where_another_process_stopped_and_ends(
    stores: Stores, old: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backfill, "SESSIONS_AT_ONCE", 2)
    refs = [completed(stores) for _ in range(5)]
    old()
    looked_at = [Backfill(stores.database).go_on() for _ in range(5)]
    assert looked_at == [2, 2, 1, 0, 0]
    assert set(rows(stores)) == {each.answer_id for each in refs}
    old()
    # It is done, and whatever comes now is written with its row.
    assert run(stores) == []


def test_one_that_cannot_be_read_keeps_none_of_the_others_waiting(stores: Stores, old: Callable[[], None]) -> None:
    refs = [completed(stores) for _ in range(3)]
    broken = sorted(refs, key=lambda each: each.session_id)[0]
    old()
    stores.database["interview_sessions"].update_one(
        {"_id": broken.session_id}, {"$unset": {"answers.q1.revision": ""}}
    )
    assert run(stores) == [3]
    assert set(rows(stores)) == {each.answer_id for each in refs if each != broken}


def test_rows_of_an_earlier_version_are_made_anew_and_others_left(stores: Stores) -> None:
    early, late = completed(stores), completed(stores)
    current = stores.database["current_transcripts"]
    current.update_one({"answer_id": early.answer_id}, {"$set": {"version": 0, "words": " x "}})
    current.update_one({"answer_id": late.answer_id}, {"$set": {"words": " x "}})
    stores.database["backfills"].insert_one({"_id": backfill.NAME, "version": 0, "after": "", "is_done": True})
    run(stores)
    assert [rows(stores)[each.answer_id]["words"] for each in (early, late)] == [" i led a team ", " x "]


def test_an_edit_meanwhile_is_not_overwritten(stores: Stores, old: Callable[[], None]) -> None:
    ref = completed(stores)
    old()
    TranscriptStore(stores.database).edit(ref, "edited meanwhile", revision=1)
    run(stores)
    assert rows(stores)[ref.answer_id]["text"] == "edited meanwhile"
