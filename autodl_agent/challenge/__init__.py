"""The ChaLearn challenge: our agent as a submission, and programs that run and score any submission."""
