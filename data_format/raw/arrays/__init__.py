"""Arrays, data frames and lists in memory, read as data sets."""
