"""What recordings of 200 MB cost the web process: its resident memory and what it writes to its disk, beside the time.

With Redis and no worker: what is measured is the web process alone. Several come at once, as clients do.
"""

import argparse
import http.client
import json
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

from scripts.bench.memory import MB, resident_mb, web_process
from scripts.bench.upload import BOUNDARY, noise_recording
from scripts.bench.web_tier import started_web_tier
from scripts.started_service import StartedService

SIZE = 200 * MB
AT_ONCE = 3
# For each that is on its way: 2 MB of chunks, what the driver makes of them, the parser's blocks.
BAR_MB = 20.0
BLOCK = 256 * 1000


def main() -> int:
    """The exit code: 1 where the bar was missed."""
    parser = argparse.ArgumentParser(prog="python -m scripts.bench.long_uploads", description=__doc__)
    parser.add_argument("--at-once", type=int, default=AT_ONCE, help="how many come at once (default: %(default)s)")
    at_once: int = parser.parse_args().at_once
    with started_web_tier() as service:
        growth = max(_measure(service, number) / number for number in (1, at_once))
    print(f"for each recording on its way: {growth:+.1f} MB, {'within' if growth <= BAR_MB else 'MISSES'} {BAR_MB} MB")
    return 0 if growth <= BAR_MB else 1


def _measure(service: StartedService, at_once: int) -> float:
    """MB that the web process was larger by at its largest."""
    pid = web_process(service)
    _send(service, 5 * MB)
    before, written, began = resident_mb(pid), _written_mb(pid), time.monotonic()
    peak, is_over = [before], threading.Event()

    def watch() -> None:
        while not is_over.wait(0.05):
            peak.append(resident_mb(pid))

    watcher = threading.Thread(target=watch)
    watcher.start()
    with ThreadPoolExecutor(at_once) as clients:
        list(clients.map(lambda _: _send(service, SIZE), range(at_once)))
    is_over.set()
    watcher.join()
    seconds, disk = time.monotonic() - began, _written_mb(pid) - written
    print(
        f"{at_once} x {SIZE / MB:.0f} MB in {seconds:.1f} s: resident {before:.1f} MB, at most {max(peak):.1f} MB, "
        f"written to disk {disk:.1f} MB",
        flush=True,
    )
    return max(peak) - before


def _send(service: StartedService, length: int) -> None:
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="audio"; filename="a.wav"\r\n\r\n'.encode()
    tail = f"\r\n--{BOUNDARY}--\r\n".encode()
    connection = http.client.HTTPConnection(urlsplit(service.url).netloc, timeout=120)
    headers = {
        "Authorization": f"Bearer {service.token}",
        "Content-Type": f"multipart/form-data; boundary={BOUNDARY}",
        "Content-Length": str(len(head) + length + len(tail)),
    }
    connection.request("POST", "/api/transcribe", _body(head, length, tail), headers)
    response = connection.getresponse()
    answer = json.loads(response.read())
    connection.close()
    if (response.status, answer.get("bytes")) != (202, length):
        raise RuntimeError(f"an upload was answered {response.status}: {answer}")


def _body(head: bytes, length: int, tail: bytes) -> Iterator[bytes]:
    block = noise_recording(BLOCK)
    yield head
    for sent in range(0, length, len(block)):
        yield block[: length - sent]
    yield tail


def _written_mb(pid: int) -> float:
    lines = Path(f"/proc/{pid}/io").read_text().splitlines()
    (written,) = (line.split()[1] for line in lines if line.startswith("write_bytes"))
    return int(written) / MB


if __name__ == "__main__":
    sys.exit(main())
