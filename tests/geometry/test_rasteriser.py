"""The rasteriser, by rays through every pixel, closed forms and finite differences."""

import numpy as np
import pytest
import torch

from avfuse.geometry.face_model import face_model
from avfuse.geometry.rasteriser import interpolated, rasterise, textured, visible_points

HEIGHT, WIDTH = 20, 27


def traced(points, triangles, height=HEIGHT, width=WIDTH):
    """Depth, triangle and shares of each pixel: a ray against every triangle (Möller, Trumbore)."""
    depth = np.full((height, width), np.inf)
    triangle = np.full((height, width), -1)
    shares = np.zeros((height, width, 3))
    along = np.array([0.0, 0.0, 1.0])
    for y, x in np.ndindex(height, width):
        for row, (a, b, c) in enumerate(points[triangles]):
            side = np.cross(along, c - a)
            volume = (b - a) @ side
            start = np.array([x, y, 0.0]) - a
            u, v = start @ side / volume, along @ np.cross(start, b - a) / volume
            away = (c - a) @ np.cross(start, b - a) / volume
            if min(u, v, 1 - u - v) >= 0 and away < depth[y, x]:
                depth[y, x], triangle[y, x], shares[y, x] = away, row, (1 - u - v, u, v)
    return depth, triangle, shares


def scene(seed, count=12, dtype=torch.float64):
    """Triangles that cross each other and the picture's edges, some seen from behind."""
    generator = torch.Generator().manual_seed(seed)
    points = torch.rand(3 * count, 3, generator=generator, dtype=torch.float64)
    points = points * torch.tensor([WIDTH * 1.4, HEIGHT * 1.4, 50]) - torch.tensor([5.0, 4.0, 20.0])
    return points.to(dtype), torch.arange(3 * count).view(count, 3)


def square(depth, dtype=torch.float64):
    """Two triangles over pixels 4..14 by 3..11, which share an edge."""
    corners = [(4, 3), (14, 3), (14, 11), (4, 11)]
    points = torch.tensor([[x, y, depth] for x, y in corners], dtype=dtype)
    return points, torch.tensor([[0, 1, 2], [0, 2, 3]])


class TestRasterise:
    @pytest.mark.parametrize("seed", range(4))
    def test_agrees_with_rays(self, seed):
        points, triangles = scene(seed)
        raster = rasterise(points[None], triangles, HEIGHT, WIDTH)
        depth, triangle, shares = traced(points.numpy(), triangles.numpy())
        np.testing.assert_array_equal(raster.triangle[0], triangle)
        np.testing.assert_allclose(raster.depth[0], depth, atol=1e-9)
        np.testing.assert_allclose(raster.corners[0], shares, atol=1e-9)
        assert 0.3 < raster.covered.float().mean() < 1

    def test_a_sheet_has_no_gaps(self):
        """Corners and edges on the very centres of pixels, in float32."""
        points, triangles = square(3.0, torch.float32)
        raster = rasterise(points[None], triangles, HEIGHT, WIDTH)
        wanted = torch.zeros(HEIGHT, WIDTH, dtype=torch.bool)
        wanted[3:12, 4:15] = True
        assert torch.equal(raster.covered[0], wanted)
        torch.testing.assert_close(raster.depth[0][wanted], torch.tensor(3.0).expand(99))

    def test_the_face_has_no_gaps(self):
        """Its float32 mesh covers what it covers in float64, and no pixel inside is left out."""
        model = face_model()
        points = model.mean * 60 + torch.tensor([64.0, 45.0, 0.0])
        covered = [
            rasterise(points[None].to(dtype), model.triangles, 128, 128).covered[0]
            for dtype in (torch.float32, torch.float64)
        ]
        assert (covered[0] != covered[1]).sum() <= 2
        inside = torch.stack([line.diff().abs().sum() for line in covered[0].int()])
        assert inside.max() == 2  # each row from edge to edge

    def test_the_nearer_hides_the_farther(self):
        near, triangles = square(1.0)
        far, _ = square(2.0)
        both = torch.cat([far + torch.tensor([3.0, 0, 0]), near])
        sheets = torch.cat([triangles, triangles + 4])
        raster = rasterise(both[None], sheets, HEIGHT, WIDTH)
        assert set(raster.triangle[0, 3:12, 4:15].unique().tolist()) == {2, 3}
        assert visible_points(raster, sheets, 8).all()
        wholly = torch.cat([far[:, :2] * 0.5 + 4, far[:, 2:]], 1)
        hidden = rasterise(torch.cat([wholly, near])[None], sheets, HEIGHT, WIDTH)
        assert visible_points(hidden, sheets, 8)[0].tolist() == [False] * 4 + [True] * 4

    def test_pictures_are_each_alone(self):
        scenes = torch.stack([scene(seed)[0] for seed in range(3)])
        triangles = scene(0)[1]
        together = rasterise(scenes, triangles, HEIGHT, WIDTH)
        for number, points in enumerate(scenes):
            alone = rasterise(points[None], triangles, HEIGHT, WIDTH)
            for both, one in zip(together, alone, strict=True):
                assert torch.equal(both[number], one[0])

    def test_what_has_no_area_or_lies_outside_is_not_seen(self):
        points, triangles = square(1.0)
        flat = torch.cat([points, points + torch.tensor([100.0, 0, 0])])
        nothing = torch.tensor([[0, 0, 1], [4, 5, 6]])
        assert not rasterise(flat[None], nothing, HEIGHT, WIDTH).covered.any()
        assert not rasterise(flat[None, :, :][:0], triangles, HEIGHT, WIDTH).covered.any()

    def test_has_gradients_to_the_vertices(self):
        points, triangles = scene(1, count=4)
        centre = torch.tensor([WIDTH / 2, HEIGHT / 2, 0.0])
        points = (points + 0.3 * (centre - points)).requires_grad_()

        def shares_and_depth(points):
            raster = rasterise(points[None], triangles, HEIGHT, WIDTH)
            return raster.corners, raster.depth[raster.covered]

        assert torch.autograd.gradcheck(shares_and_depth, points)


class TestTextured:
    def test_interpolates_what_is_linear_exactly(self):
        points, triangles = scene(2)
        raster = rasterise(points[None], triangles, HEIGHT, WIDTH)
        drawn = interpolated(raster, triangles, points[None])[0]
        y, x = raster.covered[0].nonzero(as_tuple=True)
        torch.testing.assert_close(drawn[0, y, x], x.double())
        torch.testing.assert_close(drawn[1, y, x], y.double())
        torch.testing.assert_close(drawn[2, y, x], raster.depth[0, y, x])
        assert drawn[:, ~raster.covered[0]].eq(0).all()

    def test_a_texture_on_its_own_place_is_itself(self):
        points, triangles = square(1.0)
        texture = torch.rand(1, 3, HEIGHT, WIDTH, dtype=torch.float64)
        raster = rasterise(points[None], triangles, HEIGHT, WIDTH)
        drawn = textured(raster, triangles, points[None, :, :2], texture)
        torch.testing.assert_close(drawn, texture * raster.covered[:, None])

    def test_has_gradients_to_texture_places_and_vertices(self):
        points, triangles = square(1.0)
        points = (points + torch.tensor([0.3, 0.4, 0.0])).requires_grad_()
        texture = torch.rand(1, 2, 6, 7, dtype=torch.float64, requires_grad=True)
        places = torch.tensor([[1.1, 0.7], [4.9, 0.8], [5.2, 4.1], [0.9, 4.3]])
        places = places[None].double().requires_grad_()

        def picture(points, places, texture):
            raster = rasterise(points[None], triangles, 14, 17)
            return textured(raster, triangles, places, texture)

        assert torch.autograd.gradcheck(picture, (points, places, texture))

    def test_moves_a_texture_to_where_its_picture_is(self):
        """Gradient descent on the vertices finds a shift of two pixels."""
        points, triangles = square(1.0)
        grid = torch.stack(torch.meshgrid(torch.arange(20.0), torch.arange(27.0), indexing="ij"))
        texture = torch.sin(grid / 3).double()[None]
        wanted = textured(
            rasterise(points[None], triangles, HEIGHT, WIDTH),
            triangles,
            points[None, :, :2],
            texture,
        )
        shift = torch.tensor([2.0, -1.0, 0.0], dtype=torch.float64, requires_grad=True)
        optimiser = torch.optim.Adam([shift], 0.1)
        for _ in range(150):
            raster = rasterise((points + shift)[None], triangles, HEIGHT, WIDTH)
            drawn = textured(raster, triangles, points[None, :, :2], texture)
            both = (raster.covered & (wanted[:, 0] != 0))[:, None]
            optimiser.zero_grad()
            ((drawn - wanted)[both.expand_as(drawn)] ** 2).mean().backward()
            optimiser.step()
        assert shift.detach().abs().max() < 0.05
