"""Which learner works next, and for how long: a pure function of the history and the time left."""
