"""A folder of portraits: pictures and their points, and what is none."""

import numpy as np
import pytest

from avfuse.data.portraits.portrait import MESH, read_portraits
from avfuse.errors import InputError
from avfuse.video.picture import write_picture


def labelled(folder, names, points):
    parts = np.stack([(face * 16).round() for face in points]).astype(np.int16)
    np.savez(folder / MESH, names=np.array(names), points=parts)
    return folder


@pytest.fixture
def folder(tmp_path, seen, noise):
    write_picture(tmp_path / "colours.png", noise)
    write_picture(tmp_path / "grey.png", np.repeat(noise[..., :1], 3, -1))
    return labelled(tmp_path, ["colours.png", "grey.png"], [seen(0).points, seen(1).points])


def test_each_has_its_points(folder, seen):
    portraits = read_portraits(folder)
    assert [portrait.path.name for portrait in portraits] == ["colours.png", "grey.png"]
    for number, portrait in enumerate(portraits):
        np.testing.assert_allclose(portrait.points, seen(number).points, atol=1 / 32)


def test_colours_are_kept_and_grey_is_tinted_always_alike(folder, noise):
    colours, grey = read_portraits(folder)
    np.testing.assert_array_equal(colours.picture(), noise)
    tints = [grey._replace(seed=seed).picture() for seed in range(6)]
    assert any(np.ptp(tint.astype(int), -1).max() > 30 for tint in tints)
    np.testing.assert_array_equal(grey.picture(), grey.picture())


def test_what_is_no_such_folder(tmp_path, seen, noise):
    with pytest.raises(InputError, match=r"give a folder of pictures with mesh\.npz"):
        read_portraits(tmp_path)
    np.savez(tmp_path / MESH, points=np.zeros((1, 478, 3), np.int16))
    with pytest.raises(InputError, match="an array `names`"):
        read_portraits(tmp_path)
    labelled(tmp_path, ["a.png", "b.png"], [seen(0).points])
    with pytest.raises(InputError, match="2 names for 1 faces"):
        read_portraits(tmp_path)
    labelled(tmp_path, ["a.png"], [seen(0).points])
    with pytest.raises(InputError, match=r"a\.png is not there"):
        read_portraits(tmp_path)
    (tmp_path / "a.png").write_text("no picture")
    with pytest.raises(InputError, match="cannot be read as a picture"):
        read_portraits(tmp_path)[0].picture()
    write_picture(tmp_path / "a.png", noise)
    assert read_portraits(tmp_path)[0].picture().shape == noise.shape
