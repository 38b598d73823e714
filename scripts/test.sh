#!/bin/sh
# Every test, with coverage; arguments go to pytest.
set -eu
cd "$(dirname "$0")/.."

scripts/venv.sh requirements-dev.txt
exec .venv/bin/python -m pytest --cov --cov-report=term "$@"
