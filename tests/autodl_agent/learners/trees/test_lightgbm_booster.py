"""LightGBM says nothing, whichever thread grows its trees."""

import subprocess
import sys

CODE = """
import threading
import numpy as np
from autodl_agent.learners.trees.lightgbm_booster import GrowingBooster, TreeSettings
x = np.zeros((40, 2), np.float32)
y = np.eye(2, dtype=np.float32)[np.arange(40) % 2]
booster = GrowingBooster(x, [], y, True, TreeSettings(0.1, 7, 5, 1.0, 1.0, 0.0, 0))
thread = threading.Thread(target=booster.grow)
thread.start()
thread.join()
print(booster.rounds)
"""


def test_a_booster_is_quiet_in_a_thread_that_did_not_make_it():
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, timeout=60, check=True)
    assert (done.stdout, done.stderr) == ("1\n", "")
