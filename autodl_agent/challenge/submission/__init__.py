"""The agent as a submission: its `Model`, and the zip that holds it."""
