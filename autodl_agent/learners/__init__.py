"""Learners: the contract, the registry and one folder per domain."""
