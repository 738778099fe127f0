"""The insightface backend on networks whose answers are known.

They are ONNX files of the shapes of a real pack: a detector for which a red block is a small face
and a blue one a large face, landmarks at a fixed place in the face's rectangle, and an embedding
that is the mean colour.
"""

import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from avfuse.errors import InputError
from avfuse.faces.insightface import InsightFaceTracker, available
from avfuse.faces.tracker import FaceTracker
from avfuse.geometry.box import box_from_landmarks, box_from_points
from avfuse.geometry.pose import fit_pose, mean_shape

SIDE = 640  # what SCRFD searches a frame at: no resampling, so places are exact
RED, BLUE, PALE = (255, 0), (0, 255), (191, 64)  # red and blue; green is left to the background
SMALL, LARGE = 16, 32  # pixels a cell of the detector, which is a block
POINTS = mean_shape() * 0.4  # places within the landmark network's input, from -1 to 1


def network(path, inputs, outputs, nodes, constants):
    """An ONNX file: outputs by name with their shapes, nodes as (operator, in, out, options)."""
    onnx = pytest.importorskip("onnx")
    helper, kind = onnx.helper, onnx.TensorProto.FLOAT
    graph = helper.make_graph(
        [helper.make_node(kind, i.split(), o.split(), **options) for kind, i, o, options in nodes],
        "tiny",
        [helper.make_tensor_value_info("input", kind, inputs)],
        [helper.make_tensor_value_info(name, kind, shape) for name, shape in outputs.items()],
        [onnx.numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, path)


def detector(path, results=("score", "edges", "five")):
    """SCRFD's outputs: scores, distances to the edges, five points, each for three strides."""
    colours = {8: [0, 0, 0], SMALL: [0.45, 0, -0.45], LARGE: [-0.45, 0, 0.45]}
    constants = {
        "never": np.array([0, -9], np.float32),  # the second anchor of every cell
        "column": np.array([-1, 1]),
        "nothing": np.zeros((1, 1), np.float32),
        # In strides from the cell's corner: a rectangle of 3 x 3 around it, points at its corners.
        "edges": np.array([[1, 1, 2, 2]], np.float32),
        "five": np.array([[0, 0, 1, 0, 0.5, 0.5, 0, 1, 1, 1]], np.float32),
    }
    nodes = []
    for stride, colour in colours.items():
        constants[f"colour{stride}"] = np.array([colour, [0] * 3], np.float32)[..., None, None]
        window = {"kernel_shape": [stride] * 2, "strides": [stride] * 2}
        nodes += [
            ("AveragePool", "input", f"mean{stride}", window),
            ("Conv", f"mean{stride} colour{stride} never", f"map{stride}", {}),
            ("Transpose", f"map{stride}", f"last{stride}", {"perm": [0, 2, 3, 1]}),
            ("Reshape", f"last{stride} column", f"score{stride}", {}),
            ("Mul", f"score{stride} nothing", f"zero{stride}", {}),
            ("Add", f"zero{stride} edges", f"edges{stride}", {}),
            ("Add", f"zero{stride} five", f"five{stride}", {}),
        ]
    widths = {"score": 1, "edges": 4, "five": 10}
    outputs = {f"{name}{stride}": ["n", widths[name]] for name in results for stride in colours}
    network(path, [1, 3, "h", "w"], outputs, nodes, constants)


def constant(path, side, values):
    shape = [1, values.size]
    constants = {"values": values.reshape(shape).astype(np.float32)}
    nodes = [("Identity", "values", "output", {})]
    network(path, [1, 3, side, side], {"output": shape}, nodes, constants)


def landmarks(path):
    """A mesh of 1103 points in space, of which the last 68 are the landmarks."""
    mesh = np.concatenate([np.zeros((1103 - 68, 3)), POINTS])
    constant(path, 192, mesh)


def recognition(path):
    nodes = [("ReduceMean", "input", "output", {"axes": [2, 3], "keepdims": 0})]
    network(path, ["n", 3, 112, 112], {"output": ["n", 3]}, nodes, {})


MODELS = {
    "det_10g.onnx": detector,
    "1k3d68.onnx": landmarks,
    "w600k_r50.onnx": recognition,
    "2d106det.onnx": lambda path: constant(path, 192, np.zeros(212)),
    "genderage.onnx": lambda path: constant(path, 96, np.zeros(3)),
}


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """With a pack as buffalo_l, one as buffalo_sc, and three that cannot be used."""
    pytest.importorskip("insightface")
    root = tmp_path_factory.mktemp("root")
    packs = {
        "buffalo_l": set(MODELS),
        "buffalo_sc": {"det_10g.onnx", "w600k_r50.onnx"},
        "blind": {"1k3d68.onnx"},
        "damaged": {"det_10g.onnx"},
    }
    for pack, names in packs.items():
        folder = root / "models" / pack
        folder.mkdir(parents=True)
        for name in names:
            MODELS[name](folder / name)
    (root / "models" / "eyeless").mkdir()
    detector(root / "models" / "eyeless" / "det.onnx", results=("score", "edges"))
    broken = root / "models" / "damaged" / "det_10g.onnx"
    broken.write_bytes(broken.read_bytes()[:500])
    return root


class Frame(NamedTuple):
    image: np.ndarray
    time: float


class Block(NamedTuple):
    """A face: where, how large, and what colour it is."""

    x: int
    y: int
    side: int = SMALL
    colour: tuple[int, int] = RED

    @property
    def centre(self):
        return np.array([self.x, self.y]) + self.side / 2

    @property
    def landmarks(self):
        """The landmark network sees one and a half times the face's rectangle."""
        return self.centre + POINTS[:, :2] * 0.75 * 3 * self.side


def scene(*blocks, seed=0):
    """A picture whose green tells one shot from another, with nothing but the blocks in it."""
    image = np.full((SIDE, SIDE, 3), 127, np.uint8)
    image[..., 1] = np.random.default_rng(seed).integers(0, 256, (SIDE, SIDE))
    for x, y, side, colour in blocks:
        image[y : y + side, x : x + side, ::2] = colour
    return image


@pytest.fixture
def track(root):
    """The faces of each picture, at 25 a second."""

    def run(pictures, most=1, pack="buffalo_l", **options):
        tracker = InsightFaceTracker(pack, root, **options)
        assert isinstance(tracker, FaceTracker)
        frames = [Frame(picture, i / 25) for i, picture in enumerate(pictures)]
        tracked = list(tracker.track(frames, most))
        assert all(a is b for (a, _), b in zip(tracked, frames, strict=True))
        return [faces for _, faces in tracked]

    return run


def test_a_face_is_where_the_networks_say(track):
    block = Block(160, 320)
    [(face,)] = track([scene(block)])
    np.testing.assert_allclose(face.landmarks, block.landmarks, atol=0.02)
    np.testing.assert_allclose(face.box, box_from_landmarks(block.landmarks), atol=0.02)
    assert face.confidence == pytest.approx(0.45 * 2 * 127.5 / 128)
    assert (face.track, face.presence) == (0, 1)


def test_the_mean_face_looks_into_the_camera(track):
    """So the landmarks are in the order that the rest of the library takes."""
    [(face,)] = track([scene(Block(160, 320))])
    pose = fit_pose(face.landmarks)
    assert (pose.yaw, pose.pitch, pose.roll) == pytest.approx((0, 0, 0), abs=0.5)


def test_colours_arrive_in_their_order(track):
    """Both would be found as well if red and blue were exchanged, but as each other."""
    red, blue = Block(160, 160), Block(416, 416, LARGE, BLUE)
    [(large, small)] = track([scene(red, blue)], most=2)
    np.testing.assert_allclose(small.landmarks, red.landmarks, atol=0.02)
    np.testing.assert_allclose(large.landmarks, blue.landmarks, atol=0.02)
    assert np.argmax(small.embedding) == 0
    assert np.argmax(large.embedding) == 2
    assert np.linalg.norm(small.embedding) == pytest.approx(1)


def test_libraries_below_do_not_warn_the_user(track, recwarn):
    track([scene(Block(160, 320))])
    assert [str(warning.message) for warning in recwarn] == []


def test_nothing_is_found_where_nothing_is(track):
    assert track([scene(), scene()], most=2) == [(), ()]


def test_a_face_that_moves_keeps_its_track(track):
    blocks = [Block(160 + SMALL * (i // 4), 320) for i in range(24)]
    tracked = track([scene(block) for block in blocks])
    for (face,), block in zip(tracked, blocks, strict=True):
        assert face.track == 0
        np.testing.assert_allclose(face.landmarks, block.landmarks, atol=0.5)
        # The box goes evenly where the block goes by steps.
        np.testing.assert_allclose(face.box, box_from_landmarks(block.landmarks), atol=SMALL)


@pytest.mark.parametrize(("most", "tracks"), [(1, (0,)), (2, (0, 1))])
def test_the_larger_face_comes_first(track, most, tracks):
    both = scene(Block(160, 160), Block(416, 416, LARGE, BLUE))
    for faces in track([both] * 3, most):
        assert tuple(face.track for face in faces) == tracks
        assert np.argmax(faces[0].embedding) == 2


def test_a_larger_face_that_joins_does_not_take_over(track):
    small, large = Block(160, 160), Block(416, 416, LARGE, BLUE)
    tracked = track([scene(small)] * 5 + [scene(small, large)] * 20)
    for (face,) in tracked:
        assert face.track == 0
        np.testing.assert_allclose(face.landmarks, small.landmarks, atol=0.02)


def test_a_lost_face_keeps_its_place_for_a_while(track):
    """A bystander takes it only when the face is gone for good."""
    speaker, other = Block(160, 160), Block(416, 416, LARGE, BLUE)
    briefly = track([scene(speaker)] * 5 + [scene(other)] * 5 + [scene(speaker, other)] * 5)
    assert [face.track for (face,) in briefly] == [0] * 15
    gone = track([scene(speaker)] * 5 + [scene(other)] * 20)
    assert [face.track for face in gone[0] + gone[-1]] == [0, 1]


def test_a_short_gap_is_bridged_without_an_embedding(track):
    face, gap = scene(Block(160, 320)), slice(8, 11)
    pictures = [face] * 20
    pictures[gap] = [scene()] * 3
    tracked = track(pictures)
    assert [len(faces) for faces in tracked] == [1] * 20
    known = [faces[0].embedding is not None for faces in tracked]
    assert known == [True] * 8 + [False] * 3 + [True] * 9


def test_a_doubtful_face_keeps_a_track_and_starts_none(track):
    sure, doubtful = scene(Block(160, 320)), scene(Block(160, 320, colour=PALE))
    assert track([doubtful] * 3) == [()] * 3
    assert all(faces[0].track == 0 for faces in track([sure] + [doubtful] * 20))


def test_a_cut_begins_another_track(track):
    block = Block(160, 320)
    tracked = track([scene(block)] * 5 + [scene(block, seed=1)] * 5)
    assert [face.track for (face,) in tracked] == [0] * 5 + [1] * 5


def test_a_pack_without_landmarks_gives_boxes(track):
    """As of the eyes and the mouth's corners, which the detector has found."""
    block = Block(160, 320, LARGE, BLUE)
    [(face,)] = track([scene(block)], pack="buffalo_sc")
    eyes, corners = (block.centre + np.array([0, y * LARGE]) for y in (-0.5, 0.5))
    np.testing.assert_allclose(face.box, box_from_points(eyes, corners), atol=0.02)
    assert face.landmarks is None
    assert face.embedding is not None


def test_recognition_is_left_out_when_asked(track):
    [(face,)] = track([scene(Block(160, 320))], embed=False)
    assert face.embedding is None
    assert face.landmarks is not None


def test_is_available_where_a_pack_is(root, tmp_path):
    assert available(root=root)
    assert not available("buffalo_m", root)


@pytest.mark.parametrize(
    ("pack", "reason"), [("blind", "no face detector"), ("damaged", "Protobuf parsing failed")]
)
def test_a_pack_that_cannot_be_used(root, pack, reason):
    message = rf"{pack}: no models .*{reason}.* faces install --pack {pack}"
    with pytest.raises(InputError, match=message):
        InsightFaceTracker(pack, root)


def test_a_detector_without_eyes_cannot_be_used(root):
    with pytest.raises(InputError, match="finds no eyes; use a pack such as buffalo_l"):
        InsightFaceTracker("eyeless", root)


class TestWithoutTheExtra:
    """What somebody sees who has not installed it yet."""

    @pytest.fixture
    def models(self, tmp_path):
        folder = tmp_path / "models" / "buffalo_l"
        folder.mkdir(parents=True)
        (folder / "det_10g.onnx").touch()
        return tmp_path

    @pytest.fixture
    def no_package(self, monkeypatch):
        for name in [name for name in sys.modules if name.startswith("insightface.")]:
            monkeypatch.delitem(sys.modules, name)
        monkeypatch.setitem(sys.modules, "insightface", None)

    def test_no_package(self, models, no_package):
        assert not available(root=models)
        with pytest.raises(InputError, match=r"pip install 'avfuse\[insightface\]'"):
            InsightFaceTracker(root=models)

    def test_no_models(self, tmp_path):
        assert not available(root=tmp_path)
        with pytest.raises(InputError) as error:
            InsightFaceTracker(root=tmp_path)
        message = str(error.value)
        assert str(tmp_path / "models" / "buffalo_l") in message  # where it goes
        assert "/buffalo_l.zip" in message  # what to download
        assert "non-commercial research only" in message  # its licence
        assert f"`avfuse faces install --root {tmp_path}`" in message  # how
        assert "\n" not in message
        assert list(tmp_path.iterdir()) == []  # nothing was downloaded

    def test_a_name_is_no_path(self, tmp_path):
        with pytest.raises(InputError, match="no name of a model pack"):
            InsightFaceTracker(str(Path("..") / "buffalo_l"), tmp_path)
