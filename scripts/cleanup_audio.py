"""Removes recordings that nothing refers to any more, or that have outlived their retention. For cron.

    python -m scripts.cleanup_audio [--older-than 24h] [--dry-run]

A recording whose answer still waits for its transcript is never removed, however old it is.
"""

import argparse
import re
import sys
from datetime import timedelta

from config import Settings
from scripts.given_database import run_on_given_database
from services.retention import Retention
from services.storage.answers import AnswerStore
from services.storage.audio import AudioStore
from services.storage.client import MongoDatabase
from services.storage.retention_rules import RetentionRuleStore
from services.storage.sessions import SessionStore

# More is a slip of the hand, and soon reaches before the first date there is.
_LONGEST = timedelta(days=10 * 365)
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def main() -> int:
    """The exit code: 0 done, 1 the database could not be reached, 2 settings that cannot be used."""
    arguments = _arguments()

    def clean(settings: Settings, database: MongoDatabase) -> None:
        retention = Retention(
            AudioStore(database),
            AnswerStore(database, lease_seconds=settings.lease_seconds),
            SessionStore(database),
            RetentionRuleStore(database),
            failed_hours=settings.failed_audio_retention_hours,
        )
        count, length = _collect(retention, arguments.older_than, arguments.dry_run)
        print(f"{'Would remove' if arguments.dry_run else 'Removed'} {count} recordings, {length / 1e6:.1f} MB.")

    return run_on_given_database(clean)


def _collect(retention: Retention, older_than: timedelta, dry_run: bool) -> tuple[int, int]:
    count = length = 0
    for removal in retention.collect(older_than=older_than, dry_run=dry_run):
        print(f"{removal.file_id}  {removal.length_bytes:>10} bytes  {removal.reason}")
        count, length = count + 1, length + removal.length_bytes
    return count, length


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="cleanup_audio", description=(__doc__ or "").split("\n\n", maxsplit=1)[0])
    parser.add_argument(
        "--older-than",
        type=_duration,
        default=timedelta(hours=24),
        metavar="24h",
        help="leave uploads younger than this alone, they may be under way (30m, 24h, 7d; default 24h)",
    )
    parser.add_argument("--dry-run", action="store_true", help="only say what would be removed")
    return parser.parse_args()


def _duration(text: str) -> timedelta:
    found = re.fullmatch(r"(\d{1,6})([smhd])", text)
    if found is None:
        raise argparse.ArgumentTypeError("give a number and a unit: 30m, 24h, 7d")
    duration = timedelta(**{_UNITS[found[2]]: int(found[1])})
    if duration > _LONGEST:
        raise argparse.ArgumentTypeError(f"{_LONGEST.days}d (ten years) is the most")
    return duration


if __name__ == "__main__":
    sys.exit(main())
