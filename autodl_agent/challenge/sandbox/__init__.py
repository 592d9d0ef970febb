"""A submission's process: started, supplied, watched and ended from outside, with everything it starts."""
