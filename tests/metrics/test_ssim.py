"""SSIM against scikit-image, both the Gaussian one and the script's."""

import cv2
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from skimage.metrics import structural_similarity

from avfuse.metrics import ms_ssim, ssim, ssim_legacy

BORDER = 16  # pixels; wider than any window


def test_gaussian_agrees_with_scikit_image(pictures, noisy):
    """The two treat the border differently: it is made equal in both, where SSIM is 1."""
    framed = [F.pad(p[:3], (BORDER,) * 4, value=0.5) for p in (noisy, pictures)]
    side = framed[0].shape[-1]
    ours, lost = ssim(*framed), side**2 - (side - 10) ** 2  # scikit-image leaves out 5 pixels
    for value, a, b in zip(ours, *framed, strict=True):
        theirs = structural_similarity(
            a.double().numpy(),
            b.double().numpy(),
            channel_axis=0,
            data_range=1.0,
            gaussian_weights=True,
            sigma=1.5,
            use_sample_covariance=False,
        )
        with_border = (theirs * (side - 10) ** 2 + lost) / side**2
        assert value == pytest.approx(with_border, abs=1e-5)


@pytest.mark.parametrize("size", [None, 256, 64])
def test_legacy_agrees_with_scikit_image(pictures, noisy, size):
    def seen(picture):
        frame = (picture.permute(1, 2, 0) * 255).round().byte().numpy()
        if size is None:
            return frame
        return cv2.resize(frame, (size, size), interpolation=cv2.INTER_AREA)

    want = [
        structural_similarity(seen(a), seen(b), channel_axis=2)
        for a, b in zip(noisy[:3], pictures[:3], strict=True)
    ]
    np.testing.assert_allclose(ssim_legacy(noisy[:3], pictures[:3], size), want, atol=1e-6)


@pytest.mark.parametrize("function", [ssim, ssim_legacy, ms_ssim], ids=lambda f: f.__name__)
def test_identical_pictures_have_one_and_noise_costs(function, pictures, noisy):
    torch.testing.assert_close(function(pictures, pictures), torch.ones(len(pictures)))
    assert (function(noisy, pictures).diff() < 0).all()  # each is noisier than the one before


def test_ms_ssim_agrees_with_its_definition(pictures, noisy):
    """Contrast and structure of five scales, luminance of the last (Wang et al. 2003, eq. 7)."""
    a, b = noisy[:2].double(), pictures[:2].double()
    want = torch.ones(2, dtype=torch.float64)
    for scale, exponent in enumerate((0.0448, 0.2856, 0.3001, 0.2363, 0.1333)):
        luminance, structure = terms(a, b)
        whole = luminance * structure if scale == 4 else structure
        want *= whole.mean((1, 2, 3)) ** exponent
        a, b = (F.avg_pool2d(p, 2) for p in (a, b))
    # The definition leaves the border out, ours mirrors the picture there.
    torch.testing.assert_close(ms_ssim(noisy[:2], pictures[:2]).double(), want, atol=0.02, rtol=0)


def terms(a, b):
    axis = torch.arange(-5.0, 6.0, dtype=torch.float64)
    window = torch.exp(-(axis**2) / 4.5)
    window = torch.outer(window, window)
    kernel = (window / window.sum()).expand(3, 1, 11, 11)

    def local(values):
        return F.conv2d(values, kernel, groups=3)

    mean_a, mean_b = local(a), local(b)
    var_a, var_b = local(a * a) - mean_a**2, local(b * b) - mean_b**2
    luminance = (2 * mean_a * mean_b + 1e-4) / (mean_a**2 + mean_b**2 + 1e-4)
    return luminance, (2 * (local(a * b) - mean_a * mean_b) + 9e-4) / (var_a + var_b + 9e-4)


def test_ms_ssim_of_flat_pictures_in_closed_form():
    """Only the luminance of the coarsest scale differs from 1, exactly."""
    light, dark = torch.full((1, 3, 176, 176), 0.6), torch.full((1, 3, 176, 176), 0.2)
    luminance = (2 * 0.6 * 0.2 + 1e-4) / (0.6**2 + 0.2**2 + 1e-4)
    assert ms_ssim(light, dark).item() == pytest.approx(luminance**0.1333, abs=1e-3)


def test_ms_ssim_needs_room():
    with pytest.raises(ValueError, match="larger than 160"):
        ms_ssim(torch.rand(1, 3, 160, 200), torch.rand(1, 3, 160, 200))
