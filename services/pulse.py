"""How often long work on an answer shows a sign of life; a lease is never shorter than three of these."""

PULSE_SECONDS = 3.0
