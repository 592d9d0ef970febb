"""Scoring beside a running ingestion: what has been predicted so far, as files and as a page."""
