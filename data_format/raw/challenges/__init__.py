"""The formats of earlier AutoML challenges."""
