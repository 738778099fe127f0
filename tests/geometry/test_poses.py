"""Poses in a row."""

import numpy as np
import pytest
import torch

from avfuse import InputError
from avfuse.geometry.poses import bounced, read_poses


@pytest.mark.parametrize(("count", "wanted"), [(0, [0] * 6), (1, [0] * 6), (3, [0, 1, 2, 1, 0, 1])])
def test_bounced(count, wanted):
    assert bounced(torch.arange(6), count).tolist() == wanted


def test_a_file_of_text_and_one_of_numpy_say_the_same(tmp_path):
    numbers = np.arange(12.0).reshape(2, 6)
    np.save(tmp_path / "poses.npy", numbers)
    np.savetxt(tmp_path / "poses.txt", numbers, header="a line about them")
    for name in ("poses.npy", "poses.txt"):
        assert np.array_equal(read_poses(tmp_path / name), numbers)


@pytest.mark.parametrize("text", ["1 2 3", "1 2 3 4 5 nan", "no numbers", ""])
def test_what_holds_no_poses_is_refused_in_one_line(tmp_path, text):
    path = tmp_path / "poses.txt"
    path.write_text(text)
    with pytest.raises(InputError, match="poses") as error:
        read_poses(path)
    assert "\n" not in str(error.value)
