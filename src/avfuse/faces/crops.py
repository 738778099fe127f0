"""Landmarks of crops as training has them."""

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from avfuse.faces.landmarks import LandmarkReader
from avfuse.geometry.box import Box


def read_landmarks(image: Float[Tensor, "B 3 H W"]) -> Float[Tensor, "B 68 2"]:
    """Read the landmarks of crops with the built-in network, in pixels.

    Args:
        image: crops around the face, as training has them; RGB in [0, 1].
    """
    crops = (image * 255).round().byte().permute(0, 2, 3, 1).cpu().numpy()
    reader = LandmarkReader()
    whole = Box(0.0, 0.0, float(image.shape[-1]), float(image.shape[-2]))
    with torch.autocast(image.device.type, enabled=False):  # NumPy has no bfloat16
        points = np.stack([reader.read(crop, whole)[0] for crop in crops])
    return torch.from_numpy(points).to(image)
