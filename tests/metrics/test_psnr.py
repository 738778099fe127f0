"""PSNR against scikit-image, and the legacy figure against arithmetic modulo 256."""

import cv2
import numpy as np
import pytest
import torch
from skimage.metrics import peak_signal_noise_ratio

from avfuse.metrics import PSNR, LegacyPSNR, psnr, psnr_legacy_uint8


def test_agrees_with_scikit_image(pictures, noisy):
    want = [
        peak_signal_noise_ratio(a.numpy(), b.numpy(), data_range=1.0)
        for a, b in zip(pictures, noisy, strict=True)
    ]
    np.testing.assert_allclose(psnr(noisy, pictures), want, atol=1e-3)


def test_closed_form():
    target = torch.full((2, 3, 8, 8), 0.5)
    off = target + torch.tensor([0.1, 0.01])[:, None, None, None]
    torch.testing.assert_close(psnr(off, target), torch.tensor([20.0, 40.0]), atol=1e-3, rtol=0)


def test_identical_pictures_have_a_hundred(pictures):
    """And one of them does not make the mean infinite."""
    assert psnr(pictures, pictures).eq(100).all()
    metric = PSNR()
    metric.update(torch.stack([pictures[0], pictures[0] + 0.1]), pictures[[0, 0]])
    assert metric.compute() == pytest.approx(60, abs=1e-3)


def test_is_the_mean_of_the_pictures(pictures, noisy):
    """Not the PSNR of the mean error, which is lower."""
    metric = PSNR()
    metric.update(noisy, pictures)
    assert metric.compute() == pytest.approx(psnr(noisy, pictures).mean().item(), abs=1e-4)
    pooled = -10 * (noisy - pictures).square().mean().log10()
    assert metric.compute() > pooled + 1


def wrapped_by_hand(a, b):
    errors = [((x - y) % 256) ** 2 % 256 for x, y in zip(a, b, strict=True)]
    return 20 * np.log10(255 / np.sqrt(sum(errors) / len(errors)))


def test_legacy_agrees_with_arithmetic_modulo_256():
    rng = np.random.default_rng(0)
    grey = rng.integers(0, 256, (2, 3, 1, 12, 9))  # grey already, so that no conversion has a say
    a, b = (torch.from_numpy(g).expand(-1, 3, -1, -1).float() / 255 for g in grey)
    levels = grey.reshape(2, 3, -1).tolist()
    want = [wrapped_by_hand(*pair) for pair in zip(*levels, strict=True)]
    np.testing.assert_allclose(psnr_legacy_uint8(a, b, size=None), want, rtol=1e-6)


def test_legacy_sees_grey_pictures_of_256(pictures, noisy):
    """As the script: resized with the area method, then grey."""

    def seen(picture):
        frame = (picture.permute(1, 2, 0) * 255).round().byte().numpy()
        return cv2.cvtColor(
            cv2.resize(frame, (256, 256), interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2GRAY
        )

    want = [
        wrapped_by_hand(seen(a).ravel().tolist(), seen(b).ravel().tolist())
        for a, b in zip(pictures[:2], noisy[:2], strict=True)
    ]
    np.testing.assert_allclose(psnr_legacy_uint8(pictures[:2], noisy[:2]), want, rtol=1e-6)


def test_legacy_is_true_where_nothing_wraps():
    """Errors of at most 15 levels square to less than 256."""
    generator = torch.Generator().manual_seed(0)
    target, error = (
        torch.full((1, 1, 16, 16), 100),
        torch.randint(-15, 16, (1, 1, 16, 16), generator=generator),
    )
    prediction = (target + error).expand(-1, 3, -1, -1) / 255
    target = target.expand(-1, 3, -1, -1) / 255
    legacy = psnr_legacy_uint8(prediction, target, size=None)
    torch.testing.assert_close(legacy, psnr(prediction, target), atol=1e-3, rtol=0)


def test_legacy_metric_passes_its_size_on(pictures, noisy):
    metric = LegacyPSNR(size=None)
    metric.update(noisy, pictures)
    want = psnr_legacy_uint8(noisy, pictures, size=None).mean().item()
    assert metric.compute() == pytest.approx(want, abs=1e-4)
    assert psnr_legacy_uint8(noisy[:0], pictures[:0]).shape == (0,)
