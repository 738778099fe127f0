"""How dense points are judged, against errors that are known; and the shipped network's."""

from pathlib import Path

import numpy as np
import pytest

from avfuse.errors import InputError
from avfuse.experts.dense.evaluation import HELD_BACK, Read, jitter, main, rows, scores
from avfuse.faces.dense import DenseReader
from avfuse.geometry.dense import landmarks_of
from avfuse.geometry.face_model import face_model

DATA = Path(__file__).parents[4] / "shared" / "data"


@pytest.fixture
def truth():
    """The mean face, 50 pixels between the eyes' corners, for twelve frames."""
    mean = 50 * face_model().mean.double().numpy()
    scale = 50 / np.linalg.norm((mean[263] - mean[33])[:2])
    return np.repeat((scale * mean)[None], 12, 0)


def as_read(labels, moved=(0.0, 0.0, 0.0), network=(0.0, 0.0)):
    meshes = labels + np.array(moved)
    return Read(labels, meshes, landmarks_of(labels)[..., :2] + np.array(network))


def test_shifts_of_known_length(truth):
    found = scores([as_read(truth, (0.3, 0.4, -1.0), (3.0, 4.0))])
    for name in ("all", "lips", "68 of them", "mouth"):
        assert found[name] == pytest.approx(1)
    assert found["depth"] == pytest.approx(2)
    assert found["network"] == found["network's mouth"] == pytest.approx(10)
    assert found["jitter"] == pytest.approx(0, abs=1e-9)
    assert found["network's jitter"] == pytest.approx(0, abs=1e-9)
    assert found["labels' jitter"] == pytest.approx(0, abs=1e-9)
    assert found["found"] == 100


def test_frames_without_a_face_count_as_not_found_only(truth):
    read = as_read(truth, (0.3, 0.4, 0.0))
    read.meshes[:3] = read.landmarks[:3] = np.nan
    read.labels[11] = np.nan
    found = scores([read])
    assert found["all"] == pytest.approx(1)
    assert found["found"] == pytest.approx(100 * 8 / 11)


def test_jitter_is_what_is_no_straight_motion(truth):
    still = landmarks_of(truth)[..., :2]
    unit = np.ones((12, 1))
    motion = np.arange(12)[:, None, None] * np.array([3.0, -1.0])
    assert jitter(still + motion, unit) == pytest.approx(0, abs=1e-9)
    shaken = np.where(np.arange(12) % 2, 0.5, -0.5)[:, None, None] * np.array([0.6, 0.8])
    assert jitter(still + shaken, unit) == pytest.approx(1)
    assert np.isnan(jitter(still[:2], unit[:2]))


def test_reads_what_is_kept_out(labelled):
    """Here all that there is are portraits, of which the first of each ten is scored."""
    found = rows(labelled, DenseReader())
    assert set(found) == {"portraits"}
    assert found["portraits"]["all"] < 20
    assert found["portraits"]["found"] == pytest.approx(100, abs=51)  # of two
    assert np.isnan(found["portraits"]["jitter"])
    assert HELD_BACK == 10


def test_prints_its_table(labelled, capsys):
    main([str(labelled)])
    said = capsys.readouterr().out
    assert said.startswith("| % of the eyes' distance | all | lips |")
    assert "| portraits |" in said


def test_refuses_a_folder_without_any(tmp_path):
    with pytest.raises(InputError, match="has none of grid/s3"):
        rows(tmp_path, DenseReader())


@pytest.mark.slow
@pytest.mark.skipif(not DATA.is_dir(), reason="no ../shared/data")
def test_the_shipped_network_reads_people_it_never_saw():
    found = rows(DATA, DenseReader())
    for name in ("grid/s3", "grid/s4", "grid/s14", "grid/s23", "portraits"):
        assert found[name]["all"] < 3
        assert found[name]["lips"] < 2.5
        assert found[name]["68 of them"] < found[name]["network"] + 0.2
    for name in ("grid/s3", "grid/s4", "grid/s14", "grid/s23"):
        assert found[name]["jitter"] < found[name]["network's jitter"]
