"""Makes an access token for a person, which is shown once and stored only as a hash; or ends all that a person has.

    python -m scripts.issue_token USER [--days 90]
    python -m scripts.issue_token USER --revoke
    python -m scripts.issue_token --worker USER [--name NAME] [--days 90]
    python -m scripts.issue_token --worker USER --revoke

Each user sees the interviews that they started, and no others. Signed tokens (JWT) are their issuer's to end.
A worker key (`--worker`) lets a program transcribe this person's answers and do nothing else; without `--worker`,
`--revoke` ends those of the person, too.
"""

import argparse
import sys
from datetime import timedelta

from config import Settings
from scripts.given_database import run_on_given_database
from services.access import Access
from services.audit import Audit
from services.models import Caller
from services.storage.audit import AuditStore
from services.storage.client import MongoDatabase
from services.storage.sessions import SessionStore
from services.storage.tokens import TokenStore
from services.storage.worker_keys import WorkerKeyStore
from services.worker_keys import WorkerKeys

MOST_DAYS = 3650
# In the audit log: whoever has a shell on this database.
OPERATOR = Caller("operator", role="admin")


def main() -> int:
    """The exit code: 0 done, 1 the database could not be reached, 2 settings that cannot be used."""
    arguments = _arguments()

    def work(_: Settings, database: MongoDatabase) -> None:
        access, audit = Access(TokenStore(database), SessionStore(database)), Audit(AuditStore(database))
        user = arguments.user
        if arguments.worker:
            _of_worker(arguments, WorkerKeys(WorkerKeyStore(database), audit))
            return
        audit.record("token.revoke" if arguments.revoke else "token.create", OPERATOR, owner_id=user)
        if arguments.revoke:
            print(f"Tokens revoked: {access.revoke(user)}")
        else:
            print(access.issue(Caller(user), valid_for=timedelta(days=arguments.days)))

    return run_on_given_database(work)


def _of_worker(arguments: argparse.Namespace, keys: WorkerKeys) -> None:
    if arguments.revoke:
        print(f"Worker keys revoked: {keys.revoke_of(OPERATOR, arguments.user)}")
    else:
        print(keys.make(OPERATOR, arguments.user, arguments.name, days=arguments.days)[1])


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="issue_token", description=(__doc__ or "").split("\n\n", maxsplit=1)[0])
    parser.add_argument("user", help="whose token it is: 1 to 64 printable characters", type=_user)
    parser.add_argument("--worker", action="store_true", help="a worker key: for transcribing this person's answers")
    parser.add_argument("--name", type=_user, default="worker", help="which worker has the key, for the list of keys")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--days", type=_days, default=90, help="how long it is valid (default 90)")
    what.add_argument("--revoke", action="store_true", help="end every token of this person, and what it has opened")
    return parser.parse_args()


def _user(text: str) -> str:
    if not 1 <= len(text) <= 64 or not text.isprintable():
        raise argparse.ArgumentTypeError("give 1 to 64 printable characters")
    return text


def _days(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 1 <= int(text[:6]) <= MOST_DAYS:
        raise argparse.ArgumentTypeError(f"give a number of days from 1 to {MOST_DAYS}")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
