"""Prints how many threads a worker process has, for `scripts/worker.sh`; exits with 2 when it cannot run."""

import sys

from config import SettingsError, load_settings


def main() -> int:
    try:
        settings = load_settings()
    except SettingsError as problems:
        print(f"These settings cannot be used (.env.example explains them):\n{problems}", file=sys.stderr)
        return 2
    if settings.is_in_process or not settings.mongodb_uri:
        print("A worker needs REDIS_URL and MONGODB_URI, the same as the web tier's.", file=sys.stderr)
        return 2
    print(settings.worker_threads)
    return 0


if __name__ == "__main__":
    sys.exit(main())
