from collections.abc import Iterator

import pytest

from services.feedback import ChooseProvider
from services.feedback.choice import LLM_FLAG, choose_provider
from services.flags import Flags
from services.models import Caller
from tests.chat_server import KEY, MODEL, chat_server
from tests.factories import settings_with

ADMIN = Caller("boss", role="admin")
SESSIONS = [f"session-{number}" for number in range(200)]


@pytest.fixture
def flags(services) -> Flags:
    found: Flags = services.flags
    return found


@pytest.fixture
def choose(flags) -> Iterator[ChooseProvider]:
    with chat_server() as server:
        settings = settings_with(
            feedback_provider="openai", feedback_llm_url=server.url, feedback_llm_key=KEY, feedback_llm_model=MODEL
        )
        yield choose_provider(settings, flags)


@pytest.mark.covers("E2-S1.3")
def test_the_settings_choose_the_provider(flags, choose):
    assert choose_provider(settings_with(), flags)("s").name == "rule_based"
    assert choose("s").name == "openai"


@pytest.mark.covers("E7-S3.1", "E7-S3.3")
def test_a_share_of_sessions_goes_to_the_model_and_raising_it_takes_none_away(flags, choose):
    shares = []
    for percent in (0, 10, 50, 100):
        flags.set(ADMIN, LLM_FLAG, percent)
        shares.append({session for session in SESSIONS if choose(session).name == "openai"})

    assert [len(share) for share in (shares[0], shares[3])] == [0, len(SESSIONS)]
    assert shares[0] < shares[1] < shares[2] < shares[3]


def test_what_scores_is_instant_where_no_other_machine_is_asked(flags, choose):
    assert not choose("s").is_instant
    flags.set(ADMIN, LLM_FLAG, 0)
    assert choose("s").is_instant
