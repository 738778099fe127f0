"""The 73 points by which a face is drawn, 25 of which speech moves, among the 468 dense ones.

The paper's template is its tracker's own and not published; this one has as many points of each
part. Left and right are the picture's.
"""

import numpy as np

from avfuse.geometry import dense

_CONTOUR = dense.JAW[[0, 1, 3, 4, 6, 7, 9, 10, 11, 13, 14, 16, 17, 19, 20]]
_BROW = np.array([70, 105, 107, 55, 52, 46])
_NOSE = np.array([168, 197, 195, 5, 4, 64, 98, 97, 2, 326, 327, 294])
_LIPS = np.concatenate(
    [dense.OUTER_LIPS[[0, 2, 4, 5, 6, 8, 10, 12, 14, 15, 16, 18]], dense.INNER_LIPS[[3, 5, 7]],
     dense.INNER_LIPS[[13, 15, 17]]]
)  # fmt: skip

DENSE = np.concatenate(
    [_CONTOUR, _BROW, dense.mirrored()[_BROW], dense.LEFT_EYE[::2], dense.RIGHT_EYE[::2], _NOSE,
     _LIPS]
)  # fmt: skip
"""Which dense point each of the 73 is."""

MOUTH = [*range(4, 11), *range(55, 73)]
"""Those that speech moves: the jaw around the chin, and the lips."""

REST = [point for point in range(len(DENSE)) if point not in MOUTH]
"""Those that it does not."""

LINES = (
    [*range(15)],  # contour, from ear to ear
    [*range(15, 21), 15],  # brows
    [*range(21, 27), 21],
    [*range(27, 35), 27],  # eyes
    [*range(35, 43), 35],
    [*range(43, 48)],  # bridge of the nose, from above
    [*range(48, 55)],  # its base, from left to right
    [*range(55, 67), 55],  # outer lips
    [55, 67, 68, 69, 61, 70, 71, 72, 55],  # inner lips, through the corners
)
"""Points that are joined, in order."""

INNER_LIPS = [55, 67, 68, 69, 61, 70, 71, 72]
"""The ring around what opens."""
