"""The 68 points of a face, in iBUG order, and pictures that they lie in."""

import numpy as np
from jaxtyping import Float, UInt8

Image = UInt8[np.ndarray, "size size 3"]
Points = Float[np.ndarray, "P 2"]

MIRRORED = np.array(
    [
        *(*range(16, -1, -1), *range(26, 16, -1)),  # jaw, brows
        *(*range(27, 31), *range(35, 30, -1)),  # nose
        *(45, 44, 43, 42, 47, 46, 39, 38, 37, 36, 41, 40),  # eyes
        *(*range(54, 47, -1), *range(59, 54, -1)),  # outer lips
        *(*range(64, 59, -1), 67, 66, 65),  # inner lips
    ]
)
"""Which point takes a point's place when left and right change places."""
