"""The model a run leaves: written while the run goes on, read again to predict new files, exported where possible.

A model folder holds `model.json` (task, weights, calibration, thresholds, what new inputs must look like, versions) and
`parts/LEARNER/FOLD/` with each learner's own files: JSON, .npz, LightGBM's text. Nothing in it can run code.
"""
