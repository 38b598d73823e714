"""`make worker`: a transcription worker, started again when it dies by itself.

A worker is one process, since the model is loaded once per process; start as many as there is room for.
"""

import os
import sys
from contextlib import suppress

from config import SettingsError, load_settings
from scripts.supervisor import EXIT_CONFIGURATION, READY_FD, Patience, Supervisor

STOP_TIMEOUT_MS = 8_000


def say(line: str) -> None:
    print(f"The worker's supervisor: {line}", file=sys.stderr, flush=True)


def setup_broker() -> None:
    """Called by Dramatiq in the worker's process; tells its supervisor that from now on there may be work to finish."""
    # Not needed by the supervisor, and large.
    from tasks import worker  # noqa: PLC0415

    worker.setup_broker()
    with suppress(OSError), open(int(os.environ.pop(READY_FD)), "wb", buffering=0) as readiness:
        readiness.write(b".")


def main(arguments: list[str]) -> int:
    try:
        settings = load_settings()
    except SettingsError as problems:
        say(f"These settings cannot be used (.env.example explains them):\n{problems}")
        return EXIT_CONFIGURATION
    if settings.is_in_process or not settings.mongodb_uri:
        say("A worker needs REDIS_URL and MONGODB_URI, the same as the web tier's.")
        return EXIT_CONFIGURATION
    threads = ("--threads", str(settings.worker_threads), "--worker-shutdown-timeout", str(STOP_TIMEOUT_MS))
    command = (
        sys.executable,
        "-m",
        "dramatiq",
        "scripts.worker:setup_broker",
        "--processes",
        "1",
        # What waits in the others is for the side workers of the same process (tasks/side_workers.py).
        "--queues",
        "transcription",
        *threads,
        *arguments,
    )
    # Without this a worker takes messages that another, idle one could work on.
    environment = {**os.environ, "dramatiq_queue_prefetch": "1"}
    return Supervisor(command, environment, Patience(), say, says_when_ready=True).run()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
