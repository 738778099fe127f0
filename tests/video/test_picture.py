"""Pictures appear whole or not at all."""

import cv2
import numpy as np
import pytest

from avfuse import InputError
from avfuse.video.picture import write_picture

RED = np.full((8, 8, 3), (255, 0, 0), np.uint8)


@pytest.mark.parametrize("name", ["sheet.png", "sheet.jpg"])
def test_colours_come_back(tmp_path, name):
    write_picture(tmp_path / name, RED)
    read = cv2.imread(str(tmp_path / name))[..., ::-1]
    assert np.abs(read.astype(int) - RED).max() <= 3


@pytest.mark.parametrize("name", ["sheet.txt", "no/such/folder.png"])
def test_bad_places_are_refused(tmp_path, name):
    with pytest.raises(InputError):
        write_picture(tmp_path / name, RED)
    assert not list(tmp_path.iterdir())
