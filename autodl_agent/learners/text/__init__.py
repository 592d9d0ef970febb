"""Learners for text data."""
