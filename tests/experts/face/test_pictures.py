"""Pictures of the face model: of the face, lit from where they say, all of one size."""

import sys

import cv2
import torch

from avfuse.experts.face.pictures import drawn, main, picture, point_normals
from avfuse.geometry.face_model import face_model


def test_normals_point_out_of_the_face():
    """Those of a sphere's front are its radii; those of the face look at the camera."""
    model = face_model()
    flat = model.mean[:, :2] / 2
    away = -(1 - flat.square().sum(1)).sqrt()
    ball = torch.cat([flat, away[:, None]], 1)
    inner = (flat.norm(dim=1) < 0.4).nonzero()[:, 0]
    normals = point_normals(ball[None], model.triangles)[0]
    assert (normals[inner] * ball[inner]).sum(1).min() > 0.95
    facing = point_normals(model.mean[None], model.triangles)[0, :, 2]
    assert (facing < 0).float().mean() > 0.97


def test_a_face_that_turns_shows_its_other_side():
    model = face_model()
    front, side = (drawn(model.mean[None], turn=turn)[0] for turn in (0.0, 25.0))
    covered = [(image < 255).any(2) for image in (front, side)]
    middles = [cover.nonzero()[:, 1].float().mean() for cover in covered]
    assert abs(middles[0] - 91.5) < 1  # symmetric
    assert middles[1] < middles[0] - 5  # the cheek at the left comes round


def test_command_writes_it(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["pictures", str(tmp_path / "face.png")])
    main()
    image = cv2.imread(str(tmp_path / "face.png"))
    assert image.shape == tuple(picture(face_model()).shape)
