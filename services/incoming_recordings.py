"""A recording that is stored while it comes: looked at, counted and hashed on its way, with little of it in memory."""

import time
from contextlib import suppress
from hashlib import sha256

from services.answers import StoredRecording
from services.audio.signature import container_of
from services.errors import RecordingTooLarge, Unavailable
from services.models import AnswerRef
from services.storage.streamed_uploads import CHUNK_BYTES, StreamedUploadStore

# What is looked at before anything is stored: more than the longest frame of any format that is known by its frames.
LOOK_BYTES = 16 * 1024
CHUNKS_AT_ONCE = 8
# However slowly a recording comes, its upload stays one in flight (uploads.py).
ALIVE_SECONDS = 30.0


class IncomingRecording:
    """Takes the bytes of one upload as a file would: Werkzeug's parser writes to it, and rewinds it at the end."""

    def __init__(self, store: StreamedUploadStore, ref: AnswerRef, *, max_bytes: int) -> None:
        self.ref = ref
        self.bytes = 0
        self.is_accepted = False
        self._store = store
        self._max_bytes = max_bytes
        self._sha256 = sha256()
        self._content_type: str | None = None
        self._file_id: str | None = None
        self._unstored = bytearray()
        self._stored_chunks = 0
        self._alive_at = 0.0

    @property
    def sha256(self) -> str:
        """Of what has come so far."""
        return self._sha256.hexdigest()

    def write(self, block: bytes) -> int:
        """Take some bytes; raises `RecordingTooLarge`, `UnsupportedRecording`, `UploadLost` and `Unavailable`."""
        self.bytes += len(block)
        if self.bytes > self._max_bytes:
            raise RecordingTooLarge("The recording is too large.")
        self._sha256.update(block)
        self._unstored += block
        if self._content_type is None and len(self._unstored) >= LOOK_BYTES:
            self._content_type = container_of(bytes(self._unstored))
        if len(self._unstored) >= CHUNKS_AT_ONCE * CHUNK_BYTES:
            self._save(len(self._unstored) // CHUNK_BYTES * CHUNK_BYTES)
        elif self._file_id is not None and time.monotonic() - self._alive_at > ALIVE_SECONDS:
            self._store.keep_alive(self._file_id)
            self._alive_at = time.monotonic()
        return len(block)

    def seek(self, offset: int, whence: int = 0) -> int:
        """Nothing to go back to: what has come is stored, and read by nobody here."""
        return 0

    def close(self) -> None:
        """As files have it; how an upload ends is said by `stored` or `abandon`."""

    def stored(self, *, language: str | None = None, declared_duration_ms: int | None = None) -> StoredRecording:
        """All of it, when it has come; raises as `write`, and `InvalidRequest` where nothing has."""
        if self._content_type is None:
            self._content_type = container_of(bytes(self._unstored))
        if self._unstored or self._file_id is None:
            self._save(len(self._unstored))
        file_id = self._file_id or ""
        return StoredRecording(file_id, self.bytes, self.sha256, self._content_type, language, declared_duration_ms)

    def abandon(self) -> None:
        """Remove what is stored, unless it has become an answer. Best effort: the sweep finds it by its marker."""
        if self._file_id is not None and not self.is_accepted:
            with suppress(Unavailable):
                self._store.abandon(self._file_id)

    def _save(self, length: int) -> None:
        if self._file_id is None:
            self._file_id = self._store.begin(self.ref)
        starts = range(0, length, CHUNK_BYTES)
        chunks = [bytes(self._unstored[start : min(start + CHUNK_BYTES, length)]) for start in starts]
        self._store.add(self._file_id, self._stored_chunks, chunks)
        self._stored_chunks += len(chunks)
        self._alive_at = time.monotonic()
        del self._unstored[:length]
