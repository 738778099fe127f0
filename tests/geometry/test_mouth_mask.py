"""The mouth mask: what OpenCV draws of the same points, and where it lies in a face."""

import cv2
import numpy as np
import pytest
import torch

from avfuse.data.pairs import View
from avfuse.data.synthetic import synthetic_clip
from avfuse.geometry.mouth_mask import OUTLINE, mouth_mask

HEIGHT, WIDTH = 72, 80


@pytest.fixture(scope="module")
def landmarks():
    """Three people, each in their own crop; the last one lies partly outside of it."""
    clips = [synthetic_clip(seed, seconds=0.05, size=64) for seed in (1, 2, 3)]
    view = View(HEIGHT)
    points = [view.points(c.landmarks[0], view.matrix(c.landmarks[0])) for c in clips]
    points[2] = points[2] + [30, 12]
    return torch.from_numpy(np.stack(points)).float()


def by_opencv(filled, erode, sigma):
    """A filled polygon, eroded and blurred."""
    eroded = cv2.erode(filled, np.ones((2 * erode + 1, 2 * erode + 1)))
    reach = int(np.ceil(3 * sigma))
    return cv2.GaussianBlur(eroded, (2 * reach + 1, 2 * reach + 1), sigma)


def inside(outline):
    """1 where a pixel's centre lies in the hull of the points, pixel by pixel."""
    hull = cv2.convexHull(outline)
    rows = [
        [cv2.pointPolygonTest(hull, (float(x), float(y)), False) >= 0 for x in range(WIDTH)]
        for y in range(HEIGHT)
    ]
    return np.array(rows, np.float32)


def test_agrees_with_opencv_pixel_by_pixel(landmarks):
    masks = mouth_mask(landmarks, HEIGHT, WIDTH, erode=0.025, blur=0.025)
    assert masks.shape == (3, 1, HEIGHT, WIDTH)
    for mask, points in zip(masks[:, 0].numpy(), landmarks.numpy(), strict=True):
        np.testing.assert_allclose(mask, by_opencv(inside(points[OUTLINE]), 2, 2.0), atol=1e-4)


def test_agrees_with_fillconvexpoly_but_for_its_wider_edge(landmarks):
    masks = mouth_mask(landmarks, HEIGHT, WIDTH, erode=0.025, blur=0.025)
    for mask, points in zip(masks[:, 0].numpy(), landmarks.numpy(), strict=True):
        filled = np.zeros((HEIGHT, WIDTH), np.float32)
        cv2.fillConvexPoly(filled, (points[OUTLINE] * 256).round().astype(np.int32), 1.0, shift=8)
        difference = np.abs(mask - by_opencv(filled, 2, 2.0))
        assert difference.max() < 0.25
        assert difference.mean() < 0.015


def test_each_face_is_drawn_as_if_alone(landmarks):
    together = mouth_mask(landmarks, HEIGHT, WIDTH)
    alone = torch.cat([mouth_mask(one[None], HEIGHT, WIDTH) for one in landmarks])
    torch.testing.assert_close(together, alone)
    assert mouth_mask(landmarks[:0], HEIGHT, WIDTH).shape == (0, 1, HEIGHT, WIDTH)


def test_covers_the_lips_and_neither_eyes_nor_background(landmarks):
    face = landmarks[:2]
    for mask, points in zip(
        mouth_mask(face, HEIGHT, WIDTH)[:, 0], face.round().long(), strict=True
    ):
        x, y = points.T
        assert mask[y[48:], x[48:]].min() > 0.9
        assert mask[y[60:], x[60:]].min() > 0.95
        assert mask[y[17:30], x[17:30]].max() < 1e-3
        assert mask[(y[3:14] + 3).clamp(max=HEIGHT - 1), x[3:14]].max() < 0.2
        assert mask.min() >= 0
        assert mask.max() <= 1 + 1e-6


def test_erosion_takes_away_and_blur_softens(landmarks):
    sharp, soft = (mouth_mask(landmarks, HEIGHT, WIDTH, blur=blur) for blur in (0.005, 0.04))
    assert sharp.diff(dim=-1).abs().max() > 2 * soft.diff(dim=-1).abs().max()
    torch.testing.assert_close(sharp[:2].sum(), soft[:2].sum(), rtol=0.02, atol=0)
    whole, less = (mouth_mask(landmarks, HEIGHT, WIDTH, erode=erode) for erode in (0.0, 0.06))
    assert (less <= whole).all()
    assert less.sum() < 0.7 * whole.sum()


def test_small_pictures_and_wide_blurs(landmarks):
    mask = mouth_mask(landmarks / 8, HEIGHT // 8, WIDTH // 8, blur=2.0)
    assert mask.isfinite().all()
