"""Learners for tabular data."""
