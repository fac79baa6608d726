"""Signed model bundles: download, verify, trial, switch, roll back."""
