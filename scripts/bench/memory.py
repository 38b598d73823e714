"""Whether the web process stays as large as it is: its resident memory over uploads of 5 MB, one after the other.

Every upload is a new recording of the same answer, which takes the place of the one before, so that the disk stays
bounded. With Redis and no worker: what is measured is the web process alone.
"""

import argparse
import http.client
import sys
from pathlib import Path
from urllib.parse import urlsplit

from scripts.bench.upload import BOUNDARY, KB, multipart, noise_recording, start_session
from scripts.bench.web_tier import started_web_tier
from scripts.started_service import StartedService

UPLOADS = 1000
WARM_UPS = 100
EVERY = 100
SIZE = 5000 * KB
MB = 1000 * KB
BAR_MB = 5.0


def main() -> int:
    """The exit code: 1 where the bar was missed."""
    parser = argparse.ArgumentParser(prog="python -m scripts.bench.memory", description=__doc__)
    parser.add_argument("--uploads", type=int, default=UPLOADS, help="after the warm-up (default: %(default)s)")
    uploads: int = parser.parse_args().uploads
    with started_web_tier() as service:
        growth = _measure(service, uploads)
    is_met = abs(growth) <= BAR_MB
    print(f"resident memory after {uploads} uploads: {growth:+.1f} MB, {'within' if is_met else 'MISSES'} {BAR_MB} MB")
    return 0 if is_met else 1


def _measure(service: StartedService, uploads: int) -> float:
    """MB that the web process has grown by since the warm-up."""
    pid, body = web_process(service), multipart(noise_recording(SIZE))
    path = f"/api/upload-answer/{start_session(service.url, service.token, 1)}/q0"
    connection = http.client.HTTPConnection(urlsplit(service.url).netloc, timeout=60)
    print(f"{0:6} uploads: {resident_mb(pid):7.1f} MB (at the start)", flush=True)
    warm = now = 0.0
    for number in range(1, WARM_UPS + uploads + 1):
        _send(connection, path, body, service.token)
        if number % EVERY == 0 or number == WARM_UPS + uploads:
            now = resident_mb(pid)
            warm = now if number <= WARM_UPS else warm
            print(f"{number:6} uploads: {now:7.1f} MB{' (warm)' if number == WARM_UPS else ''}", flush=True)
    connection.close()
    return now - warm


def _send(connection: http.client.HTTPConnection, path: str, body: bytes, token: str) -> None:
    headers = {"Authorization": f"Bearer {token}", "Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
    connection.request("POST", path, body, headers)
    response = connection.getresponse()
    answer = response.read()
    if response.status != 202:
        raise RuntimeError(f"an upload was answered {response.status}: {answer.decode(errors='replace')}")


def web_process(service: StartedService) -> int:
    """The one gunicorn worker: a process of the service whose parent is gunicorn, too."""
    (pid,) = (
        worker
        for master in _children(service.pid)
        if b"gunicorn" in _command(master)
        for worker in _children(master)
        if b"gunicorn" in _command(worker)
    )
    return pid


def resident_mb(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    (kib,) = (line.split()[1] for line in status.splitlines() if line.startswith("VmRSS"))
    return int(kib) * 1024 / MB


def _children(pid: int) -> list[int]:
    tasks = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(child) for task in tasks for child in task.read_text().split()]


def _command(pid: int) -> bytes:
    return Path(f"/proc/{pid}/cmdline").read_bytes()


if __name__ == "__main__":
    sys.exit(main())
