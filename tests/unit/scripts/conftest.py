import socket
from collections.abc import Iterator

import pytest


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """Something else that listens on a port of localhost."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server
