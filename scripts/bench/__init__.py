"""What is timed: each against something run beside it, or printed with the machine and the load (never a test)."""
