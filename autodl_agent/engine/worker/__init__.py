"""The second process, for learners that need TensorFlow: it may crash, hang or run out of memory without harm."""
