"""gunicorn's threaded worker, made safe against slow clients: threads are for requests whose head has come.

gunicorn's own hands a thread to every connection: one that says nothing holds it for 5 s, one that sends its head byte
by byte or stops in its body for ever, and one that does not hang up after its reply holds the main thread for 2 s.
Here the main thread gathers heads and sees clients off without waiting, and what a thread does wait for, bodies and
replies, has to move (`scripts/paced_socket.py`).
"""

import selectors
import socket
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

from gunicorn.workers.gthread import ThreadWorker

from scripts.paced_socket import PacedSocket
from scripts.refusals import refuse

HEAD_SECONDS = 10.0
# The same where there is no room for another connection: who says nothing makes way for who wants to ask.
CROWDED_HEAD_SECONDS = 1.0
# For files to be given back, where the process may not open another one.
NO_FILES_SECONDS = 0.5
# gunicorn refuses larger ones; it is left to say so.
HEAD_BYTES_AT_MOST = 64 * 1024
HEAD_ENDS = b"\r\n\r\n"
# For a client to read its last reply and hang up; a reset before that could take the reply away (RFC 9112, 9.6).
PARTING_SECONDS = 2.0
PARTING_BYTES_AT_MOST = 64 * 1024
# While stopping: for who has connected, or begun a request, at that moment.
LINGER_SECONDS = 1.0


class PatientWorker(ThreadWorker):  # type: ignore[misc]  # gunicorn carries no types
    """All of this runs in the main thread, but `handle` and `handle_error`.

    What the main thread raises would end every connection of the process; here it ends the one that it was about.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._parting: deque[Any] = deque()
        self._accepts_from = 0.0

    def wait_for_and_dispatch_events(self, timeout: float) -> None:
        for key, _ in self.poller.select(timeout):
            # What is called for a connection is bound to it, what is called for the listeners to nothing.
            bound = getattr(key.data, "args", ())
            self._safely(bound[0] if bound else None, key.data, key.fileobj)

    def accept(self, listener: Any) -> None:
        try:
            super().accept(listener)
        except OSError as error:
            # Most likely there are too many open files. Who waits in the listener's queue goes on waiting there.
            self.log.warning("No connection can be taken now: %s", error.strerror)
            self._accepts_from = time.monotonic() + NO_FILES_SECONDS
            self.set_accept_enabled(False)

    def set_accept_enabled(self, enabled: bool) -> None:
        if not enabled or time.monotonic() >= self._accepts_from:
            super().set_accept_enabled(enabled)

    def enqueue_req(self, conn: Any) -> None:
        """Called with a new connection, and with a kept one whose next request has begun."""
        self._safely(conn, self._begin, conn)

    def _begin(self, conn: Any) -> None:
        if self.cfg.is_ssl:
            super().enqueue_req(conn)
            return
        if not isinstance(conn.sock, PacedSocket):
            conn.sock = PacedSocket(conn.sock)
        if conn.parser is not None:
            conn.sock.read_ahead(conn.parser.unreader.take_buffered())
        conn.head = bytearray()
        conn.sock.setblocking(False)
        if not self._gather(conn):
            self._watch(conn, self.pending_conns, HEAD_SECONDS, self.on_pending_socket_readable)

    def on_pending_socket_readable(self, conn: Any, client: Any) -> None:
        """Part of a head has come, or the client has left."""
        if self._gather(conn):
            self.poller.unregister(client)
            self.pending_conns.remove(conn)

    def handle(self, conn: Any) -> Any:
        """Runs in a thread."""
        if isinstance(conn.sock, PacedSocket):
            conn.sock.begin_request()
        return super().handle(conn)

    def finish_request(self, conn: Any, fs: Any) -> None:
        """A thread is done with a connection."""
        self._safely(conn, self._go_on, conn, fs)

    def _go_on(self, conn: Any, fs: Any) -> None:
        is_paced = isinstance(conn.sock, PacedSocket) and not fs.cancelled() and fs.exception() is None
        if is_paced and not fs.result():
            self._part(conn)
        elif is_paced and conn.sock.has_read_ahead:
            self.enqueue_req(conn)
        else:
            super().finish_request(conn, fs)

    def handle_error(self, req: Any, client: Any, addr: Any, exc: BaseException) -> None:
        """Runs in a thread. gunicorn's own writes to the log what was sent, and with it the tokens in addresses."""
        refuse(client, exc, self.log)

    def murder_pending(self) -> None:
        now = time.monotonic()
        is_crowded = self.alive and (self.nr_conns >= self.worker_connections or now < self._accepts_from)
        early_seconds = HEAD_SECONDS - CROWDED_HEAD_SECONDS if is_crowded else 0.0
        while self.pending_conns and self.pending_conns[0].timeout <= now + early_seconds:
            self._drop(self.pending_conns[0])
        while self._parting and self._parting[0].timeout <= now:
            self._drop(self._parting[0])

    def _gather(self, conn: Any) -> bool:
        """Read what is there; whether the connection was handed to a thread."""
        data = b"-"
        while data and HEAD_ENDS not in conn.head and len(conn.head) < HEAD_BYTES_AT_MOST:
            try:
                data = conn.sock.recv(HEAD_BYTES_AT_MOST)
            except BlockingIOError:
                return False
            except OSError:
                data = b""
            conn.head += data
        conn.sock.read_ahead(bytes(conn.head))
        conn.head = bytearray()
        conn.data_ready = True
        super().enqueue_req(conn)
        return True

    def _watch(self, conn: Any, conns: deque[Any], seconds: float, look: Callable[[Any, Any], None]) -> None:
        """Each deque stays sorted by timeout, since all in it have the same time, and less once stopping."""
        conn.timeout = time.monotonic() + (seconds if self.alive else LINGER_SECONDS)
        conns.append(conn)
        self.poller.register(conn.sock, selectors.EVENT_READ, partial(look, conn))

    def _part(self, conn: Any) -> None:
        try:
            conn.sock.shutdown(socket.SHUT_WR)
        except OSError:
            self._drop(conn)
            return
        conn.sock.setblocking(False)
        conn.drained_bytes = 0
        self._watch(conn, self._parting, PARTING_SECONDS, self._on_last_words)

    def _on_last_words(self, conn: Any, _client: Any) -> None:
        try:
            data = conn.sock.recv(4096)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        conn.drained_bytes += len(data)
        if not data or conn.drained_bytes >= PARTING_BYTES_AT_MOST:
            self._drop(conn)

    def _safely(self, conn: Any, do: Callable[..., None], *args: Any) -> None:
        try:
            do(*args)
        except Exception:
            self.log.exception("A connection failed and is given up.")
            if conn is not None:
                self._drop(conn)

    def _drop(self, conn: Any) -> None:
        """Forget a connection wherever it was waiting, and close it; again is no error."""
        for conns in (self._parting, self.pending_conns, self.keepalived_conns):
            with suppress(ValueError):
                conns.remove(conn)
        with suppress(KeyError, ValueError):
            self.poller.unregister(conn.sock)
        if not getattr(conn, "is_dropped", False):
            conn.is_dropped = True
            self.nr_conns -= 1
            conn.close()

    def _cap_keepalive(self, deadline: float) -> None:
        """Called once when stopping. Who has not asked yet is not waited for, and nobody new is left in the queue."""
        super()._cap_keepalive(deadline)
        for conn in (*self.pending_conns, *self._parting):
            conn.timeout = min(conn.timeout, time.monotonic() + LINGER_SECONDS)
        for listener in self.sockets:
            # Who is in its queue has connected: closing it would reset them.
            before = -1
            while before < self.nr_conns < self.worker_connections:
                before = self.nr_conns
                self.accept(listener)
            listener.close()
