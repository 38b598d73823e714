"""`make fuzz`: requests after the API's own document, then damaged recordings. No 5xx, every file categorised."""

import argparse
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from config import ROOT
from scripts.fuzz.api import check_api, visits
from scripts.started_service import StartedService

# What is tried here is not how much one may ask.
UNLIMITED = "100000000/second"
SETTINGS = {
    "WHISPER_MODEL": "demo",
    "RATE_LIMIT": UNLIMITED,
    "RATE_LIMIT_UPLOADS": UNLIMITED,
    "RATE_LIMIT_COSTLY": UNLIMITED,
    "DAILY_BYTES_PER_OWNER": "0",
    "DAILY_AUDIO_MINUTES_PER_OWNER": "0",
}


def main() -> int:
    """The exit code: 1 where anything was found."""
    arguments = _arguments()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    failed = []
    if arguments.only in (None, "api"):
        failed += _fuzz_api(arguments.seed, arguments.minutes)
    if arguments.only in (None, "recordings"):
        command = [sys.executable, "-m", "scripts.fuzz.recordings", "--seed", str(arguments.seed)]
        failed += ["recordings"] if subprocess.run(command, cwd=ROOT, check=False).returncode else []
    print(f"FOUND something with FUZZ_SEED={arguments.seed}: {', '.join(failed)}" if failed else "Nothing was found.")
    return 1 if failed else 0


def _fuzz_api(seed: int, minutes: float) -> list[str]:
    with tempfile.TemporaryDirectory(prefix="parley-fuzz-") as directory:
        service = StartedService(Path(directory) / "service", SETTINGS)
        with service:
            service.wait_until_ready()
            failed, planned = [], visits(service.url, service.token)
            bounds = ["--max-time", str(max(1, round(60 * minutes / len(planned))))]
            for visit in planned:
                print(f"== schemathesis as {visit.name}, seed {seed}", flush=True)
                if check_api(service.url, Path(directory), visit, seed=seed, bounds=bounds):
                    failed.append(f"the API as {visit.name}")
        if "Traceback" in (said := service.log.read_text(errors="replace")):
            print(said[said.index("Traceback") - 500 :][:5000], file=sys.stderr)
            failed.append("a traceback in the service's log")
    return failed


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make fuzz", description=(__doc__ or "").partition(": ")[2])
    minutes, seed = os.environ.get("FUZZ_MINUTES") or "3", os.environ.get("FUZZ_SEED") or "0"
    parser.add_argument("--minutes", type=float, default=float(minutes), help="for requests (FUZZ_MINUTES, default 3)")
    parser.add_argument("--seed", type=int, default=int(seed), help="other requests and files (FUZZ_SEED, default 0)")
    parser.add_argument("--only", choices=("api", "recordings"), help="one of the two; FUZZ_FILES says how many files")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
