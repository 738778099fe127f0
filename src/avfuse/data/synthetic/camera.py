"""The camera: exposure, colour cast, focus, noise."""

import cv2
import numpy as np
from jaxtyping import UInt8

Frame = UInt8[np.ndarray, "H W 3"]


class Camera:
    """One camera in one light. Frame i is the same whichever frames were taken before."""

    def __init__(self, size: int, rng: np.random.Generator) -> None:
        """Of frames of size x size pixels."""
        self._tones = _tones(rng)
        self._blur = max(0.0, float(rng.uniform(-0.4, 0.8)) * size / 256)
        # One field of noise, cut anew for each frame: far cheaper than fresh noise.
        noise = rng.normal(0, rng.uniform(0, 4), (2 * size, 2 * size, 1))
        noise = noise + rng.normal(0, rng.uniform(0, 2), (2 * size, 2 * size, 3))
        self._noise = np.round(noise).clip(-127, 127).astype(np.int8)
        self._offsets = rng.integers(0, size, (997, 2))

    def take(self, image: Frame, index: int) -> Frame:
        """Frame `index` of what is before the camera."""
        if self._blur > 0.2:
            image = np.asarray(cv2.GaussianBlur(image, (0, 0), self._blur), np.uint8)
        toned = cv2.LUT(image, self._tones)
        y, x = self._offsets[index % len(self._offsets)]
        grain = self._noise[y : y + len(image), x : x + len(image)]
        return np.asarray(cv2.add(toned, grain, dtype=cv2.CV_8U), np.uint8)


def _tones(rng: np.random.Generator) -> UInt8[np.ndarray, "1 256 3"]:
    """Each channel's curve: gain, gamma, and a floor that takes the contrast down."""
    level = np.arange(256)[:, None] / 255
    gain = rng.uniform(0.8, 1.15) * rng.uniform(0.93, 1.07, 3)
    curve = (level * gain).clip(0, 1.2) ** rng.uniform(0.85, 1.2)
    floor = rng.uniform(0, 0.08)
    return np.round(255 * (floor + (1 - floor) * curve).clip(0, 1)).astype(np.uint8)[None]
