#!/bin/sh
# Format, lint, types and import rules; every step runs, and one that fails fails the whole.
set -eu
cd "$(dirname "$0")/.."

scripts/venv.sh requirements-dev.txt

failed=
step() {
    echo "== $*"
    ".venv/bin/$@" || failed="$failed $1"
}

step ruff format --check .
step ruff check .
step mypy
step lint-imports
step python -m scripts.seed_coverage --check

if [ -n "$failed" ]; then
    echo "Not in order:$failed" >&2
    exit 1
fi
