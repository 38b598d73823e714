"""A worker as a process of its own, to be stopped while it holds its claims: `python -m tests.storage.stopped_worker`.

Arguments: the database's address and name, then session ids. It claims the answer to q1 of each and says so; for a line
on its standard input it tries every write with every claim, and says what came of each.
"""

import sys

from services.errors import LeaseLost
from services.storage.client import connect
from tests.stores import MODEL, build_stores, transcript_of


def main(uri: str, name: str, *session_ids: str) -> None:
    stores = build_stores(connect(uri, name))
    refs = [each.ref for each in stores.open.all() if each.ref.session_id in session_ids]
    claims = [stores.claim(ref, "stopped") for ref in refs]
    print(len(claims), flush=True)
    sys.stdin.readline()
    for claim in claims:
        for write in (
            stores.answers.hold,
            stores.begin,
            lambda claim: stores.hear(claim, 0, "late"),
            stores.answers.release,
            lambda claim: stores.answers.fail(claim, code="late", message="late", keeps_audio=False),
            lambda claim: stores.answers.complete(claim, transcript_of("late"), MODEL),
        ):
            try:
                write(claim)
            except LeaseLost:
                print("lost")
            else:
                print("written")
    stores.database.client.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
