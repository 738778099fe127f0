"""The mouth alone: against the same scores over the square, cut out by hand."""

import math

import numpy as np
import pytest
import torch
from torchmetrics.functional.image import peak_signal_noise_ratio

from avfuse.metrics import MouthPSNR, Sharpness, mouth_l1, mouth_psnr, mouth_region, sharpness


def square(points, side):
    """1.7 mouth widths around the mean of the mouth's points, as rows and columns."""
    half = 0.85 * math.dist(points[48], points[54])
    x, y = points[48:68].double().mean(0).tolist()
    (top, bottom), (left, right) = (
        (min(max(round(edge), 0), side) for edge in (middle - half, middle + half))
        for middle in (y, x)
    )
    return slice(top, bottom), slice(left, right)


def cut(picture, points):
    """The square, from a picture that is one itself."""
    return picture[:, *square(points, picture.shape[-1])]


@pytest.fixture(scope="module")
def small(pictures, noisy, landmarks):
    """At 128², the protocol's size."""
    a, b = (torch.nn.functional.interpolate(p, (128, 128), mode="area") for p in (noisy, pictures))
    return a, b, landmarks * (128 / 192)


def test_region_is_the_square(small):
    region = mouth_region(small[2], 128, 128)
    for mask, points in zip(region, small[2], strict=True):
        want = torch.zeros(128, 128, dtype=torch.bool)
        want[square(points, 128)] = True
        assert mask[0].equal(want)


def test_region_ends_where_the_picture_does(landmarks):
    corner = landmarks[:1] - landmarks[:1, 48:68].mean(1, keepdim=True)
    region = mouth_region(corner, 40, 60)
    half = 0.85 * (corner[0, 54] - corner[0, 48]).norm()
    assert region.shape == (1, 1, 40, 60)
    assert region.sum() == half.round() ** 2
    assert region[0, 0, 0, 0]


def test_scores_are_those_of_the_square(small):
    a, b, landmarks = small
    squares = [(cut(x, p), cut(y, p)) for x, y, p in zip(a, b, landmarks, strict=True)]
    want = [peak_signal_noise_ratio(x, y, data_range=1.0).item() for x, y in squares]
    np.testing.assert_allclose(mouth_psnr(a, b, landmarks), want, atol=1e-3)
    want = [255 * (x - y).abs().mean().item() for x, y in squares]
    np.testing.assert_allclose(mouth_l1(a, b, landmarks), want, rtol=1e-4)


def test_what_lies_outside_does_not_count(small):
    _, b, landmarks = small
    region = mouth_region(landmarks, 128, 128)
    painted = torch.where(region, b, 0.3)
    assert mouth_psnr(painted, b, landmarks).eq(100).all()
    assert mouth_l1(painted, b, landmarks).eq(0).all()
    assert sharpness(painted, b, landmarks) == 1


def test_sharpness_agrees_with_numpy(pictures, blurred, landmarks):
    energy = np.zeros(2)
    for pair in zip(blurred, pictures, landmarks, strict=True):
        for index, picture in enumerate(pair[:2]):
            mouth = cut(picture, pair[2]).double().numpy()
            energy[index] += sum(np.square(np.diff(mouth, axis=axis)).sum() for axis in (1, 2))
    want = energy[0] / energy[1]
    assert sharpness(blurred, pictures, landmarks) == pytest.approx(want, rel=1e-4)
    assert want < 0.7


def test_noise_is_sharper_than_the_truth(noisy, pictures, landmarks):
    assert sharpness(noisy, pictures, landmarks) > 1.5


def test_sharpness_pools_energies(pictures, blurred, noisy, landmarks):
    """Two updates are the ratio of the sums, not the mean of two ratios."""
    metric = Sharpness()
    metric.update(blurred, pictures, landmarks)
    metric.update(noisy, pictures, landmarks)
    both = torch.cat([blurred, noisy]), pictures.repeat(2, 1, 1, 1), landmarks.repeat(2, 1, 1)
    assert metric.compute() == pytest.approx(sharpness(*both).item(), rel=1e-6)


def test_frames_without_a_mouth_are_left_out(pictures, noisy, landmarks):
    lost = landmarks.clone()
    lost[0], lost[1] = torch.nan, lost[1] + 1000
    values = mouth_psnr(noisy, pictures, lost)
    assert values.isnan().tolist() == [True, True] + [False] * (len(values) - 2)
    metric = MouthPSNR()
    metric.update(noisy, pictures, lost)
    assert metric.compute() == pytest.approx(values[2:].mean().item(), rel=1e-5)
