"""Statements about ten seconds of an ECG."""
