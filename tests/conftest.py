"""One thread for linear algebra, as in every run: on busy cores OpenBLAS's own threads wait more than they work.

And no worker process where a test does not ask for one: each would load TensorFlow for some seconds. Nor copies of
learners that have done their work: small runs would take twice as long.
"""

import os

from autodl_agent import encore
from autodl_agent.machine import calm_blas

calm_blas()
os.environ["AUTODL_WORKER"] = "off"
encore.COPIES = 0
