"""The any-time engine: rounds of slices, judged on held-out rows, blended into ever better predictions."""
