"""Manifold projection, by the least squares of other libraries."""

import numpy as np
import pytest
import torch
from scipy.optimize import minimize
from scipy.spatial import cKDTree

from avfuse.methods.live_speech_portraits.manifold import Manifold, barycentric, nearest


def randn(*shape, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def solved(h, near, ridge):
    """Eq. 2 by lstsq: the sum constraint leaves K - 1 numbers, the ridge is K rows more."""
    count = len(near)
    power = np.square(h - near).sum(1).mean()
    begin, basis = np.full(count, 1 / count), np.linalg.svd(np.ones((1, count)))[2][1:].T
    rows = np.concatenate([near.T, np.sqrt(ridge * power) * np.eye(count)])
    wanted = np.concatenate([h, np.zeros(count)])
    free = np.linalg.lstsq(rows @ basis, wanted - rows @ begin, rcond=None)[0]
    return begin + basis @ free


@pytest.mark.parametrize("ridge", [0.0, 1e-3, 0.5])
@pytest.mark.parametrize(("features", "count"), [(32, 10), (512, 10), (12, 5)])
def test_weights_are_those_of_least_squares(features, count, ridge):
    h, near = randn(7, features), randn(7, count, features, seed=1)
    weights = barycentric(h, near, ridge)
    for number in range(7):
        wanted = solved(h[number].numpy(), near[number].numpy(), ridge)
        np.testing.assert_allclose(weights[number].numpy(), wanted, rtol=1e-6, atol=1e-8)


def test_no_weights_of_sum_1_do_better():
    """As a solver sees it that knows nothing of the matrix."""
    h, near = randn(6), randn(4, 6, seed=1)
    wanted = minimize(
        lambda w: np.square(h.numpy() - w @ near.numpy()).sum(),
        np.full(4, 0.25),
        method="SLSQP",
        constraints={"type": "eq", "fun": lambda w: w.sum() - 1},
        options={"ftol": 1e-12},
    )
    weights = barycentric(h[None], near[None], 0.0)[0]
    np.testing.assert_allclose(weights.numpy(), wanted.x, atol=1e-5)


def test_what_lies_among_the_neighbours_is_made_exactly():
    near = randn(3, 5, 32)
    share = torch.rand(3, 5, dtype=torch.float64).softmax(1)
    h = torch.einsum("nk,nkd->nd", share, near)
    torch.testing.assert_close(barycentric(h, near, 0.0), share)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_neighbours_that_are_alike_share(dtype):
    one = randn(1, 8).to(dtype)
    weights = barycentric(one, one[:, None].expand(-1, 4, -1))
    torch.testing.assert_close(weights, torch.full((1, 4), 0.25, dtype=dtype))
    apart = barycentric(one + 1, one[:, None].expand(-1, 4, -1))
    torch.testing.assert_close(apart, torch.full((1, 4), 0.25, dtype=dtype))


def test_a_batch_is_each_by_itself():
    h, near = randn(6, 16).float(), randn(6, 10, 16, seed=2).float()
    alone = torch.cat([barycentric(h[i : i + 1], near[i : i + 1]) for i in range(6)])
    torch.testing.assert_close(barycentric(h, near), alone)


def test_nearest_are_those_of_a_tree():
    bank, h = randn(500, 24), randn(9, 24, seed=3)
    _, wanted = cKDTree(bank.numpy()).query(h.numpy(), 10)
    assert np.array_equal(nearest(h, bank, 10).numpy(), wanted)


class TestManifold:
    def test_unfitted_leaves_everything(self):
        h = torch.randn(3, 8)
        assert torch.equal(Manifold(20, 8)(h), h)

    def test_projects_onto_what_the_person_says(self):
        """A person whose speech is a plane: whatever is heard comes to lie in it, as near as can
        be."""
        plane, _ = torch.linalg.qr(randn(16, 2))
        said = randn(4000, 2, seed=1) @ plane.mT
        manifold = Manifold(4000, 16).double()
        manifold.fit(said)
        h = randn(50, 2, seed=2) @ plane.mT / 2 + randn(50, 16, seed=3) / 4
        onto = h @ plane @ plane.mT
        made = manifold(h)
        torch.testing.assert_close(made @ plane @ plane.mT, made)  # in the plane
        assert (made - onto).norm(dim=1).median() < 0.1 * (h - onto).norm(dim=1).median()

    def test_the_persons_own_stays(self):
        said = randn(300, 8)
        manifold = Manifold(300, 8).double()
        manifold.fit(said)
        moved = (manifold(said[:20]) - said[:20]).norm(dim=1)
        assert moved.max() < 0.01 * said.norm(dim=1).mean()

    def test_keeps_as_many_as_it_may_spread_evenly(self):
        manifold = Manifold(10, 2, neighbours=3)
        manifold.fit(torch.arange(100.0)[:, None].expand(-1, 2))
        assert int(manifold.count) == 10
        assert torch.equal(manifold.bank[[0, 9], 0], torch.tensor([0.0, 99.0]))

    def test_a_short_recording_fills_a_part(self):
        manifold = Manifold(10, 2, neighbours=3)
        manifold.fit(torch.ones(4, 2))
        assert int(manifold.count) == 4
        torch.testing.assert_close(manifold(torch.zeros(1, 2)), torch.ones(1, 2))

    def test_no_neighbours_is_no_projection(self):
        manifold = Manifold(10, 2, neighbours=0)
        manifold.fit(torch.ones(10, 2))
        h = torch.randn(3, 2)
        assert torch.equal(manifold(h), h)

    def test_fewer_rows_than_neighbours_are_refused(self):
        with pytest.raises(ValueError, match="3 rows has no 10 neighbours"):
            Manifold(3, 2)
