"""Measures how fast ftpdock is, beside its limits and its rivals. Nothing of it is installed or shipped."""
