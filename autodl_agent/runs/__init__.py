"""One run: from a data set and a budget to a folder of predictions, a model and a report."""
