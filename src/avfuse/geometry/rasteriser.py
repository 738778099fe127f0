"""Pictures of triangle meshes in plain torch, with gradients to vertices and textures.

Points come as they are seen: x and y in pixels, centres of pixels at whole numbers, and a depth
that grows away from the camera. Between corners everything is linear in the picture, which is
exact under weak perspective; before a pinhole camera a face's triangles are too small for the
difference to show. Gradients are those of the inside of what is seen: where one surface ends
before another, moving its edge changes nothing.
"""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor

_EDGE = 1e-5  # a share of a triangle, by which it reaches over its edge: neighbours leave no gap


class Raster(NamedTuple):
    """What each pixel of N pictures shows.

    Attributes:
        triangle: row of `triangles`; -1 where there is none.
        corners: the shares that the triangle's corners have in the pixel (barycentric); sum 1, or
            0 where there is no triangle.
        depth: of the point that is seen; infinite where there is none.
    """

    triangle: Int[Tensor, "N H W"]
    corners: Float[Tensor, "N H W 3"]
    depth: Float[Tensor, "N H W"]

    @property
    def covered(self) -> Bool[Tensor, "N H W"]:
        """Where anything is seen."""
        return self.triangle >= 0


def rasterise(
    points: Float[Tensor, "N P 3"], triangles: Int[Tensor, "F 3"], height: int, width: int
) -> Raster:
    """What each pixel shows of a mesh: the nearest triangle under its centre, from either side.

    Args:
        points: x, y in pixels, depth.
        triangles: corners, by number of the point.
        height: H, pixels.
        width: W, pixels.
    """
    shown = _nearest(points.detach(), triangles, height, width)
    picture, y, x = (shown >= 0).nonzero(as_tuple=True)
    corners = points[picture[:, None], triangles[shown[picture, y, x]]]  # (M, 3, 3)
    shares = _shares(corners[..., :2], torch.stack([x, y], -1).to(points))
    depth = (shares * corners[..., 2]).sum(-1)
    place = (picture, y, x)
    return Raster(
        shown,
        points.new_zeros(*shown.shape, 3).index_put(place, shares),
        points.new_full(shown.shape, torch.inf).index_put(place, depth),
    )


def interpolated(
    raster: Raster, triangles: Int[Tensor, "F 3"], values: Float[Tensor, "N P C"]
) -> Float[Tensor, "N C H W"]:
    """What points carry, between them; 0 where nothing is seen."""
    picture, y, x = raster.covered.nonzero(as_tuple=True)
    corners = values[picture[:, None], triangles[raster.triangle[picture, y, x]]]  # (M, 3, C)
    mixed = (raster.corners[picture, y, x, :, None] * corners).sum(1)
    canvas = values.new_zeros(*raster.triangle.shape, values.shape[2])
    return canvas.index_put((picture, y, x), mixed).permute(0, 3, 1, 2)


def textured(
    raster: Raster,
    triangles: Int[Tensor, "F 3"],
    places: Float[Tensor, "N P 2"],
    texture: Float[Tensor, "N C h w"],
) -> Float[Tensor, "N C H W"]:
    """The mesh with a picture laid onto it, bilinearly; 0 where nothing is seen.

    Args:
        raster: what is seen.
        triangles: of the mesh.
        places: where in the texture each point lies, x and y in its pixels.
        texture: of each picture; beyond its edge it goes on as it ends.
    """
    size = places.new_tensor([texture.shape[3], texture.shape[2]])
    grid = interpolated(raster, triangles, (2 * places + 1) / size - 1).permute(0, 2, 3, 1)
    colours = F.grid_sample(texture, grid, padding_mode="border", align_corners=False)
    return colours * raster.covered[:, None]


def visible_points(
    raster: Raster, triangles: Int[Tensor, "F 3"], count: int
) -> Bool[Tensor, "N {count}"]:
    """Which of a mesh's points are a corner of any triangle that is seen.

    Args:
        raster: what is seen.
        triangles: of the mesh.
        count: how many points it has.
    """
    picture, y, x = raster.covered.nonzero(as_tuple=True)
    visible = torch.zeros(len(raster.triangle), count, dtype=torch.bool, device=triangles.device)
    visible[picture[:, None], triangles[raster.triangle[picture, y, x]]] = True
    return visible


@torch.no_grad()
def _nearest(
    points: Float[Tensor, "N P 3"], triangles: Int[Tensor, "F 3"], height: int, width: int
) -> Int[Tensor, "N H W"]:
    """The row of the triangle that each pixel shows: all pixels of all triangles at once."""
    corners = points[:, triangles].flatten(0, 1)  # (N F, 3, 3)
    planes = _planes(corners[..., :2])
    owner, x, y = _spans(corners[..., 1], planes, height, width)
    depth = _at(torch.einsum("mcp,mc->mp", planes, corners[..., 2])[owner], x, y)
    picture, row = owner // len(triangles), owner % len(triangles)
    pixel = (picture * height + y) * width + x
    total = len(points) * height * width
    nearest = depth.new_full((total,), torch.inf).scatter_reduce(0, pixel, depth, "amin")
    first = (depth == nearest[pixel]).nonzero()[:, 0]
    shown = row.new_full((total,), -1)
    # Where two are equally near, as along an edge, the later one is taken.
    shown = shown.scatter_reduce(0, pixel[first], row[first], "amax")
    return shown.view(len(points), height, width)


def _spans(
    heights: Float[Tensor, "M 3"], planes: Float[Tensor, "M 3 3"], height: int, width: int
) -> tuple[Int[Tensor, "Q"], Int[Tensor, "Q"], Int[Tensor, "Q"]]:
    """Every pixel in every triangle: whose it is, x, y. Row by row, from edge to edge.

    Args:
        heights: y of the corners.
        planes: of the corners' shares.
        height: H, pixels.
        width: W, pixels.
    """
    top = heights.amin(1).ceil().clamp(min=0)
    bottom = heights.amax(1).floor().clamp(max=height - 1)
    owner, y = _counted(top, bottom)
    a, b, c = planes[owner].unbind(-1)
    ends = -(b * y[:, None] + c + _EDGE) / a  # where a corner's share is 0
    left = ends.where(a > 0, -torch.inf).amax(1).ceil().clamp(min=0)
    right = ends.where(a < 0, torch.inf).amin(1).floor().clamp(max=width - 1)
    line, x = _counted(left, right)
    return owner[line], x, y[line]


def _counted(
    first: Float[Tensor, "M"], last: Float[Tensor, "M"]
) -> tuple[Int[Tensor, "Q"], Int[Tensor, "Q"]]:
    """The whole numbers from each first to its last, none where that is less: whose, and which."""
    count = (last - first + 1).nan_to_num(0).clamp(min=0).long()
    owner = torch.repeat_interleave(count)
    start = first.nan_to_num(0).long() - (count.cumsum(0) - count)
    return owner, start[owner] + torch.arange(len(owner), device=owner.device)


def _at(
    plane: Float[Tensor, "Q 3"], x: Int[Tensor, "Q"], y: Int[Tensor, "Q"]
) -> Float[Tensor, "Q"]:
    """A linear function a x + b y + c of the picture."""
    a, b, c = plane.unbind(-1)
    return a * x + b * y + c


def _planes(corners: Float[Tensor, "M 3 2"]) -> Float[Tensor, "M 3 3"]:
    """a, b, c of each corner's share a x + b y + c; not finite where a triangle has no area."""
    following, last = corners.roll(-1, 1), corners.roll(-2, 1)
    a = following[..., 1] - last[..., 1]
    b = last[..., 0] - following[..., 0]
    c = following[..., 0] * last[..., 1] - last[..., 0] * following[..., 1]
    return torch.stack([a, b, c], -1) / c.sum(1)[:, None, None]


def _shares(corners: Float[Tensor, "M 3 2"], pixels: Float[Tensor, "M 2"]) -> Float[Tensor, "M 3"]:
    """The shares of a triangle's corners in each pixel, with gradients."""
    around = corners - pixels[:, None]  # from the pixel, where float32 is finest
    following, last = around.roll(-1, 1), around.roll(-2, 1)
    areas = following[..., 0] * last[..., 1] - last[..., 0] * following[..., 1]
    return areas / areas.sum(1, keepdim=True)
