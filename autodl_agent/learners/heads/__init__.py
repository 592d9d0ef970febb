"""Linear and kernel models on top of features, shared by domains: see README.md."""
