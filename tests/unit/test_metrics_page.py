"""The page about metrics names what there is, all of it and nothing else."""

import re

import pytest

from app.metrics import Metrics
from app.work_metrics import WorkMetrics
from config import ROOT
from services.counting import failed, took
from services.figures import Told
from services.storage.counters import Counter
from services.storage.queues import Depth

PAGE = (ROOT / "docs" / "metrics.md").read_text()


@pytest.mark.covers("E6-S2.3")
def test_every_metric_is_on_the_page_and_no_other():
    counts = {"ended": 1, "seconds": 1.0, "audio_seconds": 1.0, "errors": {"code": 1}, "fallbacks": {"code": 1}}
    told = Told(
        True, [Counter(kind, "x", counts) for kind in ("feedback", "transcription")], {"answers": Depth(1, 0, 0.0)}
    )
    own = Metrics().registry.collect()
    samples = {sample.name for family in (*own, *WorkMetrics(lambda: told).collect()) for sample in family.samples}
    there = {re.sub(r"_(bucket|count|sum|created)$", "", name) for name in samples} | {"parley_requests_total"}
    there |= {"parley_request_seconds"}
    named = {re.sub(r"_(bucket|count|sum)$", "", name) for name in re.findall(r"parley_\w+", PAGE)}

    assert named == there
    assert {*took(1.0), *failed("code")} == {"ended", "seconds", "buckets.5", "errors.code"}
