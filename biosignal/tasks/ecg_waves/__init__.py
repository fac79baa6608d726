"""Bounds of P wave, QRS complex and T wave, and the intervals between them."""
