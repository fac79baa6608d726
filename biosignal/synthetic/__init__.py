"""Signals made by formula and seed: for golden vectors, tests and demonstrations, never a person's."""
