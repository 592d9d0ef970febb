"""Whole runs on many data sets as processes of their own: measured, written down line by line, and compared."""
