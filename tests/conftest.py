"""One thread for linear algebra, as in every run: on busy cores OpenBLAS's own threads wait more than they work.

And no worker process where a test does not ask for one: each would load TensorFlow for some seconds.
"""

import os

from autodl_agent.machine import calm_blas

calm_blas()
os.environ["AUTODL_WORKER"] = "off"
