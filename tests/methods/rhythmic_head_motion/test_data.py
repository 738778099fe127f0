"""Heads taken apart once, and the samples that stages are given of them."""

import numpy as np
import pytest
import torch

from avfuse.geometry.box import box_from_landmarks, square_around
from avfuse.methods.rhythmic_head_motion.data import (
    Drawing,
    MovingHeads,
    SaidFrames,
    ShownHeads,
)
from avfuse.methods.rhythmic_head_motion.head import landmarks_of
from avfuse.methods.rhythmic_head_motion.heads import Head
from avfuse.methods.rhythmic_head_motion.method import FRAMING, HEARS
from avfuse.methods.rhythmic_head_motion.noise import NoiseBank
from avfuse.sound.mel import mel_windows

SIZE = 64


def drawing(**changes):
    plain = {"length": 4, "frames": 12, "size": SIZE, "history": 8, "shots": 3, "seed": 0}
    return Drawing(**{**plain, "strength": 0.0, **changes})


class TestHead:
    def test_is_kept_beside_its_clip(self, head):
        assert head.clip.path.with_suffix(".head").exists()
        again = Head(head.clip)
        assert torch.equal(again.found.poses, head.found.poses)

    def test_of_other_frames_it_is_found_anew(self, head):
        fewer = Head(head.clip.only(head.clip.valid[:5]))
        assert len(fewer.found.poses) == 5
        Head(head.clip)  # as it was, for the tests that follow

    def test_what_was_found_lies_where_the_landmarks_are(self, head):
        """In any square: put together again, it is them."""
        passage = head.part(slice(2, 9)).nudged(np.random.default_rng(1), 1.0)
        found = passage.found
        again = landmarks_of(found.identity, found.expression, found.poses, SIZE)
        assert (again - passage.points(SIZE)).norm(dim=2).mean() < 1.0

    def test_the_square_is_the_methods(self, head):
        """As `Met` lays it around references."""
        passage = head.part(slice(2, 9))
        landmarks = head.clip.landmarks[head.clip.valid[2:9]]
        assert passage.square == square_around([box_from_landmarks(p) for p in landmarks])
        box = passage.square.framed(FRAMING)
        shown = passage.points(SIZE)[0].numpy()
        wanted = (landmarks[0] + 0.5 - [box.x0, box.y0]) * SIZE / box.side - 0.5
        np.testing.assert_allclose(shown, wanted, atol=1e-2)

    def test_pictures_are_of_the_same_frames(self, head):
        passage = head.part(slice(2, 9))
        images = passage.images(SIZE)
        assert images.shape == (7, 3, SIZE, SIZE)
        assert torch.equal(passage.at(np.array([4])).images(SIZE)[0], images[4])


def test_items_stay_the_same_and_differ(head):
    samples = ShownHeads([head], [1.0], drawing(strength=1.0))
    one, again, other = samples[0], samples[0], samples[1]
    assert all(torch.equal(a, b) for a, b in zip(one, again, strict=True))
    assert not torch.equal(one.points, other.points)


def test_said_frames_are_of_one_moment(head):
    quiet, noisy = (SaidFrames([head], [1.0], drawing(), n) for n in (None, NoiseBank()))
    said = quiet[0]
    at = int((head.found.expression - said.expression).norm(dim=1).argmin())
    times = head.clip.times[head.clip.valid[at : at + 1]]
    torch.testing.assert_close(said.heard, mel_windows(head.clip.mel, times, HEARS)[0])
    assert not torch.equal(noisy[0].heard, said.heard)


def test_moved_heads_go_on_where_the_references_end(head):
    moved = MovingHeads([head], [1.0], drawing())[0]
    assert (len(moved.before), len(moved.poses)) == (8, 4)
    turns = torch.cat([moved.before, moved.poses])[:, :3]
    rows = [int((head.found.poses[:, :3] - turn).norm(dim=1).argmin()) for turn in turns]
    assert rows == [*range(rows[0], rows[0] + 12)]


class TestShown:
    @pytest.fixture
    def shown(self, head):
        return ShownHeads([head], [1.0], drawing())[2]

    def test_the_mesh_lies_where_the_frame_does(self, shown):
        assert (shown.projected_points - shown.points).norm(dim=1).mean() < 3
        there = shown.projected.amax(0) > 0
        near = (shown.projected.float() - shown.target.float()).abs()[:, there].mean()
        assert near < 0.5 * shown.target.float()[:, there].std()

    def test_the_frame_is_none_of_its_references(self, shown):
        for points in shown.image_points:
            assert not torch.allclose(points, shown.points, atol=1e-4)

    def test_the_nearest_reference_is_matched(self, head):
        sample = ShownHeads([head], [1.0], drawing(shots=8))[1]
        assert 0 <= int(sample.matched) < 8

    @pytest.mark.parametrize("shots", [1, 20])
    def test_any_number_of_references_is_there(self, head, shots):
        assert len(ShownHeads([head], [1.0], drawing(shots=shots))[0].images) == shots
