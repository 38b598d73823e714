"""A mentor in an interview of two stages."""

from collections.abc import Callable

import pytest
from flask import Flask

from services.container import Services
from tests.api.conftest import Interview
from tests.api.mentor.mentors import Mentor
from tests.fakes import RememberingQueue


@pytest.fixture
def mentor(app: Flask, interview: Interview) -> Mentor:
    return Mentor(app.test_client(use_cookies=False), interview)


@pytest.fixture
def hear(services: Services, queue: RememberingQueue) -> Callable[[], None]:
    """Do the worker's part for everything that was sent to it."""

    def run() -> None:
        while queue.sent:
            services.transcription.transcribe(queue.sent.pop(0))

    return run
