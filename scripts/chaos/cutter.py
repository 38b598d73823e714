"""A TCP proxy that breaks connections: cuts them after a while, or swallows some of the replies."""

import asyncio
import random
import socket
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from struct import pack
from typing import Self

from scripts.chaos.steady_ports import steady_port

CHUNK_BYTES = 65536
AT_ONCE = pack("ii", 1, 0)  # struct linger: on, no seconds


class Cutter:
    """Forwards 127.0.0.1:port to the backends in turn; `lifetime` gives each connection its seconds (None: no end)."""

    def __init__(
        self,
        backends: Sequence[int],
        *,
        lifetime: Callable[[], float | None] = lambda: None,
        dropped_share: float = 0.0,
        seed: int = 0,
    ) -> None:
        self.port = steady_port()
        self.cuts = 0
        self.drops = 0
        self.dropped_share = dropped_share
        self._lifetime = lifetime
        self._backends = list(backends)
        self._random = random.Random(seed)
        self._open: set[asyncio.StreamWriter] = set()
        self._loop = asyncio.new_event_loop()
        self._is_listening = threading.Event()
        self._thread = threading.Thread(target=self._run, name="cutter", daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        self._thread.start()
        self._is_listening.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)

    def cut_all(self) -> None:
        """Cut every open connection now."""
        self._loop.call_soon_threadsafe(self._cut, list(self._open))

    def _run(self) -> None:
        server = self._loop.run_until_complete(asyncio.start_server(self._serve, "127.0.0.1", self.port))
        self._is_listening.set()
        self._loop.run_forever()
        server.close()
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        self._loop.run_until_complete(asyncio.sleep(0.05))
        self._loop.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._backends.append(self._backends.pop(0))
        for port in list(self._backends):
            try:
                upstream, downstream = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                continue
            with suppress(asyncio.CancelledError):  # at the end
                await self._forward((reader, downstream), (upstream, writer))
            return
        writer.transport.abort()

    async def _forward(
        self,
        there: tuple[asyncio.StreamReader, asyncio.StreamWriter],
        back: tuple[asyncio.StreamReader, asyncio.StreamWriter],
    ) -> None:
        writers = [there[1], back[1]]
        self._open |= set(writers)
        seconds = self._lifetime()
        timer = None if seconds is None else self._loop.call_later(seconds, self._cut, writers)
        try:
            await asyncio.gather(self._pump(*there, is_reply=False), self._pump(*back, is_reply=True))
        finally:
            if timer is not None:
                timer.cancel()
            self._open -= set(writers)
            for writer in writers:
                writer.transport.abort()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, is_reply: bool) -> None:
        with suppress(OSError):
            while chunk := await reader.read(CHUNK_BYTES):
                if is_reply and self._random.random() < self.dropped_share:
                    self.drops += 1
                    continue
                writer.write(chunk)
                await writer.drain()
            if writer.can_write_eof():
                writer.write_eof()

    def _cut(self, writers: Sequence[asyncio.StreamWriter]) -> None:
        self.cuts += sum(1 for writer in writers if not writer.transport.is_closing()) // 2
        for writer in writers:
            if not writer.transport.is_closing():
                # Reset, not closed in good order: what is on its way is lost.
                writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, AT_ONCE)
            writer.transport.abort()
