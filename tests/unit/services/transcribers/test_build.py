from dataclasses import replace

import pytest
import torch

from config import load_settings
from services.errors import TranscriberUnavailable
from services.transcribers.build import build_whisper


@pytest.fixture
def threads():
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def test_the_settings_decide_which_model_hears_and_how(tiny_directory, threads):
    settings = replace(
        load_settings(dotenv=None), whisper_model=str(tiny_directory), whisper_device="cpu", whisper_threads=1
    )
    assert build_whisper(settings).model.name == tiny_directory.name
    assert torch.get_num_threads() == 1


def test_a_model_that_cannot_be_had_is_said_so(tmp_path):
    settings = replace(load_settings(dotenv=None), whisper_model=str(tmp_path / "none"))
    with pytest.raises(TranscriberUnavailable):
        build_whisper(settings)
