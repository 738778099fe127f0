"""The clip given with the lips of another time, and nothing else changed."""

import numpy as np
import pytest
import torch

from avfuse import InputError
from avfuse.evaluation.dubbing import APART, dubbing, wrong_by
from avfuse.evaluation.task import SIZE
from avfuse.geometry.lips import lip_aperture


@pytest.fixture(scope="module")
def task(twins):
    return dubbing(twins[0], SIZE)


@pytest.fixture(scope="module")
def long(tmp_path_factory, made):
    from avfuse.data.synthetic import synthetic_clip

    clip = synthetic_clip(5, seconds=3.0, size=64)
    return made.clip_file(tmp_path_factory.mktemp("long") / "clip.safetensors", clip)


def test_lips_come_from_far_enough_away(long):
    shift, count = wrong_by(long), len(long.valid)
    times = long.times[long.valid].numpy()
    apart = np.abs(np.roll(times, -shift) - times)
    assert apart.min() >= APART - 1e-6
    assert 0 < shift < count


def test_the_choice_is_of_like_pose(long):
    """No other shift shows the head, on the whole, from more similar sides."""
    sides, shift = long.sides[long.valid], wrong_by(long)

    def mean_angle(by):
        cosines = (sides * np.roll(sides, -by, 0)).sum(1)
        return np.degrees(np.arccos(np.clip(cosines, -1, 1))).mean()

    others = [mean_angle(by) for by in range(13, len(sides) - 12)]
    assert mean_angle(shift) == pytest.approx(min(others))
    assert mean_angle(shift) < np.mean(others)


def test_the_lips_are_those_of_the_other_time(twins, task, judge):
    """Read off the input, the opening follows the other moments' labels, not the frames' own."""
    clip = twins[0]
    aperture = lip_aperture(torch.from_numpy(clip.lips[clip.valid])).numpy()
    read = judge.landmarks(task.target.copy)
    opening = (read[:, 66] - read[:, 62])[:, 1]
    theirs = np.corrcoef(opening, np.roll(aperture, -wrong_by(clip)))[0, 1]
    assert theirs > 0.9
    assert theirs > np.corrcoef(opening, aperture)[0, 1] + 0.3


def test_what_was_given_is_all_left_in_the_copy_and_nothing_of_it_in_the_truth(task, judge):
    target = task.target
    scores = judge.scores(target, {"copy": target.copy, "truth": target.truth})
    assert scores["copy"].leak > 0.7
    assert abs(scores["truth"].leak) < 0.1


def test_nothing_else_changes(task):
    target = task.target
    change = np.abs(target.copy.astype(int) - target.truth).max(-1)
    nose = int(target.landmarks[:, 30, 1].min())
    assert change[:, : nose - 5].max() == 0
    x, y = target.landmarks[:, 48:68].mean((0, 1)).astype(int)
    assert change[:, y - 5 : y + 5, x - 5 : x + 5].mean() > 3


def test_the_input_moves_as_lips_do(task, judge):
    """Consecutive frames take consecutive moments; moments at random would jump every time."""

    def steps(video):
        points = judge.landmarks(video)
        return np.abs(np.diff((points[:, 66] - points[:, 62])[:, 1]))

    ours, lips = steps(task.target.copy), steps(task.target.truth)
    shuffled = steps(task.target.truth[np.random.default_rng(0).permutation(len(lips) + 1)])
    assert ours.mean() < 1.5 * lips.mean() < shuffled.mean()


def test_a_larger_model_is_given_larger_crops_of_the_same(twins, task):
    import cv2

    large = dubbing(twins[0], 2 * SIZE)
    assert large.seen.images.shape[1:] == (2 * SIZE, 2 * SIZE, 3)
    np.testing.assert_array_equal(large.target.copy, task.target.copy)
    halved = cv2.resize(large.seen.images[0].numpy(), (SIZE, SIZE), interpolation=cv2.INTER_AREA)
    assert np.abs(halved.astype(int) - task.seen.images[0].numpy()).mean() < 2


def test_a_short_clip_is_refused(tmp_path, made, person):
    clip = made.clip_file(tmp_path / "short.safetensors", person)
    with pytest.raises(InputError, match=r"15 frames .* too few for dubbing"):
        dubbing(clip, SIZE)
