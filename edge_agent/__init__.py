"""The daemon beside the patient."""
