"""Shapes laid onto a shape: what is left when place, turn and size are taken out."""

import numpy as np
from jaxtyping import Float


def aligned(
    shapes: Float[np.ndarray, "T P 3"], target: Float[np.ndarray, "P 3"]
) -> Float[np.ndarray, "T P 3"]:
    """Each shape laid onto the target by the least-squares similarity (Umeyama 1991)."""
    offsets = shapes - shapes.mean(1, keepdims=True)
    wanted = target - target.mean(0)
    u, stretch, v = np.linalg.svd(np.swapaxes(offsets, 1, 2) @ wanted)
    mirror = np.ones_like(stretch)
    mirror[:, 2] = np.sign(np.linalg.det(u @ v))
    scale = (stretch * mirror).sum(1) / (offsets**2).sum((1, 2))
    turned = offsets @ (u * mirror[:, None]) @ v
    return scale[:, None, None] * turned + target.mean(0)
