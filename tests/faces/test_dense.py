"""The shipped network of dense points, on faces whose points are known."""

from importlib import resources
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from safetensors import safe_open

from avfuse.data.synthetic import synthetic_clip
from avfuse.errors import InputError
from avfuse.faces.builtin import BuiltinTracker
from avfuse.faces.dense import (
    SIZE,
    DenseNet,
    DenseReader,
    load_dense_net,
    save_dense_net,
    upright,
)
from avfuse.faces.landmarks import LandmarkNet, save_net
from avfuse.geometry.affine import transform
from avfuse.geometry.box import crop
from avfuse.geometry.dense import INNER_LIPS, OUTER_LIPS, landmarks_of, mirrored
from avfuse.geometry.points import MIRRORED
from avfuse.video.read import frames

WEIGHTS = Path(str(resources.files("avfuse.faces") / "weights" / "dense.safetensors"))
DATA = Path(__file__).parents[3] / "shared" / "data"
LIPS = np.concatenate([OUTER_LIPS, INNER_LIPS])


@pytest.fixture(scope="module")
def reader():
    return DenseReader()


@pytest.fixture(scope="module", params=[900_001, 900_002, 900_003])
def face(request):
    clip = synthetic_clip(request.param, seconds=0.2)
    return np.asarray(clip.frames[0]), np.asarray(clip.landmarks[0], np.float64)


def eyes(landmarks):
    return np.linalg.norm(landmarks[45] - landmarks[36])


def turned(image, matrix, points):
    moved = cv2.warpAffine(image, matrix, image.shape[1::-1], borderMode=cv2.BORDER_REPLICATE)
    return moved, transform(points, matrix)


class TestWhatIsSeen:
    def test_is_upright_and_holds_the_face(self, face):
        _, landmarks = face
        for roll in (-40.0, 25.0):
            turn = cv2.getRotationMatrix2D((80.0, 70.0), -roll, 1.0)  # clockwise
            box, found = upright(transform(landmarks, turn))
            straight, before = upright(landmarks)
            assert found - before == pytest.approx(roll)
            assert box.side == pytest.approx(straight.side)

    def test_grows_with_the_face(self, face):
        _, landmarks = face
        box, roll = upright(landmarks)
        other, again = upright(3 * landmarks + 5)
        np.testing.assert_allclose(other, 3 * np.array(box) + 5)
        assert again == pytest.approx(roll)
        x, y = landmarks.T
        assert box.x0 < x.min() < x.max() < box.x1
        assert box.y0 < y.min() < y.max() < box.y1


class TestReads:
    def test_a_procedural_face_though_none_was_trained_on(self, reader, face):
        image, landmarks = face
        off = landmarks_of(reader.read(image, landmarks))[:, :2] - landmarks
        inner = np.linalg.norm(off, axis=1)[27:]  # their jaws and brows are drawn otherwise
        assert inner.mean() < 0.06 * eyes(landmarks)

    def test_a_face_that_leans_and_one_that_is_larger(self, reader, face):
        image, landmarks = face
        straight = reader.read(image, landmarks)
        middle = tuple(float(v) for v in landmarks.mean(0))
        for angle, scale in ((30.0, 1.0), (-20.0, 0.7), (0.0, 1.2)):
            matrix = cv2.getRotationMatrix2D(middle, angle, scale)
            points = reader.read(*turned(image, matrix, landmarks))
            wanted = transform(straight[:, :2], matrix)
            far = np.linalg.norm(points[:, :2] - wanted, axis=1).mean()
            assert far < 0.02 * scale * eyes(landmarks)
            depth = np.abs(points[:, 2] - scale * straight[:, 2]).mean()
            assert depth < 0.03 * scale * eyes(landmarks)

    def test_a_mirrored_face(self, reader, face):
        image, landmarks = face
        width = image.shape[1] - 1
        flipped = landmarks[MIRRORED] * [-1, 1] + [width, 0]
        points = reader.read(np.ascontiguousarray(image[:, ::-1]), flipped)[mirrored()]
        off = points * [-1, 1, 1] + [width, 0, 0] - reader.read(image, landmarks)
        assert np.linalg.norm(off[:, :2], axis=1).mean() < 0.03 * eyes(landmarks)

    def test_the_nose_is_nearer_than_the_ears(self, reader, face):
        depth = reader.read(*face)[:, 2]
        nose, ears = depth[4], depth[[234, 454]]
        assert (ears - nose > 0.5 * eyes(face[1])).all()

    def test_landmarks_that_err_make_little_difference(self, reader, face):
        image, landmarks = face
        straight = reader.read(image, landmarks)
        noise = np.random.default_rng(0).normal(0, 0.02 * eyes(landmarks), (5, 68, 2))
        other = np.stack([reader.read(image, landmarks + moved) for moved in noise])
        off = np.linalg.norm((other - straight)[..., :2], axis=-1)
        assert off.mean() < 0.02 * eyes(landmarks)

    def test_crops_as_frames(self, reader, face):
        image, landmarks = face
        box, roll = upright(landmarks)
        seen = crop(image, box, SIZE, roll)
        in_crop = reader.read_crops(np.stack([seen, seen]))
        assert in_crop.shape == (2, 468, 3)
        np.testing.assert_allclose(in_crop[0], in_crop[1], atol=1e-3)
        assert np.ptp(in_crop[0], axis=0)[0] < SIZE
        in_frame = reader.read(image, landmarks)
        sides = [np.linalg.norm(p[454] - p[234]) for p in (in_frame, in_crop[0])]
        assert sides[0] / sides[1] == pytest.approx(box.side / SIZE, rel=1e-3)

    def test_a_noisy_still_as_still(self, reader, face):
        image, landmarks = face
        box, roll = upright(landmarks)
        noise = np.random.default_rng(0).normal(0, 4, (20, SIZE, SIZE, 3))
        noisy = (crop(image, box, SIZE, roll) + noise).clip(0, 255).astype(np.uint8)
        points = reader.read_crops(noisy)
        assert np.sqrt(((points - points.mean(0)) ** 2).sum(-1).mean()) < 0.3


def test_a_reader_leaves_its_network_alone():
    net = DenseNet((8, 8, 8, 8), 4, 8)
    before = {name: value.clone() for name, value in net.state_dict().items()}
    DenseReader(net).read_crops(np.zeros((1, SIZE, SIZE, 3), np.uint8))
    assert net.training
    torch.testing.assert_close(net.state_dict(), before)


def test_a_network_that_starts_at_a_face_gives_it():
    net = DenseNet((8, 8, 8, 8), 4, 8)
    torch.nn.init.zeros_(net.points.weight)
    mean = 50 * torch.randn(468, 3)
    net.start_at(mean)
    torch.testing.assert_close(net(torch.rand(1, 3, SIZE, SIZE))[0], mean)


class TestFile:
    def test_is_small_and_credited(self):
        assert WEIGHTS.stat().st_size < 3e6
        with safe_open(WEIGHTS, "pt") as file:
            credit = file.metadata()["credit"]
            assert file.get_tensor("points.weight").dtype == torch.float16
        assert all(w in credit for w in ("GRID", "CC BY 4.0", "portraits", "MediaPipe"))

    def test_comes_back(self, tmp_path):
        net = DenseNet((8, 8, 8, 8), 4, 8).eval()
        save_dense_net(net, tmp_path / "net.safetensors", "nobody")
        image = torch.rand(1, 3, SIZE, SIZE)
        back = load_dense_net(tmp_path / "net.safetensors")
        torch.testing.assert_close(back(image), net(image), atol=3e-2, rtol=1e-2)

    def test_of_another_network_is_refused(self, tmp_path):
        save_net(LandmarkNet((8, 8, 8, 8)), tmp_path / "other.safetensors")
        for name in ("other.safetensors", "none.safetensors"):
            with pytest.raises(InputError, match="network of dense points"):
                load_dense_net(tmp_path / name)


@pytest.mark.parametrize("speaker", ["s3", "s4", "s14", "s23"])
def test_reads_speakers_it_never_saw(reader, speaker):
    videos = sorted((DATA / "grid" / speaker).glob("*.mpg"))
    if not videos:
        pytest.skip("no ../shared/data")
    with np.load(DATA / "mesh" / f"{speaker}__{videos[0].stem}.npz") as file:
        labels = file["points"][::10, :468] / 16
    shown = [faces for _, faces in BuiltinTracker().track(frames(videos[0]))][::10]
    images = [frame.image for frame in frames(videos[0])][::10]
    read = [reader.read(i, f[0].landmarks) for i, f in zip(images, shown, strict=True)]
    off = np.linalg.norm((np.stack(read) - labels)[..., :2], axis=-1)
    unit = np.array([eyes(landmarks_of(label[:, :2])) for label in labels])
    assert (off.mean(1) / unit).mean() < 0.03
    assert (off[:, LIPS].mean(1) / unit).mean() < 0.025
