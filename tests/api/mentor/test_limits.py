"""How often a mentor may ask, and how fast tokens can be guessed in these paths."""

from collections.abc import Callable

import pytest

from app import create_app
from services.container import Services
from tests.api.conftest import Interview, assert_problem
from tests.api.mentor.mentors import Mentor
from tests.factories import settings_with

Ask = Callable[[str], int]


def mentor_within(services: Services, interview: Interview, limit: str) -> Mentor:
    app = create_app(settings_with(rate_limit=limit), services)
    return Mentor(app.test_client(use_cookies=False), interview)


def test_a_mentor_is_counted_by_the_interview(
    services: Services, interview: Interview, other_interview: Interview
) -> None:
    mentor = mentor_within(services, interview, "3/minute")
    assert [mentor.get("progress").status_code for _ in range(3)] == [200] * 3
    assert_problem(mentor.get("progress"), 429, "rate_limited")
    assert_problem(mentor.ask_for_address(1), 429, "rate_limited")
    assert Mentor(mentor.client, other_interview).get("progress").status_code == 200


@pytest.mark.parametrize("place", ["path", "body"])
def test_tokens_cannot_be_guessed_at_speed_by_who_once_had_one(
    services: Services, interview: Interview, other_interview: Interview, place: str
) -> None:
    mentor = mentor_within(services, interview, "4/minute")

    def ask(token: str) -> int:
        if place == "path":
            return mentor.client.get(f"/api/mentor-interview/{token}/progress").status_code
        return mentor.ask_for_address(1, token=token).status_code

    assert ask(interview.link_token) in (200, 201)
    assert [ask(f"guess-{number}") for number in range(6)] == [401, 401, 401, 401, 429, 429]
    # Who was there before is let in; a right guess is not.
    assert ask(interview.link_token) in (200, 201)
    assert ask(other_interview.link_token) == 429
