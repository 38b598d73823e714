"""The fault run: kills and starves every part while interviews go on, and accounts for every answer at the end."""
