"""Heartbeats: detection, intervals, classes, rhythm."""
