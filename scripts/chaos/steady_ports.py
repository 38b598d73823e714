"""Ports for servers that are stopped and started again, which no outgoing connection takes meanwhile."""

import random

from scripts.ports import bind_error

# Below what Linux gives to outgoing connections (net.ipv4.ip_local_port_range begins at 32768).
LOWEST, HIGHEST = 18_000, 32_000
_chance = random.SystemRandom()


def steady_port() -> int:
    """A port of 127.0.0.1 that nothing listens on."""
    while bind_error("127.0.0.1", port := _chance.randrange(LOWEST, HIGHEST)) is not None:
        pass
    return port
