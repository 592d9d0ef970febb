"""Labelled files: class folders, lists of labels, single files."""
