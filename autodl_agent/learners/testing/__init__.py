"""The contract as a shipped test battery, and learners that break it on purpose."""
