"""What the linear face model knows, to look at.

    python -m avfuse.experts.face.pictures OUTPUT.png

draws the mean face, and its first components of identity and expression two standard deviations
to either side.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int, UInt8
from torch import Tensor

from avfuse.geometry.face_model import FaceModel, face_model
from avfuse.geometry.rasteriser import interpolated, rasterise
from avfuse.video.picture import write_picture

_WIDTH, _HEIGHT = 160, 190  # of a face, pixels
_UNIT, _MIDDLE = 80.0, (79.5, 70.0)  # of its coordinates in pixels, and where its eyes' middle lies
_LIGHT = (-0.35, -0.5, -0.8)  # where it comes from
_SKIN = (0.92, 0.72, 0.60)
_TURN = 25.0  # degrees to the picture's right
_REACH = 2.0  # standard deviations


def drawn(
    shapes: Float[Tensor, "N P 3"], triangles: Int[Tensor, "F 3"], *, turn: float = 0.0
) -> UInt8[Tensor, "N H W 3"]:
    """Faces in grey daylight on white.

    Args:
        shapes: in the face model's axes and unit.
        triangles: of the mesh.
        turn: degrees by which the faces look to the picture's right.
    """
    angle = torch.tensor(turn).deg2rad()
    cosine, sine = angle.cos().item(), angle.sin().item()
    turned = shapes @ shapes.new_tensor([[cosine, 0, sine], [0, 1, 0], [-sine, 0, cosine]])
    placed = turned * _UNIT + shapes.new_tensor([*_MIDDLE, 0])
    raster = rasterise(placed, triangles, _HEIGHT, _WIDTH)
    normals = F.normalize(interpolated(raster, triangles, point_normals(turned, triangles)), dim=1)
    light = F.normalize(normals.new_tensor(_LIGHT), dim=0)
    shade = 0.25 + 0.75 * torch.einsum("nchw,c->nhw", normals, light).clamp(min=0)
    colour = shade[..., None] * shade.new_tensor(_SKIN)
    colour = colour.where(raster.covered[..., None], 1.0)
    return (255 * colour).round().to(torch.uint8)


def point_normals(
    points: Float[Tensor, "N P 3"], triangles: Int[Tensor, "F 3"]
) -> Float[Tensor, "N P 3"]:
    """The direction out of the face at each point: of its triangles, by their areas."""
    a, b, c = points[:, triangles].unbind(2)
    across = torch.linalg.cross(b - a, c - a)
    corners = triangles.flatten()
    around = torch.zeros_like(points).index_add(1, corners, across.repeat_interleave(3, 1))
    return F.normalize(around, dim=2)


def components(model: FaceModel) -> Iterator[Float[Tensor, "8 P 3"]]:
    """A row each: the mean twice, then two ends each of three components."""
    for basis in (model.identity, model.expression):
        ends = [model.mean + way * _REACH * part for part in basis[:3] for way in (-1, 1)]
        yield torch.stack([model.mean, *ends])


def picture(model: FaceModel) -> UInt8[Tensor, "H W 3"]:
    """Rows: identity, then expression, from the front and turned."""
    rows = [
        drawn(shapes, model.triangles, turn=turn)
        for shapes in components(model)
        for turn in (0.0, _TURN)
    ]
    return torch.cat([torch.cat(list(row), 1) for row in rows], 0)


def main() -> None:
    """The command above."""
    parser = argparse.ArgumentParser(prog="python -m avfuse.experts.face.pictures")
    parser.add_argument("output", type=Path, help=".png or .jpg")
    write_picture(parser.parse_args().output, picture(face_model()).numpy())


if __name__ == "__main__":
    main()
