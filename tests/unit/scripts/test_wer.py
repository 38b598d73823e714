"""`make wer`, as an operator starts it."""

import json
from collections.abc import Callable

import pytest

from scripts import wer
from scripts.wer import main
from services.models import AnswerRef, Transcript, WhisperModel
from services.storage.quality import QualityStore
from services.storage.transcripts import TranscriptStore
from tests.stores import Stores, transcript_of

Heard = Callable[..., AnswerRef]


@pytest.fixture
def database_named(stores: Stores, mongodb_uri: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MONGODB_URI", mongodb_uri)
    monkeypatch.setenv("MONGODB_DATABASE", stores.database.name)
    monkeypatch.setenv("REDIS_URL", "")


@pytest.fixture
def heard(stores: Stores) -> Heard:
    def complete(text: str, corrected: str | None = None, model: str = "small", language: str = "en") -> AnswerRef:
        claim = stores.claimed()
        transcript = Transcript(text, transcript_of(text).segments, language, 1.0)
        stores.answers.complete(claim, transcript, WhisperModel(model, demo_model=False))
        if corrected is not None:
            TranscriptStore(stores.database).edit(claim.ref, corrected, revision=1)
        return claim.ref

    return complete


@pytest.mark.covers("Q-wer")
@pytest.mark.usefixtures("database_named")
def test_each_model_and_language_has_its_rate_over_what_people_corrected(
    heard: Heard, capsys: pytest.CaptureFixture[str]
) -> None:
    heard("i let a teem", "I led a team.")
    heard("i led a team", "I led a team!")
    heard("nobody has looked at these eight words yet")
    heard("what was heard here", "Nonsense.")
    heard("ich leitete ein team", "Ich leitete das Team.", language="de")
    heard("i led a teem", "i led a team", model="large")
    assert main(["--json"]) == 0
    rows = json.loads(capsys.readouterr().out)["rows"]
    told = [[each[name] for name in ("whisper_model", "language", "transcripts", "corrected", "wer")] for each in rows]
    assert told == [["large", "en", 1, 1, 0.25], ["small", "de", 1, 1, 0.25], ["small", "en", 4, 2, 0.25]]
    # As if what nobody corrected were right: the least that the rate can be.
    assert [rows[2][name] for name in ("word_errors", "words", "wer_at_least", "rewritten")] == [2, 8, 0.125, 1]
    assert main(["--model", "large", "--json"]) == 0
    assert [each["whisper_model"] for each in json.loads(capsys.readouterr().out)["rows"]] == ["large"]


@pytest.mark.covers("Q-wer")
@pytest.mark.usefixtures("database_named")
def test_what_is_erased_recorded_again_restored_or_never_heard_does_not_count(
    stores: Stores, heard: Heard, capsys: pytest.CaptureFixture[str]
) -> None:
    texts = TranscriptStore(stores.database)
    erased, again, restored = (heard("i let a teem", "i led a team") for _ in range(3))
    stores.database["interview_sessions"].delete_one({"_id": erased.session_id})
    stores.accept(again.session_id)
    texts.restore(restored, 1, revision=2)
    assert main(["--json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)["rows"]
    assert (row["transcripts"], row["corrected"], row["wer"]) == (1, 0, None)


@pytest.mark.usefixtures("database_named")
def test_the_table_says_how_far_it_can_be_trusted(heard: Heard, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    assert "No model has heard anything" in capsys.readouterr().out
    heard("i let a teem", "I led a team.")
    heard("i led a team", "I led a team.")
    assert main([]) == 0
    said = capsys.readouterr().out
    assert "people correct what is wrong" in said
    (line,) = [each for each in said.splitlines() if each.startswith("small")]
    assert line.split() == ["small", "en", "2", "2", "0", "8", "2", "25.0", "%", "0.0-50.0", "%", "25.0", "%"]


def test_it_reads_all_pages_and_tells_how_far_it_is(
    stores: Stores, heard: Heard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wer, "TEXTS_AT_ONCE", 2)
    monkeypatch.setattr("scripts.quality.progress.EVERY_SECONDS", 0.0)
    for _ in range(5):
        heard("i led a team")
    said: list[str] = []
    found = wer.measure(QualityStore(stores.database), None, said.append)
    assert found["small", "en"].transcripts == 5
    assert said[-1].startswith("transcripts read: 5 of 5")


def test_its_help_says_what_it_is_for(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    assert ended.value.code == 0
    assert "people have corrected" in capsys.readouterr().out
