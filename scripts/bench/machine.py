"""What the figures were measured on."""

import os
import platform
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

from pymongo import MongoClient

PACKAGES = ("gunicorn", "flask", "pymongo", "simple-websocket", "dramatiq", "redis")


def describe_machine(mongodb_uri: str) -> Iterator[str]:
    """Lines with the processor, the load of others and the versions."""
    client: MongoClient[dict[str, Any]] = MongoClient(mongodb_uri)
    with client:
        mongod = client.server_info()["version"]
    yield describe_processor()
    packages = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    yield f"Python {platform.python_version()}, MongoDB {mongod}, {packages}"


def describe_processor() -> str:
    """One line with the system, the processor and its load."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    load = ", ".join(f"{each:.1f}" for each in os.getloadavg())
    return f"{platform.system()} {platform.machine()}, {_processor()}, {cores} cores, load before the start {load}"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next(
        (line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown processor"
    )
