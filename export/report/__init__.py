"""What the analysis says of sets of recordings, held against what people said: ``python -m export evaluate``."""
