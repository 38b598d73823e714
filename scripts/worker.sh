#!/bin/sh
# A transcription worker: one process, since the model is loaded once per process; start as many as there is room for.
set -eu
cd "$(dirname "$0")/.."

# Without this a worker takes messages that another, idle one could work on.
export dramatiq_queue_prefetch=1

threads=$(.venv/bin/python -m scripts.worker_threads)
exec .venv/bin/python -m dramatiq tasks.worker:setup_broker --processes 1 --threads "$threads" --worker-shutdown-timeout 8000 "$@"
