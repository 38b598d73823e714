"""Forks a child for each recording, so that none of them has to import FFmpeg and numpy first.

Runs as `python -m services.audio.fork_server` with a socket as its standard input: services/audio/children.py. It has
one thread, so that a fork copies no lock that is held, and it never looks into a recording itself.
"""

import gc
import os
import resource
import selectors
import signal
import socket
import struct
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import partial

from services.audio import child
from services.audio.decoder import decoded
from services.audio.fork_protocol import ENDED, REQUEST, REQUEST_FILES, STARTED
from services.audio.samples import SAMPLE_RATE_HZ


class ForkServer:
    """Serves one worker process, and ends with it."""

    def __init__(self, requests: socket.socket) -> None:
        self._requests = requests
        self._reports: dict[int, socket.socket] = {}
        self._selector = selectors.DefaultSelector()
        self._wakes, wakened = socket.socketpair()
        for end in (self._wakes, wakened):
            end.setblocking(False)
        self._wakened = wakened
        self._watch(requests, self._accept)
        self._watch(self._wakes, self._reap)

    def serve(self) -> None:
        """Until the worker is gone."""
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self._wakened.fileno())
        while True:
            for key, _ in self._selector.select():
                key.data()

    def _accept(self) -> None:
        request, files, _, _ = socket.recv_fds(self._requests, REQUEST.size, REQUEST_FILES)
        if not request:
            self._end()
        (max_seconds,) = REQUEST.unpack(request)
        *handed_on, report = files
        server_pid = os.getpid()
        try:
            pid = os.fork()
        except OSError:
            # The worker tries again later: too many processes is nothing a recording does.
            socket.socket(fileno=report).send(STARTED.pack(0) + ENDED.pack(1, 0, 0))
        else:
            if pid == 0:
                child.run(*handed_on, max_seconds=max_seconds, server_pid=server_pid)
            self._follow(pid, socket.socket(fileno=report))
        for file in handed_on:
            os.close(file)

    def _follow(self, pid: int, report: socket.socket) -> None:
        self._reports[pid] = report
        with suppress(OSError):
            report.send(STARTED.pack(pid))
        self._watch(report, partial(self._give_up, pid))

    def _give_up(self, pid: int) -> None:
        """Whoever waited does not any more: nothing is ever sent to us on this socket, it can only be closed."""
        if pid in self._reports:  # it may have ended in the same moment
            os.kill(pid, signal.SIGKILL)
            self._selector.unregister(self._reports[pid])

    def _reap(self) -> None:
        with suppress(BlockingIOError):
            self._wakes.recv(4096)
        for pid, report in list(self._reports.items()):
            ended, status, used = os.wait4(pid, os.WNOHANG)
            if ended:
                code = os.waitstatus_to_exitcode(status)
                with suppress(OSError):
                    report.send(ENDED.pack(code, used.ru_utime + used.ru_stime, used.ru_maxrss))
                with suppress(KeyError):
                    self._selector.unregister(report)
                self._reports.pop(pid).close()

    def _end(self) -> None:
        for pid in self._reports:
            os.kill(pid, signal.SIGKILL)
        sys.exit()

    def _watch(self, file: socket.socket, when_ready: Callable[[], None]) -> None:
        self._selector.register(file, selectors.EVENT_READ, when_ready)


def main() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(soft, child.MOST_FILES), hard))
    _warm_up()
    ForkServer(socket.socket(fileno=0)).serve()


def _warm_up() -> None:
    """Once through everything: what is imported or linked at its first use, no child could open."""
    silence = bytes(2 * SAMPLE_RATE_HZ // 10)
    form = struct.pack("<IHHIIHH", 16, 1, 1, SAMPLE_RATE_HZ, 2 * SAMPLE_RATE_HZ, 2, 16)
    chunks = b"WAVEfmt " + form + b"data" + struct.pack("<I", len(silence)) + silence
    decoded(b"RIFF" + struct.pack("<I", len(chunks)) + chunks, max_seconds=1)
    # The collector would write to every page that the children share with us.
    gc.collect()
    gc.freeze()


if __name__ == "__main__":
    main()
