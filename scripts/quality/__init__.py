"""Measures what was heard against what is known to have been said, and writes docs/quality.md."""

import os

# Read when PyTorch is loaded, and for the same reason as in `services.transcribers.build`.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
