"""A zip that is sent while it is made, by parts of its files: nobody holds a whole one."""

import zipfile
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime


class _Outbox:
    """What zipfile writes to: a stream that cannot go back, emptied after each part."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    def write(self, piece: bytes) -> int:
        self._pieces.append(bytes(piece))
        return len(piece)

    def flush(self) -> None:
        return

    def close(self) -> None:
        return

    def take(self) -> bytes:
        taken = b"".join(self._pieces)
        self._pieces.clear()
        return taken


def zipped(entries: Iterator[tuple[str, Iterable[bytes]]]) -> Iterator[bytes]:
    """A zip of these files, in pieces no longer than their parts; what is under `audio/` is compressed already."""
    outbox, now = _Outbox(), datetime.now(UTC)
    with zipfile.ZipFile(outbox, "w") as archive:
        for name, parts in entries:
            entry = zipfile.ZipInfo(name, now.timetuple()[:6])
            entry.compress_type = zipfile.ZIP_STORED if name.startswith("audio/") else zipfile.ZIP_DEFLATED
            with archive.open(entry, "w") as file:
                for part in parts:
                    file.write(part)
                    yield outbox.take()
            yield outbox.take()
    yield outbox.take()
