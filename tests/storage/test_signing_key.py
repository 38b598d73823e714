"""The key that addresses for uploads are signed with: one, whoever comes first."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

from services.storage.client import MongoDatabase
from services.storage.signing_key import KEY_BYTES, SigningKeyStore


def test_of_many_processes_at_once_one_makes_the_key_and_all_have_it(database: MongoDatabase):
    for _ in range(10):
        database["signing_keys"].delete_many({})
        barrier = Barrier(8)

        def first_use(_: int, barrier: Barrier = barrier) -> bytes:
            store = SigningKeyStore(database)
            barrier.wait()
            return store.for_uploads()

        with ThreadPoolExecutor(8) as processes:
            keys = set(processes.map(first_use, range(8)))
        assert len(keys) == 1
        assert database["signing_keys"].count_documents({}) == 1
        (key,) = keys
        assert (len(key), SigningKeyStore(database).for_uploads()) == (KEY_BYTES, key)


def test_another_installation_has_another_key(database: MongoDatabase):
    first = SigningKeyStore(database).for_uploads()
    database["signing_keys"].delete_many({})
    assert SigningKeyStore(database).for_uploads() != first
