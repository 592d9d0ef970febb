"""What every learner sees: the task, its tensors, and which rows are held out."""
