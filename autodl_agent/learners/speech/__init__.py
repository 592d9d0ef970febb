"""Learners for speech data."""
