"""Measures what was heard against what is known to have been said, and writes docs/quality.md."""
