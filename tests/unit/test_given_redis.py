from contextlib import ExitStack

import pytest
import redis

from tests.given_redis import NUMBERS, NoEmptyDatabase, empty_database

pytestmark = pytest.mark.redis


def test_what_others_keep_there_stays(own_redis_url: str):
    with redis.Redis.from_url(own_redis_url) as theirs, redis.Redis.from_url(f"{own_redis_url[:-1]}15") as used:
        theirs.set("parley:transcription", "a message")
        used.set("parley:transcription", "another")
        with empty_database(own_redis_url) as url, redis.Redis.from_url(url) as ours:
            assert "?db=14" in url
            ours.set("parley:transcription", "of the tests")
        assert (theirs.get("parley:transcription"), theirs.dbsize()) == (b"a message", 1)
        assert (used.get("parley:transcription"), used.dbsize()) == (b"another", 1)
        assert set(theirs.info("keyspace")) == {"db0", "db15"}


def test_two_runs_never_share_one(own_redis_url: str):
    with ExitStack() as stack:
        urls = {stack.enter_context(empty_database(own_redis_url)) for _ in NUMBERS}
        assert len(urls) == len(NUMBERS)
        with pytest.raises(NoEmptyDatabase):
            stack.enter_context(empty_database(own_redis_url))
