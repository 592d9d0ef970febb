"""Learners for video data."""
