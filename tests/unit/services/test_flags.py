"""Rollouts: stable, monotonic, driven by the environment, and switched off while everything runs."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config import SettingsError, load_settings
from config.flags import FLAGS
from services import flags as module
from services.audit import Audit
from services.errors import InvalidRequest, NotFound, Unavailable
from services.flags import STEPS, Flags, step_of
from services.models import Caller
from services.storage.audit import AuditStore
from services.storage.client import MongoDatabase, connect
from services.storage.flags import FlagChange, FlagStore
from tests.stores import flags_over

ADMIN = Caller("boss", role="admin")
UNITS = [f"session-{number}" for number in range(2000)]


@pytest.fixture
def flags(database: MongoDatabase) -> Flags:
    return flags_over(database)


class Away(FlagStore):
    """A database that answers until it does not, and how often it was asked."""

    def __init__(self) -> None:
        self.is_away = False
        self.asked = 0

    def changes(self) -> dict[str, FlagChange]:
        self.asked += 1
        if self.is_away:
            raise Unavailable("away")
        return {"llm_feedback": FlagChange(0.0, datetime.now(UTC))}


@pytest.mark.covers("E7-S3.1")
@given(st.text(), st.floats(0, 100), st.floats(0, 100))
def test_raising_a_percentage_never_takes_a_unit_out(unit, one, other):
    low, high = sorted((one, other))
    step = step_of("llm_feedback", unit)

    assert 0 <= step < STEPS
    assert not (step < round(low * STEPS / 100)) or step < round(high * STEPS / 100)


@pytest.mark.covers("E7-S3.1")
@pytest.mark.parametrize("percent", [0, 1, 10, 50, 99, 100])
def test_a_percentage_is_met_and_every_process_says_the_same(database, flags, percent):
    flags.set(ADMIN, "llm_feedback", percent)
    other = flags_over(database)
    on = [unit for unit in UNITS if flags.is_on("llm_feedback", unit)]

    assert on == [unit for unit in UNITS if other.is_on("llm_feedback", unit)]
    assert abs(len(on) / len(UNITS) - percent / 100) < 0.03
    assert percent not in (0, 100) or len(on) == percent / 100 * len(UNITS)


def test_flags_are_rolled_out_to_different_units():
    assert {unit for unit in UNITS if step_of("a", unit) < 1000} != {
        unit for unit in UNITS if step_of("b", unit) < 1000
    }


def test_a_unit_stays_where_it_is_in_every_version():
    assert (step_of("llm_feedback", "session-1"), step_of("audio_answers", "session-1")) == (3491, 1679)


@pytest.mark.covers("E7-S3.2")
def test_the_environment_says_what_is_rolled_out(monkeypatch, database):
    monkeypatch.setenv("FEATURE_FLAGS", " llm_feedback=0, challenger_model=12.5 ")
    settings = load_settings(None)
    flags = flags_over(database, **settings.feature_flags)

    assert settings.feature_flags == {"llm_feedback": 0.0, "challenger_model": 12.5, "audio_answers": 100.0}
    assert not flags.is_on("llm_feedback", "s")
    assert flags.is_on("audio_answers", "s")


@pytest.mark.covers("E7-S3.2")
@pytest.mark.parametrize(
    "value",
    [
        "nosuch=1",
        "llm_feedback",
        "llm_feedback=101",
        "llm_feedback=-1",
        "llm_feedback=nan",
        "llm_feedback=0.001",
        "llm_feedback=1,llm_feedback=2",
    ],
)
def test_a_rollout_that_cannot_be_meant_is_refused_at_start_without_its_value(monkeypatch, value):
    monkeypatch.setenv("FEATURE_FLAGS", value)

    with pytest.raises(SettingsError, match=r"^FEATURE_FLAGS: ") as raised:
        load_settings(None)
    assert "nosuch" not in str(raised.value)


@pytest.mark.covers("E7-S3.3")
def test_a_flag_is_switched_off_and_back_while_everything_runs(database, flags, monkeypatch):
    other = flags_over(database)
    assert other.is_on("llm_feedback", "s")
    flags.set(ADMIN, "llm_feedback", 0)

    assert not flags.is_on("llm_feedback", "s")
    assert other.is_on("llm_feedback", "s"), "read a moment ago"
    monkeypatch.setattr(module, "READ_EVERY_SECONDS", 0.0)
    assert not other.is_on("llm_feedback", "s")
    flags.reset(ADMIN, "llm_feedback")
    assert other.is_on("llm_feedback", "s")


def test_every_change_is_in_the_audit_log(database, flags):
    flags.set(ADMIN, "audio_answers", 12.5)
    flags.reset(ADMIN, "audio_answers")

    rows = Audit(AuditStore(database)).list_of().rows
    assert [(row.action, row.actor_id, row.details) for row in reversed(rows)] == [
        ("flag.set", "boss", {"flag": "audio_answers", "percent": 12.5}),
        ("flag.reset", "boss", {"flag": "audio_answers"}),
    ]


def test_a_flag_says_what_it_is_and_what_it_would_be(flags):
    flags.set(ADMIN, "challenger_model", 50)

    found = {flag.name: flag for flag in flags.list_of()}
    assert list(found) == list(FLAGS)
    assert (found["challenger_model"].percent, found["challenger_model"].default_percent) == (50, 0)
    assert found["challenger_model"].changed_at is not None
    assert found["audio_answers"].changed_at is None


@pytest.mark.parametrize("name", ["nosuch", "", "$where", "llm_feedback "])
def test_a_name_that_is_no_flag_is_refused(database, flags, name):
    with pytest.raises(NotFound):
        flags.set(ADMIN, name, 1)
    with pytest.raises(NotFound):
        flags.reset(ADMIN, name)
    with pytest.raises(NotFound):
        flags.show(name)
    assert database["feature_flags"].count_documents({}) == 0


@pytest.mark.parametrize("percent", [-1, 101, float("nan"), float("inf"), 0.001])
def test_a_number_that_is_no_percentage_is_refused(database, flags, percent):
    with pytest.raises(InvalidRequest):
        flags.set(ADMIN, "llm_feedback", percent)
    assert database["feature_flags"].count_documents({}) == 0


def test_flags_are_read_once_in_a_while_and_stay_as_they_were_when_the_database_goes_away(monkeypatch, database):
    store = Away()
    flags = Flags(store, FLAGS, Audit(AuditStore(database)))
    assert [flags.is_on("llm_feedback", unit) for unit in UNITS[:100]] == [False] * 100
    assert store.asked == 1

    monkeypatch.setattr(module, "READ_EVERY_SECONDS", 0.0)
    store.is_away = True
    assert not flags.is_on("llm_feedback", "s")
    assert store.asked == 2


def test_where_the_database_was_never_there_the_environment_holds(closed_port):
    database = connect(f"mongodb://127.0.0.1:{closed_port}/?serverSelectionTimeoutMS=50", "parley")
    flags = flags_over(database, llm_feedback=0.0)
    with database.client:
        assert not flags.is_on("llm_feedback", "s")
        assert flags.is_on("audio_answers", "s")
