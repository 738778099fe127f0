"""Figure 4: rows that belong together, drawn of a photo and of a video."""

import cv2
import numpy as np
import pytest
import torch

from avfuse.methods.dynamic_kernels.masks import ROWS, main, mask_picture
from avfuse.video.picture import write_picture


def rows(picture, size):
    assert picture.shape[0] == len(ROWS) * size
    return picture.reshape(len(ROWS), size, *picture.shape[1:])[:, :, -size:].astype(float) / 255


def test_equation_7_can_be_read_off_the_picture(generator):
    torch.manual_seed(0)
    images, mel = torch.rand(2, 3, 64, 64), torch.randn(2, 80, 16)
    image, mask, motion, output = rows(mask_picture(generator, images, mel), 64)
    inside = (motion > 0) & (motion < 1)  # M is clipped where it is drawn
    blended = image * (1 - mask) + motion * mask
    assert np.abs(blended - output)[inside].max() < 3 / 255
    assert np.abs(image - output).max() > 0.05


@pytest.mark.parametrize("photo", [False, True])
def test_draws_a_face_that_speaks(model, face, person, speech, tmp_path, photo):
    given = face
    if photo:
        given = tmp_path / "photo.png"
        write_picture(given, person.frames[0])
    out = tmp_path / "masks.png"
    assert main([str(model), str(given), str(speech), str(out), "--count=3"]) == 0
    picture = cv2.imread(str(out))
    assert picture.shape[0] == 4 * 64
    assert picture.shape[1] > 3 * 64
    assert (picture[:64, -64:] == picture[:64, -128:-64]).all() == photo


@pytest.mark.parametrize("count", ["0", "-1"])
def test_no_moments(model, face, speech, tmp_path, count, capsys):
    words = [str(model), str(face), str(speech), str(tmp_path / "a.png"), f"--count={count}"]
    assert main(words) == 2
    assert "at least one moment" in capsys.readouterr().err
