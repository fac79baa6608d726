"""Seizure candidates at an engineer's desk: scored on recordings, and their limits tuned."""
