"""Eq. 5 of paper 002, term by term."""

import numpy as np
import torch

from avfuse.metrics import e_exp, e_ldmk


def test_e_exp_is_the_mean_absolute_error():
    prediction, target = torch.randn(2, 6, 29, generator=torch.Generator().manual_seed(0))
    want = [
        sum(np.linalg.norm([a - b]) for a, b in zip(p, t, strict=True)) / 29
        for p, t in zip(prediction.tolist(), target.tolist(), strict=True)
    ]
    np.testing.assert_allclose(e_exp(prediction, target), want, rtol=1e-5)


def test_e_ldmk_is_the_mean_distance(landmarks, moved):
    a, b = moved[:, 48:68], landmarks[:, 48:68]
    want = [
        sum(np.linalg.norm(np.subtract(x, y)) for x, y in zip(p, t, strict=True)) / 20
        for p, t in zip(a.tolist(), b.tolist(), strict=True)
    ]
    np.testing.assert_allclose(e_ldmk(a, b), want, rtol=1e-4)


def test_e_ldmk_counts_where_the_head_is(landmarks):
    shifted = landmarks + torch.tensor([3.0, 4.0])
    torch.testing.assert_close(
        e_ldmk(shifted, landmarks), torch.full((10,), 5.0), rtol=1e-4, atol=0
    )
