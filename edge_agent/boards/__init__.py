"""The verbs for serial boards."""
