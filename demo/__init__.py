"""Starts the console scripts as a user would; imports nothing of the programs themselves."""
