#!/bin/sh
# Every test, with coverage, several files at a time; with arguments, which go to pytest, one after the other.
set -eu
cd "$(dirname "$0")/.."

scripts/venv.sh requirements-dev.txt
if [ $# = 0 ]; then
    # Each of them starts servers of its own. A file's tests stay together: they share what is slow to start.
    set -- --numprocesses auto --maxprocesses 4 --dist loadfile
fi
exec .venv/bin/python -m pytest --cov --cov-report=term "$@"
