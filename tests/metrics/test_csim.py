"""Identity, as the cosine between embeddings."""

import math

import numpy as np
import torch

from avfuse.metrics import CSIM, csim


def test_agrees_with_numpy():
    a, b = torch.randn(2, 5, 512, generator=torch.Generator().manual_seed(0))
    x, y = a.double().numpy(), b.double().numpy()
    want = (x * y).sum(1) / np.linalg.norm(x, axis=1) / np.linalg.norm(y, axis=1)
    np.testing.assert_allclose(csim(a, b), want, atol=1e-6)


def test_closed_form():
    one = torch.tensor([[1.0, 0.0]]).expand(4, -1)
    angles = torch.tensor([0, math.pi / 3, math.pi / 2, math.pi])
    other = 7 * torch.stack([angles.cos(), angles.sin()], 1)  # length plays no part
    torch.testing.assert_close(csim(other, one), torch.tensor([1, 0.5, 0, -1]), atol=1e-6, rtol=0)


def test_a_face_that_was_not_found_is_left_out():
    metric = CSIM()
    embeddings = torch.tensor([[1.0, 0.0], [torch.nan, torch.nan]])
    metric.update(embeddings, torch.tensor([[1.0, 0.0], [0.0, 1.0]]))
    assert metric.compute() == 1
