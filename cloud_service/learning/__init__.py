"""Reviewed labels to data set to candidate to gates to signed release."""
