"""What pictures of faces go through in training: light, cameras, compression, things in front."""

import cv2
import numpy as np
from jaxtyping import Float, UInt8

from avfuse.faces.landmarks import SIZE
from avfuse.geometry.points import Image


def worn(image: Image, rng: np.random.Generator) -> Image:
    """Another light, skin and camera; things in front of the face."""
    image = _pixels(cv2.LUT(cv2.transform(image, _colours(rng)), _tones(rng)))
    if rng.random() < 0.4:
        image = _lit(image, rng)
    if rng.random() < 0.3:
        image = _hidden(image, rng)
    if rng.random() < 0.35:
        side = int(SIZE * rng.uniform(0.3, 0.9))
        small = cv2.resize(image, (side, side), interpolation=cv2.INTER_AREA)
        image = _pixels(cv2.resize(small, (SIZE, SIZE), interpolation=cv2.INTER_LINEAR))
    elif rng.random() < 0.3:
        image = _pixels(cv2.GaussianBlur(image, (0, 0), rng.uniform(0.4, 1.6)))
    if rng.random() < 0.25:
        quality = int(rng.integers(15, 70))
        file = cv2.imencode(".jpg", image, (cv2.IMWRITE_JPEG_QUALITY, quality))[1]
        decoded = cv2.imdecode(file, cv2.IMREAD_COLOR)
        assert decoded is not None
        image = _pixels(decoded)
    if rng.random() < 0.4:
        noise = rng.standard_normal(image.shape, np.float32) * rng.uniform(1, 12)
        image = _pixels(image + noise)
    return image


def shuffled(image: Image, rng: np.random.Generator) -> Image:
    """The picture's sixteen tiles in another order: a face's texture without a face."""
    tile = SIZE // 4
    tiles = image.reshape(4, tile, 4, tile, 3).swapaxes(1, 2).reshape(16, tile, tile, 3)
    mixed = tiles[rng.permutation(16)].reshape(4, 4, tile, tile, 3)
    return np.ascontiguousarray(mixed.swapaxes(1, 2).reshape(SIZE, SIZE, 3))


def _pixels(image: np.ndarray) -> Image:
    return np.asarray(image.clip(0, 255), np.uint8)


def _colours(rng: np.random.Generator) -> Float[np.ndarray, "3 3"]:
    """Mixes the channels: less or more saturation down to grey, and a tint."""
    grey = 1.0 if rng.random() < 0.12 else rng.uniform(-0.5, 0.7)
    luma = np.tile([0.3, 0.59, 0.11], (3, 1))
    mixed = grey * luma + (1 - grey) * (np.eye(3) + rng.normal(0, 0.06, (3, 3)))
    return (mixed * np.exp(rng.normal(0, 0.1, (3, 1)))).astype(np.float32)


def _tones(rng: np.random.Generator) -> UInt8[np.ndarray, "256"]:
    """Contrast, brightness and gamma."""
    tone = (np.arange(256) / 255) ** np.exp(rng.normal(0, 0.3))
    tone = 0.5 + (tone - 0.5) * rng.uniform(0.5, 1.4) + rng.normal(0, 0.12)
    return (tone * 255).clip(0, 255).astype(np.uint8)


def _lit(image: Image, rng: np.random.Generator) -> Image:
    """Uneven light: a smooth field of factors."""
    field = np.exp(rng.normal(0, 0.35, (3, 3))).astype(np.float32)
    factors = np.asarray(cv2.resize(field, (SIZE, SIZE), interpolation=cv2.INTER_LINEAR))
    return _pixels(image * factors[..., None])


def _hidden(image: Image, rng: np.random.Generator) -> Image:
    """Something in front: an ellipse or a bar of one colour."""
    image = image.copy()
    centre = [int(v) for v in rng.integers(0, SIZE, 2)]
    axes = [int(v) for v in rng.uniform(0.04, 0.22, 2) * SIZE]
    colour = [int(v) for v in rng.integers(0, 256, 3)]
    if rng.random() < 0.5:
        cv2.ellipse(
            image, centre, axes, float(rng.uniform(0, 180)), 0, 360, colour, -1, cv2.LINE_AA
        )
    else:
        end = [int(v) for v in rng.integers(0, SIZE, 2)]
        cv2.line(image, centre, end, colour, max(1, axes[0] // 2), cv2.LINE_AA)
    return image
