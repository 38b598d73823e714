"""Every row of docs/reliability.md at its full count."""
