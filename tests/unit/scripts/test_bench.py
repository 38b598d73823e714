import io
import wave

import pytest

from scripts.bench.figures import Figure, percentile, print_figures
from scripts.bench.upload import noise_recording


@pytest.mark.parametrize(("percent", "value"), [(50, 50), (95, 95), (100, 100), (0, 1)])
def test_a_percentile_is_a_value_that_was_measured(percent, value):
    assert percentile(range(1, 101), percent) == value


def test_a_missed_bar_is_said(capsys):
    print_figures([Figure("slow", 3.0, "s", bar=2.0), Figure("quick", 1.0, "s", bar=2.0), Figure("free", 9.0, "s")])
    verdicts = [line.split()[-1] if "bar" in line else "" for line in capsys.readouterr().out.splitlines()]
    assert verdicts == ["MISSED", "met", ""]


def test_what_is_uploaded_is_a_recording_of_that_size():
    content = noise_recording(60_000)
    assert len(content) == 60_000
    with wave.open(io.BytesIO(content)) as file:
        assert file.getnframes() == (60_000 - 44) // 2
