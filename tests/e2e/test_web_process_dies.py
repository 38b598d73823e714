import os
import signal
from pathlib import Path

import numpy as np
import pytest

from scripts.encoding import FLAC, encode
from services.audio.decoder import decoded
from tests.e2e.candidate import Candidate
from tests.e2e.product import Product
from tests.processes import descendants, wait_until

pytestmark = pytest.mark.e2e


def test_a_web_process_that_dies_at_work_comes_back_and_goes_on(tmp_path, demo_model, spoken):
    """The one process without Redis: gunicorn's master starts the next, which takes up what was its own."""
    samples, _ = decoded(spoken[".webm"].content, max_seconds=600)
    long = encode(np.tile(samples, 2), FLAC)
    settings = {"WHISPER_MODEL": demo_model, "LEASE_SECONDS": "300", "SWEEP_INTERVAL_SECONDS": "1"}
    with Product(tmp_path / "var", **settings) as product, product.wait_until_ready() as client:
        candidate = Candidate.start(client, ["q1"])
        candidate.upload("q1", "long.flac", long)
        wait_until(lambda: candidate.answers()["q1"]["status"] == "processing", 60)
        (working,) = (pid for pid in descendants(product.process.pid) if "libtorch" in maps_of(pid))
        os.kill(working, signal.SIGKILL)
        wait_until(lambda: is_completed(candidate), 120)
        assert working not in descendants(product.process.pid)
        assert product.process.poll() is None


def maps_of(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/maps").read_text()
    except OSError:
        return ""


def is_completed(candidate: Candidate) -> bool:
    try:
        return bool(candidate.answers()["q1"]["status"] == "completed")
    except Exception:  # noqa: BLE001 - nobody answers while the process is started again
        return False
