"""Any-time multi-label classification of any kind of data under a time budget."""
