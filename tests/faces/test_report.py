"""What `avfuse faces` writes, against what was drawn."""

import json
import os
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from avfuse.data.synthetic import synthetic_clip
from avfuse.errors import InputError
from avfuse.faces.report import report_faces
from avfuse.geometry.box import box_from_landmarks
from avfuse.geometry.dense import landmarks_of
from avfuse.geometry.pose import fit_pose
from avfuse.video.audio import duration
from avfuse.video.picture import write_picture
from avfuse.video.read import frames, probe
from avfuse.video.write import VideoWriter

DATA = Path(__file__).parents[3] / "shared" / "data"


def report(path, folder, **options):
    """The summary, and the JSON."""
    found = report_faces(path, json_file=folder / "faces.json", quiet=True, **options)
    return found, json.loads((folder / "faces.json").read_text())


def write(path, images):
    height, width = images[0].shape[:2]
    with VideoWriter(path, width, height, 25.0, crf=8) as writer:
        for i, image in enumerate(images):
            writer.write(np.ascontiguousarray(image), i / 25)
    return path


def nobody(like, count):
    return [np.full_like(like, 128)] * count


@pytest.fixture(scope="module")
def other():
    return synthetic_clip(900_002, seconds=0.4, size=128)


def test_a_video(face, person, tmp_path):
    found, content = report(face, tmp_path)
    assert found == (15, 15, [], 1)
    assert content["fps"] == 25
    assert [frame["time"] for frame in content["frames"]] == pytest.approx(np.arange(15) / 25)
    for frame, truth in zip(content["frames"], person.landmarks.astype(float), strict=True):
        [one] = frame["faces"]
        assert set(one) == {"track", "box", "landmarks", "confidence", "pose"}
        assert one["track"] == 0
        assert 0.5 < one["confidence"] <= 1
        box = box_from_landmarks(truth)
        assert one["box"] == pytest.approx(box, abs=0.08 * box.side)
        assert np.shape(one["landmarks"]) == (68, 2)
        eyes = np.linalg.norm(truth[45] - truth[36])
        assert np.linalg.norm(one["landmarks"] - truth, axis=1).mean() < 0.06 * eyes
        pose = fit_pose(np.array(one["landmarks"]))
        np.testing.assert_allclose(one["pose"]["rotation"], pose.rotation, atol=1e-3)
        angles = [one["pose"][name] for name in ("yaw", "pitch", "roll")]
        assert angles == pytest.approx([pose.yaw, pose.pitch, pose.roll], abs=0.1)
        np.testing.assert_allclose(one["pose"]["translation"], pose.translation, atol=0.1)
        assert one["pose"]["scale"] == pytest.approx(pose.scale, rel=1e-3)


def test_a_video_with_its_mesh(face, person, tmp_path):
    plain = report(face, tmp_path)[1]["frames"]
    found, content = report(face, tmp_path, mesh=True, output=tmp_path / "mesh.mp4")
    assert found == (15, 15, [], 1)
    for frame, before, truth in zip(
        content["frames"], plain, person.landmarks.astype(float), strict=True
    ):
        [one], [other] = frame["faces"], before["faces"]
        mesh = np.array(one.pop("mesh"))
        assert one == other
        assert mesh.shape == (468, 3)
        off = np.linalg.norm(landmarks_of(mesh)[27:, :2] - truth[27:], axis=1)
        assert off.mean() < 0.06 * np.linalg.norm(truth[45] - truth[36])
    assert probe(tmp_path / "mesh.mp4").frames == 15


def test_the_overlay_shows_the_face_and_keeps_the_sound(face, person, tmp_path):
    output = tmp_path / "overlay.mp4"
    report_faces(face, output=output, quiet=True)
    assert probe(output)[:2] == probe(face)[:2]
    assert probe(output).frames == 15
    assert duration(output) == pytest.approx(duration(face), abs=1 / 25)
    before, after = (np.stack([f.image for f in frames(p)]).astype(int) for p in (face, output))
    changed = np.abs(after - before).max(-1) > 60
    for marks, points in zip(changed, person.landmarks.round().astype(int), strict=True):
        near = [marks[y - 3 : y + 4, x - 3 : x + 4].any() for x, y in points]
        assert np.mean(near) > 0.9
    assert [path.name for path in tmp_path.iterdir()] == ["overlay.mp4"]


def test_the_overlay_is_shown_like_the_video(person, tmp_path):
    write(tmp_path / "plain.mp4", [person.frames[0]])
    like = probe(tmp_path / "plain.mp4")._replace(aspect=Fraction(4, 3))
    with VideoWriter(tmp_path / "wide.mp4", 160, 160, 25.0, like=like) as writer:
        writer.write(person.frames[0], 0.0)
    report_faces(tmp_path / "wide.mp4", output=tmp_path / "overlay.mp4", quiet=True)
    assert probe(tmp_path / "overlay.mp4").aspect == Fraction(4, 3)


@pytest.mark.skipif(os.name == "nt", reason="names may be of other lengths there")
def test_a_name_as_long_as_it_may_be(person, tmp_path):
    face = write(tmp_path / "face.mp4", [person.frames[0]])
    path = tmp_path / ("n" * (os.pathconf(tmp_path, "PC_NAME_MAX") - 5) + ".json")
    report_faces(face, json_file=path, quiet=True)
    assert len(json.loads(path.read_text())["frames"]) == 1


def test_a_photo(person, tmp_path):
    write_picture(tmp_path / "photo.png", person.frames[0])
    found, content = report(tmp_path / "photo.png", tmp_path, output=tmp_path / "drawn.jpg")
    assert found == (1, 1, [], 1)
    assert len(content["frames"]) == 1
    assert probe(tmp_path / "drawn.jpg").is_photo
    report_faces(tmp_path / "photo.png", output=tmp_path / "drawn.mp4", quiet=True)
    assert probe(tmp_path / "drawn.mp4").frames == 1


def test_a_video_that_lies_on_its_side_comes_out_upright(person, tmp_path):
    """As phones write it: turned pixels, and a matrix that says so."""
    path = write(tmp_path / "phone.mp4", np.rot90(person.frames[:3, :, 20:], axes=(1, 2)))
    content = bytearray(path.read_bytes())
    matrix = content.index(b"tkhd") + 44  # ISO/IEC 14496-12, 8.3.2
    quarter = [0, 1 << 16, 0, -(1 << 16) & 0xFFFFFFFF, 0, 0, 0, 0, 1 << 30]
    content[matrix : matrix + 36] = b"".join(value.to_bytes(4, "big") for value in quarter)
    path.write_bytes(content)
    output = tmp_path / "drawn.mp4"
    _, seen = report(path, tmp_path, output=output)
    assert probe(output)[:2] == (140, 160)
    box = box_from_landmarks(person.landmarks[0].astype(float) - (20, 0))
    assert seen["frames"][0]["faces"][0]["box"] == pytest.approx(box, abs=0.08 * box.side)


def test_two_faces_and_one_of_them(person, other, tmp_path):
    image = np.full((160, 300, 3), 128, np.uint8)
    image[:128, :128], image[:, 140:] = other.frames[0], person.frames[0]
    path = write(tmp_path / "two.mp4", [image] * 4)
    truth = [box_from_landmarks(p[0].astype(float)) for p in (person.landmarks, other.landmarks)]
    middles = [(truth[0].x0 + truth[0].x1) / 2 + 140, (truth[1].x0 + truth[1].x1) / 2]
    found, content = report(path, tmp_path)
    assert found == (4, 4, [], 2)
    for frame in content["frames"]:
        boxes = {one["track"]: one["box"] for one in frame["faces"]}
        assert [(boxes[i][0] + boxes[i][2]) / 2 for i in (0, 1)] == pytest.approx(middles, abs=6)
    found, content = report(path, tmp_path, face_index=1)
    assert found == (4, 4, [], 1)
    for frame in content["frames"]:
        [one] = frame["faces"]
        assert (one["box"][0] + one["box"][2]) / 2 == pytest.approx(middles[1], abs=6)


def test_frames_without_a_face(person, tmp_path):
    path = write(tmp_path / "gone.mp4", [*person.frames[:5], *nobody(person.frames[0], 15)])
    found, content = report(path, tmp_path)
    assert found == (20, 5, [(pytest.approx(0.2), pytest.approx(0.8))], 1)
    assert [len(frame["faces"]) for frame in content["frames"]] == [1] * 5 + [0] * 15


def test_a_video_without_any_face_is_no_error(person, tmp_path):
    path = write(tmp_path / "grey.mp4", nobody(person.frames[0], 5))
    found, content = report(path, tmp_path)
    assert found == (5, 0, [(0.0, pytest.approx(0.2))], 0)
    assert [frame["faces"] for frame in content["frames"]] == [[]] * 5
    assert report(path, tmp_path, face_index=3)[0].tracks == 0


class TestRefuses:
    def test_an_index_that_is_not_there(self, face, tmp_path):
        with pytest.raises(InputError, match="no face 2, at most 1 seen at a time"):
            report(face, tmp_path, face_index=2, output=tmp_path / "overlay.mp4")
        assert list(tmp_path.iterdir()) == []

    def test_a_picture_of_a_video(self, face, tmp_path):
        with pytest.raises(InputError, match=r"use \.mp4"):
            report(face, tmp_path, output=tmp_path / "overlay.png")
        assert list(tmp_path.iterdir()) == []

    def test_a_folder_that_is_not_there(self, face, tmp_path):
        with pytest.raises(InputError, match="cannot be written"):
            report(face, tmp_path / "nowhere")

    def test_a_file_that_ends_early_leaves_what_stood_there(self, face, tmp_path):
        cut = tmp_path / "cut.mp4"
        cut.write_bytes(face.read_bytes()[: face.stat().st_size // 2])
        (tmp_path / "faces.json").write_text("mine")
        with pytest.raises(InputError, match="cut short"):
            report(cut, tmp_path)
        assert (tmp_path / "faces.json").read_text() == "mine"
        assert len(list(tmp_path.iterdir())) == 2


def test_writes_as_it_goes(person, tmp_path, monkeypatch):
    """No more is on its way than the tracker holds back, 0.6 s and two frames."""
    path = write(tmp_path / "long.mp4", [*person.frames, *person.frames[::-1]])
    read, ahead = [], []

    def counted(path):
        for frame in frames(path):
            read.append(frame.time)
            yield frame

    monkeypatch.setattr("avfuse.faces.report.frames", counted)
    monkeypatch.setattr("avfuse.faces.report._as_json", lambda _: ahead.append(len(read)) or {})
    report(path, tmp_path)
    assert [count - number for number, count in enumerate(ahead)][:12] == [17 + 2] * 12


@pytest.mark.skipif(not DATA.is_dir(), reason="no ../shared/data")
@pytest.mark.parametrize("photo", sorted((DATA / "photos").glob("*")), ids=lambda path: path.name)
def test_photos(photo, tmp_path):
    assert report(photo, tmp_path)[0].tracks == 1
