import json
import shutil
import subprocess
import sys

import pytest
import torch
from safetensors.torch import load_file, save_file

from config import ROOT
from services.errors import TranscriberUnavailable
from services.transcribers.loading import load_whisper
from services.transcribers.model_choice import choose_model


@pytest.fixture
def directory(tmp_path, tiny_directory):
    return shutil.copytree(tiny_directory, tmp_path / "whisper")


def refusal(directory) -> str:
    with pytest.raises(TranscriberUnavailable) as refused:
        load_whisper(choose_model(str(directory), None, "cpu"))
    return refused.value.message


def rewrite(path, change) -> None:
    settings = json.loads(path.read_text())
    change(settings)
    path.write_text(json.dumps(settings))


def test_a_model_that_is_not_whisper_is_refused(directory):
    rewrite(directory / "config.json", lambda settings: settings.update(model_type="bert"))
    assert "it is not a Whisper model" in refusal(directory)


def test_weights_that_were_cut_off_are_refused(directory):
    weights = directory / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[: weights.stat().st_size // 2])
    assert "its files are damaged or not in the Transformers format" in refusal(directory)


def test_weights_that_lack_a_tensor_are_refused(directory):
    tensors = load_file(directory / "model.safetensors")
    del tensors["model.encoder.conv1.weight"]
    save_file(tensors, directory / "model.safetensors", metadata={"format": "pt"})
    assert "its weights are incomplete (1 tensors)" in refusal(directory)


def test_a_model_without_timestamps_is_refused(directory):
    rewrite(directory / "generation_config.json", lambda settings: settings.pop("no_timestamps_token_id"))
    assert "has no timestamp tokens" in refusal(directory)


def test_a_damaged_tokenizer_is_refused(directory):
    (directory / "tokenizer.json").write_text("{")
    assert "its files are damaged" in refusal(directory)


def test_a_model_that_is_too_large_for_the_memory_is_said_to_be(directory, monkeypatch):
    def too_large(*arguments, **options):
        raise torch.OutOfMemoryError

    monkeypatch.setattr("services.transcribers.loading.WhisperForConditionalGeneration.from_pretrained", too_large)
    assert "the memory of cpu does not hold it" in refusal(directory)


def test_half_precision_weights_are_computed_in_full_on_a_cpu(directory):
    tensors = {name: tensor.half() for name, tensor in load_file(directory / "model.safetensors").items()}
    save_file(tensors, directory / "model.safetensors", metadata={"format": "pt"})
    transcriber = load_whisper(choose_model(str(directory), None, "cpu"))
    assert transcriber._hearing.network.dtype == torch.float32


def test_the_number_of_threads_is_set(tiny_directory):
    before = torch.get_num_threads()
    try:
        load_whisper(choose_model(str(tiny_directory), None, "cpu"), threads=3)
        assert torch.get_num_threads() == 3
        load_whisper(choose_model(str(tiny_directory), None, "cpu"), threads=0)
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)


def test_nothing_that_a_web_process_imports_loads_pytorch():
    program = """
import sys
import services.audio.decode, services.audio.signature, services.audio.windows
import services.transcribers.build
print(sorted({"torch", "transformers", "huggingface_hub"} & set(sys.modules)))
"""
    ran = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"


def test_loading_and_hearing_print_nothing_of_their_own(tiny_directory):
    program = """
import sys, numpy
from services.audio.windows import Window
from services.models import Hints, Span
from services.transcribers.loading import load_whisper
from services.transcribers.model_choice import choose_model
whisper = load_whisper(choose_model(sys.argv[1], None, "cpu"), threads=1)
samples = numpy.sin(numpy.arange(32_000) / 10).astype(numpy.float32)
window = Window(0.0, samples, (Span(0.0, 2.0),))
assert whisper.hear(window, Hints(initial_prompt="we moved", vocabulary=("service",)), lambda: None).segments
"""
    ran = subprocess.run(
        [sys.executable, "-W", "error", "-c", program, tiny_directory],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert ran.stderr == ""
    assert ran.stdout.count("\n") == 1
    assert "The speech model was loaded." in ran.stdout


def test_a_model_without_a_calibration_is_taken_at_its_word(directory):
    assert load_whisper(choose_model(str(directory), None, "cpu"))._words._temperature == 1.0


def test_a_models_calibration_is_taken_from_its_directory(directory):
    (directory / "calibration.json").write_text('{"temperature": 1.7, "fitted_on": "something else"}')
    assert load_whisper(choose_model(str(directory), None, "cpu"))._words._temperature == 1.7


@pytest.mark.parametrize(
    "content",
    ["", "[]", "{}", '{"temperature": 0}', '{"temperature": -1}', '{"temperature": NaN}', '{"temperature": "a"}'],
)
def test_a_calibration_that_is_none_is_refused(directory, content):
    (directory / "calibration.json").write_text(content)
    assert "calibration.json" in refusal(directory)
