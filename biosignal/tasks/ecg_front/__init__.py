"""The front end: one small network that finds beats, fibrillation, and how far each lead can be trusted."""
