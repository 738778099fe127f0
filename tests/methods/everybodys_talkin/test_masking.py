"""The square of noise: where it lies, and that it tells nothing of the lips."""

import torch

from avfuse.methods.everybodys_talkin.face import MOUTH_AND_JAW
from avfuse.methods.everybodys_talkin.masking import masked, mouth_squares


def test_covers_lips_and_jaw_not_the_eyes(shapes):
    left, top, right, bottom = mouth_squares(shapes).unbind(1)
    torch.testing.assert_close(right - left, bottom - top)
    mouth = shapes[:, 48:68]
    assert (mouth[..., 0] > left[:, None]).all()
    assert (mouth[..., 0] < right[:, None]).all()
    assert (mouth[..., 1] > top[:, None]).all()
    assert (shapes[:, 8, 1] < bottom).all()
    assert (shapes[:, 36:48, 1] < top[:, None]).all()
    assert len(MOUTH_AND_JAW) == 31


def test_only_the_square_is_noise():
    images, noise = torch.rand(2, 3, 16, 16), torch.rand(3, 16, 16) + 2
    squares = torch.tensor([[3.0, 5.0, 9.0, 11.0], [-4.0, -4.0, 2.0, 2.0]])
    hidden = masked(images, squares, noise)
    torch.testing.assert_close(hidden[0, :, 5:12, 3:10], noise[:, 5:12, 3:10])
    torch.testing.assert_close(hidden[1, :, :3, :3], noise[:, :3, :3])
    assert (hidden > 1).sum() == 3 * (7 * 7 + 3 * 3)
    assert torch.equal(hidden[hidden <= 1], images[hidden <= 1])
