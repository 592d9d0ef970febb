"""Learners for image data."""
