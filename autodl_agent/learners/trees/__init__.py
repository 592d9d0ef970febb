"""Tree ensembles on feature matrices, shared by domains."""
