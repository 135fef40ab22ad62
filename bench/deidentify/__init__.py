"""Hilum's de-identification beside that of others: what is left of what was planted, and how fast."""
