"""Stands in for PyCUDA."""
