"""The pulse: the one witness of a heart that no ECG lead knows of."""
