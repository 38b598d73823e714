import signal
from dataclasses import replace

import pytest

from tests.e2e.candidate import Candidate
from tests.e2e.product import Product

pytestmark = pytest.mark.e2e


@pytest.mark.covers("I-restart", "C-in-process", "N-durable")
def test_neither_a_power_cut_nor_a_stop_right_after_the_uploads_loses_an_answer(tmp_path, demo_model, spoken):
    settings = {"WHISPER_MODEL": demo_model, "LEASE_SECONDS": "10", "SWEEP_INTERVAL_SECONDS": "1"}
    data_dir = tmp_path / "var"

    with Product(data_dir, **settings) as product, product.wait_until_ready() as client:
        before_the_cut = _answered(client, spoken)
        product.kill_everything()

    with Product(data_dir, **settings) as product, product.wait_until_ready() as client:
        _expect_all(client, before_the_cut, spoken)
        before_the_stop = _answered(client, spoken)
        product.send(signal.SIGTERM)
        assert product.exit_code(10) == 0

    with Product(data_dir, **settings) as product, product.wait_until_ready() as client:
        _expect_all(client, before_the_stop, spoken)


def _answered(client, spoken) -> Candidate:
    candidate = Candidate.start(client, ["webm", "m4a", "wav"])
    for suffix in (".webm", ".m4a", ".wav"):
        candidate.upload(suffix[1:], spoken[suffix].name, spoken[suffix].content)
    # Otherwise this would be about something else.
    assert any(answer["status"] != "completed" for answer in candidate.answers().values())
    return candidate


def _expect_all(client, candidate: Candidate, spoken) -> None:
    answers = replace(candidate, client=client).wait_for_all()
    for suffix in (".webm", ".m4a", ".wav"):
        answer = answers[suffix[1:]]
        assert answer["status"] == "completed", answer
        assert spoken[suffix].error_rate(answer["transcript"]) <= 0.15
