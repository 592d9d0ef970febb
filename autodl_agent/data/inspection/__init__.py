"""What can be said of a data set without learning from it."""
