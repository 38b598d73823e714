"""A worker as a process of its own, to be killed while it scores: `python -m tests.unit.services.mortal_scorer`.

Arguments: the database's address and name, a session id, and at which of three points it says so and waits to be
killed: "scoring", "report" (written, and its transaction open), "done".
"""

import sys
import time

from services.storage.client import connect
from tests.scored import WordsProvider, scored_over


def wait_to_be_killed(*_: object, **__: object) -> None:
    print("now", flush=True)
    time.sleep(60)


def main(uri: str, name: str, session_id: str, point: str) -> None:
    provider = WordsProvider(is_instant=False)
    scored = scored_over(connect(uri, name), provider)
    if point == "scoring":
        provider.meanwhile = wait_to_be_killed
    elif point == "report":
        scored.store._sessions.update_one = wait_to_be_killed  # type: ignore[method-assign, assignment]
    scored.scoring.work(session_id)
    wait_to_be_killed()


if __name__ == "__main__":
    main(*sys.argv[1:])
