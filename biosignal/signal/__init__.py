"""Samples as they come: blocks, gaps, leads, filters."""
