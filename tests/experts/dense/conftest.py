"""Labelled clips and portraits, made up: the mean face laid over procedural ones."""

import cv2
import numpy as np
import pytest

from avfuse.data.synthetic import synthetic_clip
from avfuse.geometry.affine import similarity, transform
from avfuse.geometry.dense import landmarks_of
from avfuse.geometry.face_model import face_model


def mesh_over(landmarks):
    """The mean face where the landmarks are."""
    mean = face_model().mean.double().numpy()
    matrix = similarity(landmarks_of(mean[:, :2]), landmarks)
    depth = mean[:, 2] * np.hypot(*matrix[:, 0])
    return np.column_stack([transform(mean[:, :2], matrix), depth])


def as_label(meshes):
    """With the irises' points, in sixteenths of a pixel."""
    points = np.pad(meshes, ((0, 0), (0, 10), (0, 0)))
    return (16 * points).round().astype(np.int16)


@pytest.fixture(scope="session")
def labelled(tmp_path_factory, made):
    """A folder of data: two speakers' clips with their meshes, and eleven portraits."""
    folder = tmp_path_factory.mktemp("data")
    for name in ("grid", "mesh", "portraits"):
        (folder / name).mkdir()
    for number, speaker in enumerate(("ann", "ben")):
        clip = synthetic_clip(20 + number, seconds=0.4, size=160)
        (folder / "grid" / speaker).mkdir()
        made.video(folder / "grid" / speaker / "one.mp4", clip, sound=False, crf=8)
        points = as_label(np.stack([mesh_over(p) for p in clip.landmarks.astype(float)]))
        points[3] = -32768
        np.savez(folder / "mesh" / f"{speaker}__one.npz", points=points, fps=np.float32(25))
    names, meshes = [], []
    for number in range(11):
        clip = synthetic_clip(40 + number, seconds=0.04, size=160)
        names.append(f"{number:02}.jpg")
        cv2.imwrite(str(folder / "portraits" / names[-1]), clip.frames[0].mean(-1))
        meshes.append(mesh_over(clip.landmarks[0].astype(float)))
    np.savez(folder / "portraits" / "mesh.npz", names=names, points=as_label(np.stack(meshes)))
    return folder
