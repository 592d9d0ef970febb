"""Whole runs on many data sets, each in a separate process, and policies replayed on recorded slices."""
