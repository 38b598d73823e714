#!/bin/sh
# A transcription worker under its supervisor; arguments go to Dramatiq.
set -eu
cd "$(dirname "$0")/.."

exec .venv/bin/python -m scripts.worker "$@"
