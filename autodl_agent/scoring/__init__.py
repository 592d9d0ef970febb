"""Scores of predictions and runs: NumPy and `data_format` only; no learner is seen from here."""
