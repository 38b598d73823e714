import os
import re
import signal
import socket
import stat
from contextlib import ExitStack
from pathlib import Path

import pytest

from scripts.live_client import PromptClient
from tests.e2e.product import Product
from tests.processes import wait_until
from tests.tiny_whisper import save_tiny_whisper

pytestmark = pytest.mark.e2e

# The web tier alone: it starts without a model, and asks Redis for nothing until there is something to transcribe.
WEB_ONLY = {"REDIS_URL": "redis://127.0.0.1:1/0"}
INTERVIEW = {"questions": [{"id": "q1", "prompt": "What did you do?"}]}


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> str:
    return str(save_tiny_whisper(tmp_path_factory.mktemp("model")))


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    return tmp_path / "var"


def test_it_starts_keeps_its_data_and_leaves_nothing_running(data_dir, model):
    with Product(data_dir, WHISPER_MODEL=model) as product, product.wait_until_ready() as client:
        assert client.get("/readyz").json()["checks"]["worker"]["state"] == "ready"
        session = client.post("/api/sessions", json=INTERVIEW).raise_for_status().json()
        authorization = client.headers["Authorization"]
        product.send(signal.SIGTERM)
        assert product.exit_code(10) == 0
        assert product.living_children() == set()

    with Product(data_dir, WHISPER_MODEL=model) as product, product.wait_until_ready() as client:
        found = client.get(f"/api/sessions/{session['id']}").raise_for_status().json()
        assert found["questions"] == session["questions"]
        assert client.headers["Authorization"] == authorization
    assert stat.S_IMODE((data_dir / "token").stat().st_mode) == 0o600


def test_ctrl_c_ends_fifty_live_connections_with_everything_else(data_dir, model):
    with ExitStack() as stack:
        product = stack.enter_context(Product(data_dir, WHISPER_MODEL=model, MAX_SOCKETS_PER_SESSION="50"))
        client = stack.enter_context(product.wait_until_ready())
        session = client.post("/api/sessions", json=INTERVIEW).raise_for_status().json()
        url = f"ws://127.0.0.1:{product.port}/ws/sessions/{session['id']}"
        headers = {"Authorization": client.headers["Authorization"]}
        sockets = [PromptClient.connect(url, headers=headers) for _ in range(50)]
        assert all(live.connected for live in sockets)
        product.send(signal.SIGINT)
        assert product.exit_code(10) == 0
        assert product.living_children() == set()
        wait_until(lambda: not any(live.connected for live in sockets))


def test_nothing_survives_a_kill_and_the_next_start_works_at_once(data_dir, model):
    with Product(data_dir, WHISPER_MODEL=model) as product, product.wait_until_ready():
        product.send(signal.SIGKILL)
        product.exit_code()
        with Product(data_dir, **WEB_ONLY) as again, again.wait_until_ready() as client:
            assert client.get("/healthz").status_code == 200
    assert product.living_children() == set()


def test_a_token_that_was_given_is_used_and_not_kept(data_dir):
    with (
        Product(data_dir, BOOTSTRAP_TOKEN="given-0123456789", **WEB_ONLY) as product,
        product.wait_until_ready() as client,
    ):
        assert client.headers["Authorization"] == "Bearer given-0123456789"
        assert client.get("/api/sessions").status_code == 200
    assert not (data_dir / "token").exists()


def test_with_redis_it_starts_the_web_tier_and_says_how_to_start_a_worker(data_dir):
    with Product(data_dir, **WEB_ONLY) as product, product.wait_until_ready() as client:
        assert client.get("/readyz").json()["checks"]["worker"]["state"] == "missing"
        assert re.search(r"MONGODB_URI='mongodb://127\.0\.0\.1:\d+/\S+' make worker", product.output)


def test_gunicorn_leaves_no_control_socket_in_the_home_directory(data_dir, tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    with Product(data_dir, HOME=str(home), **WEB_ONLY) as product, product.wait_until_ready() as client:
        assert client.get("/healthz").status_code == 200
        assert list(home.rglob("*")) == []


def test_the_end_of_its_mongodb_is_said_and_ends_the_rest(data_dir):
    with Product(data_dir, **WEB_ONLY) as product, product.wait_until_ready():
        lock = data_dir / "mongodb" / "mongod.lock"
        os.kill(int(lock.read_text()), signal.SIGKILL)
        assert product.exit_code(20) == 1
        assert product.living_children() == set()
    assert "MongoDB ended by itself" in product.output


def test_a_model_that_was_named_and_cannot_be_loaded_ends_the_start_with_the_reason(data_dir):
    with Product(data_dir, WHISPER_MODEL="/nowhere") as product:
        assert product.exit_code() == 1
    assert "WHISPER_MODEL" in product.output
    assert "Parley is ready" not in product.output


def test_a_port_in_use_is_one_clear_line(data_dir):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        with Product(data_dir, PORT=str(port)) as product:
            assert product.exit_code() == 1
    assert product.output.splitlines() == [
        f"Port {port} on 127.0.0.1 cannot be used (Address already in use): set PORT, e.g. PORT=8001 make run"
    ]


def test_all_wrong_settings_are_named_at_once_and_none_is_shown(data_dir):
    wrong = {
        "WEB_THREADS": "banana",
        "REDIS_URL": "secret-redis",
        "MONGODB_URI": "secret-mongodb",
        "BOOTSTRAP_TOKEN": "secret-token",
        "EMBEDDED_MONGODB_PORT": "plum",
    }
    with Product(data_dir, **wrong) as product:
        assert product.exit_code() == 2
    for name, value in wrong.items():
        assert name in product.output
        assert value not in product.output
