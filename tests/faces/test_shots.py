"""Cuts are noticed; whatever moves within a shot is none."""

from typing import NamedTuple

import cv2
import numpy as np
import pytest

from avfuse.data.synthetic import synthetic_clip
from avfuse.faces.shots import shots


class Frame(NamedTuple):
    image: np.ndarray
    time: float


def numbers(images):
    frames = [Frame(image, i / 25) for i, image in enumerate(images)]
    result = list(shots(frames))
    assert [frame for frame, _ in result] == frames
    return [shot for _, shot in result]


def picture(seed, height=90, width=120):
    noise = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return cv2.GaussianBlur(noise, (0, 0), 12)


def test_a_cut_begins_a_shot_and_one_back_another():
    one, two = picture(0), picture(1)
    assert numbers([one, one, two, two, one]) == [0, 0, 1, 1, 2]


def test_a_speaking_head_is_one_shot():
    assert set(numbers(synthetic_clip(3, seconds=0.6, size=96).frames)) == {0}


def test_a_cut_before_the_same_wall():
    """Most of the picture stays."""
    one = picture(0)
    two = one.copy()
    two[30:75, 40:80] = picture(1)[30:75, 40:80]
    assert numbers([one, one, one, two, two]) == [0, 0, 0, 1, 1]
    assert numbers([one, two]) == [0, 1]


@pytest.mark.parametrize("frames", [3, 6])
def test_something_that_comes_into_view_is_no_cut(frames):
    one, two = picture(0), picture(1)
    images = [one] * 3
    for share in np.linspace(0, 1, frames + 1):
        images.append(one.copy())
        row = round(75 - share * 45)
        images[-1][row:75, 40:80] = two[row:75, 40:80]
    assert set(numbers([*images, images[-1], images[-1]])) == {0}


@pytest.mark.parametrize("change", [lambda i: i // 2, lambda i: 255 - (255 - i) // 2])
def test_light_that_changes_is_no_cut(change):
    image = picture(0)
    assert numbers([image, change(image)]) == [0, 0]


def test_black_between_shots_is_one_itself():
    image, black = picture(0), np.zeros((90, 120, 3), np.uint8)
    assert numbers([image, black, black, image]) == [0, 1, 1, 2]


def test_noise_is_a_cut_in_every_frame():
    random = np.random.default_rng(0)
    assert numbers(random.integers(0, 256, (4, 90, 120, 3), np.uint8)) == [0, 1, 2, 3]


def test_another_size_is_another_shot():
    assert numbers([picture(0), picture(0, 96, 96)]) == [0, 1]
    assert numbers([]) == []
