import os
import tempfile

import pytest
import redis

from scripts import embedded_redis
from scripts.embedded_redis import EmbeddedRedis, EmbeddedRedisError
from scripts.ports import bind_error


def test_it_answers_and_forgets_everything_when_it_stops(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    server = EmbeddedRedis()
    for _ in range(2):
        with server, redis.Redis.from_url(server.uri) as client:
            assert client.get("a") is None
            client.set("a", "1")
        assert os.listdir(tmp_path) == []
        assert bind_error("127.0.0.1", server.port) is None


def test_a_port_in_use_is_refused(listener):
    with pytest.raises(EmbeddedRedisError, match="Address already in use"):
        EmbeddedRedis(listener.getsockname()[1]).start()


def test_a_machine_without_redis_is_told_of_redis_url(tmp_path, monkeypatch):
    monkeypatch.setattr(embedded_redis, "WHEEL", "no-such-wheel")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(EmbeddedRedisError, match="REDIS_URL"):
        EmbeddedRedis().start()


def test_a_redis_that_gives_up_shows_what_it_said(tmp_path, monkeypatch):
    program = tmp_path / "redis-server"
    program.write_text("#!/bin/sh\necho out of memory; exit 1\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    with pytest.raises(EmbeddedRedisError, match="out of memory"):
        EmbeddedRedis().start()
