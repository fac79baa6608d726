"""A recording from one format into another: WFDB, EDF+, CSV, with or without what may name a person."""
