"""What the arrays that modules hand each other hold; names for readers, not new types."""

import numpy as np
from numpy.typing import NDArray

Labels = NDArray[np.float32]  # (n, classes) in [0, 1]


Probabilities = NDArray[np.float32]  # (n, classes) in [0, 1]


Rows = NDArray[np.int64]  # (n,) row numbers in a split


Logits = NDArray[np.float32]  # (n, classes) log-odds
