"""Takes on disk: what is written is read, and a part is a part."""

import cv2
import numpy as np
import pytest
import torch

from avfuse import InputError
from avfuse.methods.live_speech_portraits.take import packed, read_take, write_take


def smooth_pictures(count):
    rng = np.random.default_rng(0)
    rough = rng.normal(128, 300, (count, 64, 64, 3)).astype(np.float32)
    return np.stack([cv2.GaussianBlur(p, (0, 0), 4) for p in rough]).clip(0, 255).astype(np.uint8)


def test_written_is_read(takes, tmp_path):
    write_take(takes[0], tmp_path / "take.safetensors")
    again = read_take(tmp_path / "take.safetensors")
    assert all(torch.equal(a, b) for a, b in zip(again, takes[0], strict=True))


def test_pictures_are_what_was_packed(takes):
    pictures = smooth_pictures(4)
    code, ends = packed([*pictures])
    take = takes[0]._replace(pictures=code, ends=ends)
    for number in range(4):
        assert np.abs(take.picture(number).numpy().astype(int) - pictures[number]).mean() < 2


def test_a_part_begins_where_it_says(takes):
    part = takes[0].between(0.4, 0.8)
    assert len(part.times) == 20
    assert torch.equal(part.poses, takes[0].poses[20:40])
    for number in (0, 19):
        assert torch.equal(part.picture(number), takes[0].picture(20 + number))


def test_another_file_is_refused(tmp_path):
    (tmp_path / "x.safetensors").write_bytes(b"nothing")
    with pytest.raises(InputError, match="no take of a person"):
        read_take(tmp_path / "x.safetensors")
