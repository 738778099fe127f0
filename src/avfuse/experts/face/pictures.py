"""What the linear face model knows, to look at.

    python -m avfuse.experts.face.pictures OUTPUT.jpg

draws the mean face, and its first components of identity and expression two standard deviations
to either side, from the front and turned.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int, UInt8
from torch import Tensor

from avfuse.geometry import dense
from avfuse.geometry.face_model import FaceModel, face_model
from avfuse.geometry.rasteriser import interpolated, rasterise
from avfuse.video.picture import write_picture

_WIDTH, _HEIGHT = 184, 190  # of a face, pixels
_UNIT, _MIDDLE = 80.0, (91.5, 70.0)  # of its coordinates in pixels, and where its eyes' middle lies
_LIGHT = (-0.35, -0.5, -0.8)  # where it comes from
_SKIN, _EYES, _MOUTH = (0.92, 0.72, 0.60), (0.85, 0.85, 0.85), (0.35, 0.12, 0.12)
_TURN = 25.0  # degrees to the picture's right
_REACH = 2.0  # standard deviations


def drawn(shapes: Float[Tensor, "N 468 3"], *, turn: float = 0.0) -> UInt8[Tensor, "N H W 3"]:
    """Faces in daylight on white, their eyes blank.

    Args:
        shapes: of the library's own model.
        turn: degrees by which the faces look to the picture's right.
    """
    angle = torch.tensor(turn).deg2rad()
    cosine, sine = angle.cos().item(), angle.sin().item()
    turned = shapes @ shapes.new_tensor([[cosine, 0, sine], [0, 1, 0], [-sine, 0, cosine]])
    placed = turned * _UNIT + shapes.new_tensor([*_MIDDLE, 0])
    triangles = torch.tensor(dense.triangles())
    raster = rasterise(placed, triangles, _HEIGHT, _WIDTH)
    normals = F.normalize(interpolated(raster, triangles, point_normals(turned, triangles)), dim=1)
    light = F.normalize(normals.new_tensor(_LIGHT), dim=0)
    shade = 0.25 + 0.75 * torch.einsum("nchw,c->nhw", normals, light).clamp(min=0)
    colour = shade[..., None] * tints()[raster.triangle]
    colour = colour.where(raster.covered[..., None], 1.0)
    return (255 * colour).round().to(torch.uint8)


def tints() -> Float[Tensor, "898 3"]:
    """The colour of each triangle: skin, or what closes the eyes and the mouth."""
    colours = torch.tensor(_SKIN).repeat(len(dense.triangles()), 1)
    for ring in (dense.LEFT_EYE, dense.RIGHT_EYE):
        colours[dense.within(ring)] = torch.tensor(_EYES)
    colours[dense.within(dense.INNER_LIPS)] = torch.tensor(_MOUTH)
    return colours


def point_normals(
    points: Float[Tensor, "N P 3"], triangles: Int[Tensor, "F 3"]
) -> Float[Tensor, "N P 3"]:
    """The direction out of the face at each point: of its triangles, by their areas."""
    a, b, c = points[:, triangles].unbind(2)
    across = torch.linalg.cross(b - a, c - a)
    corners = triangles.flatten()
    around = torch.zeros_like(points).index_add(1, corners, across.repeat_interleave(3, 1))
    return F.normalize(around, dim=2)


def components(model: FaceModel) -> Iterator[Float[Tensor, "7 P 3"]]:
    """A row each: the mean, then both ends of three components."""
    for basis in (model.identity, model.expression):
        ends = [model.mean + way * _REACH * part for part in basis[:3] for way in (-1, 1)]
        yield torch.stack([model.mean, *ends])


def picture(model: FaceModel) -> UInt8[Tensor, "H W 3"]:
    """Rows: identity, then expression, from the front and turned."""
    rows = [drawn(shapes, turn=turn) for shapes in components(model) for turn in (0.0, _TURN)]
    return torch.cat([torch.cat(list(row), 1) for row in rows], 0)


def main() -> None:
    """The command above."""
    parser = argparse.ArgumentParser(prog="python -m avfuse.experts.face.pictures")
    parser.add_argument("output", type=Path, help=".png or .jpg")
    write_picture(parser.parse_args().output, picture(face_model()).numpy())


if __name__ == "__main__":
    main()
