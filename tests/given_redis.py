"""A place for tests in a Redis that others use as well."""

from collections.abc import Iterator
from contextlib import contextmanager
from secrets import token_hex
from urllib.parse import urlencode, urlsplit, urlunsplit

import redis

MARK = "parley-test-run"
# Redis has sixteen of them unless configured otherwise; the last is the least likely to be in use.
NUMBERS = range(15, 0, -1)


class NoEmptyDatabase(Exception):
    """Raised when every database of the server holds something."""


@contextmanager
def empty_database(url: str) -> Iterator[str]:
    """The address of a database of this server that was empty, and is empty again afterwards."""
    for number in NUMBERS:
        address = _with_database(url, number)
        with redis.Redis.from_url(address) as client:
            if _take(client):
                try:
                    yield address
                finally:
                    client.flushdb()
                return
    raise NoEmptyDatabase("REDIS_URL: the tests need a database (1 to 15) that is empty, and leave the others alone")


def _take(client: redis.Redis) -> bool:
    """Two runs may look at the same time: the mark belongs to one of them."""
    if client.dbsize() or not client.set(MARK, token_hex(8), nx=True):
        return False
    if client.dbsize() == 1:
        return True
    client.delete(MARK)
    return False


def _with_database(url: str, number: int) -> str:
    parts = urlsplit(url)
    query = "&".join(filter(None, [urlencode({"db": number}), parts.query]))
    return urlunsplit(parts._replace(query=query))
