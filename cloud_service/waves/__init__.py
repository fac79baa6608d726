"""Waves that the clinic keeps: every stored chunk that devices sent, in files of their own beside the database."""
