"""Stretches of EEG that may be a seizure, for a person to review."""
