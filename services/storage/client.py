"""The connection to MongoDB: how it is opened, what it must be, and how its errors become ours."""

from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec, TypeVar

import pymongo
from pymongo import MongoClient
from pymongo.client_session import ClientSession
from pymongo.database import Database
from pymongo.errors import ConfigurationError, ConnectionFailure, OperationFailure, PyMongoError, WriteConcernError
from pymongo.read_concern import ReadConcern

from services.errors import Unavailable

P = ParamSpec("P")
T = TypeVar("T")
Document = dict[str, Any]
MongoDatabase = Database[Document]

# A call to a database that is down or hangs ends within seconds (the driver's own defaults: 30 s, and never).
SERVER_SELECTION_TIMEOUT_MS = 2_000
OPERATION_TIMEOUT_MS = 3_000
# Unauthorized, AuthenticationFailed.
REFUSED = (13, 18)


def connect(uri: str, database: str) -> MongoDatabase:
    """Open a client on `uri`; nothing is sent yet. Writes wait for the majority, times are aware UTC.

    Raises `Unavailable` for an address that cannot be used; its message never repeats the address.
    """
    try:
        client: MongoClient[Document] = MongoClient(
            uri,
            tz_aware=True,
            serverSelectionTimeoutMS=SERVER_SELECTION_TIMEOUT_MS,
            timeoutMS=OPERATION_TIMEOUT_MS,
            w="majority",
            appname="parley",
        )
    except (ConfigurationError, ValueError):
        # Without its cause, which may quote the address and with it a password.
        raise Unavailable("The address of the database cannot be used.", code="database_address") from None
    return client[database]


def in_transaction(client: MongoClient[Document], work: Callable[[ClientSession], T]) -> T:
    """Do `work` all or nothing, within the time-out of one call: left alone, the driver tries again for 120 s.

    Once it is committed the majority has what `work` wrote, and also what it read.
    """
    with pymongo.timeout(OPERATION_TIMEOUT_MS / 1000), client.start_session() as session:
        return session.with_transaction(work, read_concern=ReadConcern("majority"))


def reaching_mongodb(call: Callable[P, T]) -> Callable[P, T]:
    """Turn "the database did not answer, or not us" into `Unavailable`; any other error is a defect and passes."""

    @wraps(call)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return call(*args, **kwargs)
        except PyMongoError as error:
            if may_pass(error):
                raise Unavailable("The database does not answer at the moment.") from error
            if isinstance(error, OperationFailure) and error.code in REFUSED:
                raise Unavailable("The database refuses access with these credentials.") from error
            raise

    return wrapped


def may_pass(error: PyMongoError) -> bool:
    """Whether trying again later may succeed: lost connections, elections, time-outs."""
    return error.timeout or isinstance(error, ConnectionFailure | WriteConcernError) or _is_labelled_transient(error)


def _is_labelled_transient(error: PyMongoError) -> bool:
    return error.has_error_label("RetryableWriteError") or error.has_error_label("TransientTransactionError")


@reaching_mongodb
def is_replica_set(database: MongoDatabase) -> bool:
    """Whether the server is a replica set or a sharded cluster (change streams and transactions need one)."""
    hello = database.client.admin.command("hello")
    return "setName" in hello or hello.get("msg") == "isdbgrid"


@reaching_mongodb
def transaction_lifetime_seconds(database: MongoDatabase) -> int | None:
    """For how long the server keeps what a killed process was writing locked; None where it does not tell us."""
    name = "transactionLifetimeLimitSeconds"
    try:
        found: int = database.client.admin.command({"getParameter": 1, name: 1})[name]
    except OperationFailure:
        # A hosted server, or a user without that right.
        return None
    return found


@reaching_mongodb
def ping(database: MongoDatabase) -> None:
    """Raise `Unavailable` unless the server answers."""
    database.client.admin.command("ping")
