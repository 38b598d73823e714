import os
import socket
import subprocess
import sys

import pytest
from huggingface_hub import constants

from config import ROOT
from services.errors import TranscriberUnavailable
from services.transcribers import hub, model_choice
from services.transcribers.loading import load_whisper
from services.transcribers.model_choice import choose_model
from tests.local_hub import COMMIT, serving
from tests.tiny_whisper import save_tiny_whisper

REPO = "someone/tiny-whisper"


@pytest.fixture
def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(autouse=True)
def _own_cache_and_no_hub(monkeypatch, tmp_path_factory, closed_port):
    """An empty cache, and a hub that does not answer."""
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path_factory.mktemp("hub-cache")))
    monkeypatch.setattr(constants, "ENDPOINT", f"http://127.0.0.1:{closed_port}")
    monkeypatch.setattr(
        constants, "HUGGINGFACE_CO_URL_TEMPLATE", constants.ENDPOINT + "/{repo_id}/resolve/{revision}/{filename}"
    )
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)


@pytest.fixture
def reach(monkeypatch):
    def reach_hub(url: str) -> None:
        monkeypatch.setattr(constants, "ENDPOINT", url)
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", url + "/{repo_id}/resolve/{revision}/{filename}")

    return reach_hub


@pytest.fixture
def demo_model(monkeypatch, tiny_directory):
    """A bundled demo model that is always there."""
    monkeypatch.setattr(model_choice, "DEMO_DIRECTORY", tiny_directory)
    return tiny_directory


def refusal(name: str | None, revision: str | None = None, device: str = "cpu") -> str:
    with pytest.raises(TranscriberUnavailable) as refused:
        choose_model(name, revision, device)
    return refused.value.message


def test_demo_is_the_bundled_model(demo_model):
    choice = choose_model("demo", None, "cpu")
    assert (choice.directory, choice.model.name, choice.model.demo_model) == (demo_model, "demo", True)


def test_the_demo_model_by_its_directory_is_still_the_demo_model(demo_model):
    assert choose_model(str(demo_model), None, "cpu").model.demo_model


def test_a_directory_is_taken_as_it_is(tiny_directory):
    choice = choose_model(str(tiny_directory), None, "cpu")
    assert (choice.directory, choice.model.demo_model, choice.device) == (tiny_directory, False, "cpu")


def test_a_missing_directory_is_said_to_be_missing(tmp_path):
    assert refusal(str(tmp_path / "not-there")) == "The directory in WHISPER_MODEL is not there: check the path."


def test_a_directory_that_lacks_files_says_which(tmp_path, tiny_directory):
    assert "lacks config.json, preprocessor_config.json, a tokenizer and weights" in refusal(str(tmp_path))
    (tmp_path / "config.json").write_bytes((tiny_directory / "config.json").read_bytes())
    (tmp_path / "processor_config.json").write_bytes((tiny_directory / "processor_config.json").read_bytes())
    (tmp_path / "tokenizer.json").write_bytes((tiny_directory / "tokenizer.json").read_bytes())
    assert "lacks weights (model.safetensors):" in refusal(str(tmp_path))


def test_a_named_model_never_falls_back_when_the_hub_is_away(demo_model):
    message = refusal(REPO)
    assert message.startswith(f"The speech model {REPO} cannot be loaded: it is not in the cache and could not be")
    assert "HF_ENDPOINT" in message


def test_a_named_model_is_not_fetched_where_that_is_forbidden(demo_model, monkeypatch):
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert "HF_HUB_OFFLINE forbids" in refusal(REPO)


def test_no_name_and_no_hub_is_the_demo_model_and_says_why(demo_model):
    choice = choose_model(None, None, "cpu")
    assert choice.model.demo_model
    assert "openai/whisper-base cannot be loaded: it is not in the cache" in choice.reason


def test_no_name_and_no_demo_model_is_refused(monkeypatch, tmp_path):
    monkeypatch.setattr(model_choice, "DEMO_DIRECTORY", tmp_path)
    assert refusal(None).startswith("The bundled demo model lacks config.json")


def test_a_device_that_is_not_there_is_refused(monkeypatch, tiny_directory):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    assert "WHISPER_DEVICE=cpu" in refusal(str(tiny_directory), device="cuda")
    assert choose_model(str(tiny_directory), None, "auto").device == "cpu"


def test_the_default_grows_with_the_device(monkeypatch, demo_model):
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    assert "openai/whisper-large-v3-turbo" in choose_model(None, None, "auto").reason


def test_a_model_is_downloaded_once_and_then_taken_from_the_cache(reach, tiny_directory):
    with serving(REPO, tiny_directory) as local_hub:
        reach(local_hub.url)
        downloaded = choose_model(REPO, None, "cpu")
        asked = len(local_hub.requests)
        assert choose_model(REPO, None, "cpu").directory == downloaded.directory
        assert len(local_hub.requests) == asked
    assert choose_model(REPO, COMMIT, "cpu").directory == downloaded.directory
    model = load_whisper(downloaded, threads=1).model
    assert (model.name, model.revision) == (REPO, COMMIT)


def test_the_default_is_downloaded_in_its_pinned_revision(reach, demo_model, monkeypatch):
    monkeypatch.setitem(model_choice.PINNED_REVISIONS, "openai/whisper-base", COMMIT)
    with serving("openai/whisper-base", demo_model) as local_hub:
        reach(local_hub.url)
        choice = choose_model(None, None, "cpu")
    assert (choice.model.name, choice.model.revision) == ("openai/whisper-base", COMMIT)
    assert not choice.model.demo_model
    assert f"/api/models/openai/whisper-base/revision/{COMMIT}" in local_hub.requests


def test_weights_in_other_formats_are_not_downloaded(reach, tmp_path):
    directory = save_tiny_whisper(tmp_path / "tiny")
    for unused in ("pytorch_model.bin", "tf_model.h5", "model.fp32-00001-of-00001.safetensors"):
        (directory / unused).write_bytes(b"large")
    with serving(REPO, directory) as local_hub:
        reach(local_hub.url)
        choice = choose_model(REPO, None, "cpu")
    assert sorted(path.name for path in choice.directory.glob("*.*")) == [
        *("config.json", "generation_config.json", "model.safetensors"),
        *("processor_config.json", "tokenizer.json", "tokenizer_config.json"),
    ]


def test_an_interrupted_download_is_finished(reach, tiny_directory):
    with serving(REPO, tiny_directory) as local_hub:
        reach(local_hub.url)
        directory = choose_model(REPO, None, "cpu").directory
        (directory / "model.safetensors").unlink()
        assert hub.cached(REPO, None) is None
        assert (choose_model(REPO, None, "cpu").directory / "model.safetensors").is_file()


def test_a_model_the_hub_does_not_know_is_said_to_be_unknown(reach, tiny_directory):
    with serving(REPO, tiny_directory) as local_hub:
        reach(local_hub.url)
        assert "has no revision v9" in refusal(REPO, revision="v9")


def test_a_hub_that_never_answers_is_not_waited_for(reach, demo_model, monkeypatch):
    monkeypatch.setattr(model_choice, "DEFAULT_LOOK_UP_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        reach(f"http://127.0.0.1:{deaf.getsockname()[1]}")
        assert choose_model(None, None, "cpu").model.demo_model


def test_the_environment_of_the_hub_is_honoured(tmp_path, closed_port):
    program = "from services.transcribers import hub; print(hub.cached('a/b', None)); hub.download('a/b', None)"
    environment = os.environ | {"HF_ENDPOINT": f"http://127.0.0.1:{closed_port}", "HF_HOME": str(tmp_path)}
    ran = subprocess.run(
        [sys.executable, "-c", program], env=environment, cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert ran.stdout.startswith("None")
    assert "TranscriberUnavailable: The speech model a/b cannot be loaded" in ran.stderr
