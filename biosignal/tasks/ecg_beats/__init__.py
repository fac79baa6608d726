"""Heartbeats and their classes."""
