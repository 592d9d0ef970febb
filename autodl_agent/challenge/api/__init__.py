"""How data are handed to a submission: the AutoDL interface, and those of AutoNLP and AutoSpeech."""
