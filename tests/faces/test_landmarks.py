"""The shipped landmark network, on faces whose landmarks are known."""

from importlib import resources
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from kornia.geometry.subpix import spatial_expectation2d
from safetensors import safe_open
from safetensors.torch import save_file

from avfuse.data.synthetic import synthetic_clip
from avfuse.errors import InputError
from avfuse.faces.landmarks import (
    SIZE,
    LandmarkNet,
    LandmarkReader,
    centres,
    load_net,
    save_net,
    widened,
)
from avfuse.geometry.box import Box, box_from_landmarks, crop, frame_to_crop
from avfuse.video.read import frames

WEIGHTS = Path(str(resources.files("avfuse.faces") / "weights" / "landmarks.safetensors"))
DATA = Path(__file__).parents[3] / "shared" / "data"
# A procedural face in front of real ones' camera noise; none of these seeds was trained on.
SEEDS = (900_001, 900_002, 900_003)
MOUTH = slice(48, 68)


@pytest.fixture(scope="module")
def reader():
    return LandmarkReader()


@pytest.fixture(scope="module", params=SEEDS)
def face(request):
    clip = synthetic_clip(request.param, seconds=0.2)
    return np.asarray(clip.frames[0]), np.asarray(clip.landmarks[0])


def error(points, target):
    """Percent of the distance between the outer corners of the eyes."""
    eyes = np.linalg.norm(target[45] - target[36])
    return 100 * np.linalg.norm(points - target, axis=-1) / eyes


def test_reads_procedural_faces(reader, face):
    image, target = face
    points, confidence = reader.read(image, box_from_landmarks(target))
    assert error(points, target).mean() < 4
    assert error(points, target)[MOUTH].mean() < 3.5
    assert confidence > 0.9


def test_bears_the_errors_of_a_cascade(reader, face):
    image, target = face
    box = box_from_landmarks(target)
    for shift, grow in ((0.06, 0.1), (-0.06, -0.1)):
        x, half = shift * box.side, grow / 2 * box.side
        other = Box(box.x0 + x - half, box.y0 - x - half, box.x1 + x + half, box.y1 - x + half)
        points, confidence = reader.read(image, other)
        assert error(points, target).mean() < 5
        assert confidence > 0.5


def test_reads_tilted_faces(reader, face):
    image, target = face
    centre = tuple(float(v) for v in target.mean(0))
    for angle in (-25, 25):
        turn = cv2.getRotationMatrix2D(centre, angle, 1.0)
        tilted = cv2.warpAffine(image, turn, image.shape[1::-1], borderMode=cv2.BORDER_REPLICATE)
        turned = target @ turn[:, :2].T + turn[:, 2]
        points, _ = reader.read(tilted, box_from_landmarks(turned.astype(np.float32)))
        assert error(points, turned).mean() < 5


def test_crops_are_read_as_frames_are(reader, face):
    image, target = face
    wide = widened(box_from_landmarks(target))
    in_crop, confidence = reader.read_crops(np.stack([crop(image, wide, SIZE)] * 2))
    assert in_crop.shape == (2, 68, 2)
    assert confidence.shape == (2,)
    np.testing.assert_allclose(in_crop[0], in_crop[1], atol=1e-3)
    in_frame, _ = reader.read(image, box_from_landmarks(target))
    matrix = frame_to_crop(wide, SIZE)
    np.testing.assert_allclose(in_frame @ matrix[:, :2].T + matrix[:, 2], in_crop[0], atol=0.02)


def test_larger_crops_give_the_same_places(reader, face):
    image, target = face
    wide = widened(box_from_landmarks(target))
    small, _ = reader.read_crops(crop(image, wide, SIZE)[None])
    large, _ = reader.read_crops(crop(image, wide, 2 * SIZE)[None])
    np.testing.assert_allclose((large + 0.5) / 2 - 0.5, small, atol=1.0)


def test_a_noisy_still_stays_still(reader, face):
    image, target = face
    still = crop(image, widened(box_from_landmarks(target)), SIZE)
    noise = np.random.default_rng(0).normal(0, 4, (20, *still.shape))
    points, _ = reader.read_crops((still + noise).clip(0, 255).astype(np.uint8))
    assert np.sqrt(((points - points.mean(0)) ** 2).sum(-1).mean()) < 0.3


def test_what_is_no_face_has_no_confidence(reader, face):
    image, target = face
    box = widened(box_from_landmarks(target))
    noise = np.random.default_rng(0).integers(0, 256, (SIZE, SIZE, 3), np.uint8)
    upside_down = np.ascontiguousarray(crop(image, box, SIZE)[::-1])
    plain = [np.full_like(noise, level) for level in (0, 20, 128, 235, 255)]
    _, confidence = reader.read_crops(np.stack([*plain, noise, upside_down]))
    assert (confidence < 0.5).all()


def test_centres_are_in_input_pixels():
    heat = torch.full((1, 2, 28, 28), -100.0)
    heat[0, 0, 3, 7] = 100
    heat[0, 1, 0, 0] = heat[0, 1, 0, 1] = 100
    expected = torch.tensor([[[29.5, 13.5], [3.5, 1.5]]])
    torch.testing.assert_close(centres(heat), expected)


def test_centres_agree_with_kornia():
    heat = 3 * torch.randn(2, 5, 12, 16)
    mass = heat.flatten(2).softmax(-1).view_as(heat)
    expected = spatial_expectation2d(mass, normalized_coordinates=False) * 4 + 1.5
    torch.testing.assert_close(centres(heat), expected)
    channels_last = heat.contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(centres(channels_last), expected)


def test_centres_teach_after_they_were_read():
    heat = torch.zeros(1, 1, 9, 7, requires_grad=True)
    with torch.inference_mode():
        centres(heat)
    centres(heat).sum().backward()
    assert heat.grad.abs().max() > 0


def test_one_face_is_read_by_one_thread(reader, face, monkeypatch):
    image, target = face
    seen, net = [], reader._net
    monkeypatch.setattr(reader, "_net", lambda x: (seen.append(torch.get_num_threads()), net(x))[1])
    threads = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        reader.read(image, box_from_landmarks(target))
        assert seen == [1]
        assert torch.get_num_threads() == 3
        monkeypatch.setattr(reader, "_net", lambda x: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            reader.read(image, box_from_landmarks(target))
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(threads)


def test_a_reader_leaves_its_network_alone():
    net = LandmarkNet((8, 8, 8, 8))
    before = {name: value.clone() for name, value in net.state_dict().items()}
    LandmarkReader(net).read_crops(np.zeros((1, SIZE, SIZE, 3), np.uint8))
    assert net.training
    assert list(net.state_dict()) == list(before)
    torch.testing.assert_close(net.state_dict(), before)


def test_weights_are_small_and_credited():
    assert WEIGHTS.stat().st_size < 3e6
    with safe_open(WEIGHTS, "pt") as file:
        credit = file.metadata()["credit"]
        assert file.get_tensor("stem.0.weight").dtype == torch.float16
    assert all(word in credit for word in ("GRID", "CC BY 4.0", "MediaPipe", "Apache-2.0"))


def test_saved_nets_come_back(tmp_path):
    net = LandmarkNet((8, 8, 8, 8), points=5).eval()
    save_net(net, tmp_path / "net.safetensors", "nobody")
    image = torch.rand(1, 3, SIZE, SIZE)
    back = load_net(tmp_path / "net.safetensors")
    torch.testing.assert_close(back(image)[0], net(image)[0], atol=1e-2, rtol=1e-2)
    assert [p.name for p in tmp_path.iterdir()] == ["net.safetensors"]


def test_refuses_other_files(tmp_path):
    path = tmp_path / "other.safetensors"
    with pytest.raises(InputError, match="landmark network"):
        load_net(path)
    path.write_text("nothing")
    with pytest.raises(InputError, match="landmark network"):
        load_net(path)
    save_file({"a": torch.zeros(1)}, path)
    with pytest.raises(InputError, match="landmark network"):
        load_net(path)


@pytest.mark.parametrize("speaker", ["s3", "s4", "s14", "s23"])
def test_reads_speakers_it_never_saw(reader, speaker):
    videos = sorted((DATA / "grid" / speaker).glob("*.mpg"))
    if not videos:
        pytest.skip("no ../shared/data")
    with np.load(DATA / "landmarks" / f"{speaker}__{videos[0].stem}.npz") as file:
        labels = file["landmarks"][::10, :, :2].astype(np.float32)
    images = [frame.image for frame in frames(videos[0])][::10]
    read = [reader.read(i, box_from_landmarks(t)) for i, t in zip(images, labels, strict=False)]
    errors = np.array([error(p, t) for (p, _), t in zip(read, labels, strict=False)])
    assert errors.mean() < 4.5
    assert errors[:, MOUTH].mean() < 3.5
    assert min(confidence for _, confidence in read) > 0.5


def test_finds_the_face_of_a_photo(reader):
    path = DATA / "photos" / "astronaut.png"
    if not path.exists():
        pytest.skip("no ../shared/data")
    image = cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB)
    first, _ = reader.read(image, Box(165.0, 55.0, 285.0, 175.0))
    points, confidence = reader.read(image, box_from_landmarks(first))
    assert confidence > 0.9
    assert (np.ptp(points, axis=0) > 50).all()
