"""A photo given, and the true frames laid onto it."""

import numpy as np
import pytest

from avfuse import InputError
from avfuse.evaluation.first_frame import first_frame
from avfuse.evaluation.task import SIZE
from avfuse.geometry.lips import smooth


def test_alignment_holds_the_head_still(twins, target):
    """Eyes and nose of the true frames come to lie on the photo's; unaligned, the head moves."""
    moving = np.ptp(smooth(twins[0].landmarks)[:, 36:48].mean(1), 0).max()
    assert moving > 0.5
    change = np.abs(target.truth.astype(float) - target.copy).mean((0, 3))
    (x0, y0), (x1, y1) = (f(target.landmarks[0, 36:48], 0).astype(int) for f in (np.min, np.max))
    (u0, v0), (u1, v1) = (f(target.landmarks[0, 48:68], 0).astype(int) for f in (np.min, np.max))
    assert change[y0:y1, x0:x1].mean() < change[v0:v1, u0:u1].mean()


def test_the_photo_is_all_that_is_given(twins, target):
    task = first_frame(twins[0], 64)
    assert task.seen.images.shape == (len(target.truth), 64, 64, 3)
    assert (task.seen.images == task.seen.images[0]).all()
    assert (target.copy == target.copy[0]).all()
    assert target.given is target.copy
    # What is given is not compared: who copies it has it right.
    assert len(target.truth) == len(twins[0].valid) - 1
    assert not (target.truth == target.copy).all((1, 2, 3)).any()


def test_a_single_frame_is_refused(tmp_path, made, person):
    short = person._replace(
        frames=person.frames[:1], landmarks=person.landmarks[:1], times=person.times[:1]
    )
    with pytest.raises(InputError, match="1 frames with landmarks; at least two"):
        first_frame(made.clip_file(tmp_path / "clip.safetensors", short), SIZE)


def test_what_is_compared_does_not_depend_on_the_model(twins, target):
    np.testing.assert_array_equal(first_frame(twins[0], 64).target.truth, target.truth)
    assert target.truth.shape[1:] == (SIZE, SIZE, 3)
