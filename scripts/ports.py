"""Whether a TCP port can be listened on."""

import os
import socket


def free_port() -> int:
    """A port on localhost that nothing listens on at this moment."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


def bind_error(host: str, port: int) -> str | None:
    """Why nobody can listen on `host:port` now ("Address already in use"), or None when one can."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        # create_server sets SO_REUSEADDR: a connection that was closed a moment ago does not count.
        socket.create_server((host, port), family=family).close()
    except OSError as error:
        return os.strerror(error.errno) if error.errno else str(error)
    return None
