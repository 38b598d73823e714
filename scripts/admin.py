"""Operators' work from a shell: answers that failed or wait, the queue, erasing and taking along.

    python -m scripts.admin list --status failed
    python -m scripts.admin retry ANSWER_ID …        or: retry --status failed --code poison --yes
    python -m scripts.admin erase SESSION_ID

It works on the database of the settings, as the service does, and every decision is in the audit log.
"""

import argparse
import sys
from collections.abc import Sequence

from config import Settings
from scripts.admin_commands import COMMANDS
from scripts.admin_output import Output
from scripts.given_database import run_on_given_database
from services.administration import MOST_AT_ONCE, Action
from services.container import build_services
from services.errors import TranscriberUnavailable, Unavailable
from services.jobs import JobQueue
from services.log import configure_logging
from services.models import AnswerRef, Status
from services.storage.client import MongoDatabase
from services.transcribers import Transcriber
from tasks.broker import build_broker
from tasks.queue import DramatiqQueue

LISTED = [str(each) for each in Status if each is not Status.COMPLETED]


class LeftToTheSweep:
    """The queue inside the one web process cannot be reached from a shell: its sweep sends what waits within 40 s."""

    def transcribe_answer(self, ref: AnswerRef) -> None:
        raise Unavailable("Nothing is sent from a shell.")

    def give_feedback(self, job_id: str) -> None:
        raise Unavailable("Nothing is sent from a shell.")

    def deliver_webhook(self, delivery_id: str) -> None:
        raise Unavailable("Nothing is sent from a shell.")


def main(given: Sequence[str] | None = None) -> int:
    """The exit code: 0 done, 1 refused or the database is away, 2 arguments or settings that cannot be used."""
    arguments = _parser().parse_args(given)
    refused = []

    def work(settings: Settings, database: MongoDatabase) -> None:
        # What is said on standard output may be read by a program.
        configure_logging("ERROR", "json")
        services = build_services(settings, database, _queue_of(settings), _no_transcriber)
        try:
            if not COMMANDS[arguments.command](services, arguments, Output(as_json=arguments.json)):
                refused.append(arguments.command)
        finally:
            services.live.close()

    return run_on_given_database(work) or int(bool(refused))


def _queue_of(settings: Settings) -> JobQueue:
    return LeftToTheSweep() if settings.redis_url is None else DramatiqQueue(build_broker(settings.redis_url))


def _no_transcriber() -> Transcriber:
    raise TranscriberUnavailable("Nothing is transcribed in a shell.")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="admin", description=(__doc__ or "").split("\n\n", maxsplit=1)[0])
    parser.add_argument("--json", action="store_true", help="for programs: JSON instead of a table")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _add_filter(commands.add_parser("list", help="answers by their status"), default="failed", most=200)
    commands.add_parser("show", help="one answer").add_argument("answer_id")
    for action in Action:
        decision = commands.add_parser(action, help=f"{action} answers, by their ids or by a filter")
        decision.add_argument("answer_ids", nargs="*", metavar="ANSWER_ID")
        _add_filter(decision, default=None, most=MOST_AT_ONCE)
        decision.add_argument("--yes", action="store_true", help="do not ask before a filter decides about many")
        if action is Action.FAIL:
            decision.add_argument("--message", help="what the answers' owners read")
    flags = commands.add_parser("flags", help="feature flags: list them, set NAME PERCENT (0 is off), reset NAME")
    flags.add_argument("flags_action", nargs="?", choices=("list", "set", "reset"), default="list", metavar="ACTION")
    flags.add_argument("flag_name", nargs="?", metavar="NAME")
    flags.add_argument("percent", nargs="?", type=float, metavar="PERCENT")
    commands.add_parser("queue", help="how much waits and is worked on")
    commands.add_parser("sweep", help="send again what is due, finish what was cut short")
    erase = commands.add_parser("erase", help="erase an interview, or a person with --person")
    erase.add_argument("subject", metavar="SESSION_ID|USER_ID")
    erase.add_argument("--person", action="store_true", help="a person: all their interviews, tokens and the rest")
    erase.add_argument("--yes", action="store_true", help="do not ask")
    export = commands.add_parser("export", help="write an interview into a zip")
    export.add_argument("session_id")
    export.add_argument("--to", metavar="FILE", help="default: interview-SESSION_ID.zip, in this directory")
    return parser


def _add_filter(parser: argparse.ArgumentParser, *, default: str | None, most: int) -> None:
    parser.add_argument("--status", choices=LISTED, default=default)
    parser.add_argument("--code", help="only with this error code")
    parser.add_argument("--limit", type=int, choices=range(1, most + 1), default=most, metavar=f"1-{most}")


if __name__ == "__main__":
    sys.exit(main())
