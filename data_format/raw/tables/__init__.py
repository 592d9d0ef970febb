"""Tables in any text or binary format, read into columns."""
