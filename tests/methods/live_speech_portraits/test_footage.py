"""Footage at 60 frames a second, and what is found of a person in closed form."""

import pytest
import torch

from avfuse import InputError
from avfuse.methods.live_speech_portraits.footage import (
    meet,
    mouths,
    moving,
    sounding,
    split,
    take_person,
)
from avfuse.methods.live_speech_portraits.points import MOUTH
from avfuse.methods.live_speech_portraits.speech import fresh_steps
from avfuse.sound.mel import mel_windows


class TestMoving:
    def test_is_60_frames_a_second_on_the_footages_straight_lines(self, takes):
        motion = moving(takes[0])
        assert len(motion.times) == int(takes[0].seconds * 60) + 1
        torch.testing.assert_close(
            motion.times.diff(), torch.full((len(motion.times) - 1,), 1 / 60).double()
        )
        torch.testing.assert_close(motion.poses[::12], takes[0].poses[::5])  # every 0.2 s
        between = (takes[0].poses[2] + takes[0].poses[3]) / 2  # at 0.1 s
        torch.testing.assert_close(motion.poses[6], between)
        assert motion.face.shape == (len(motion.times), 73, 3)


class TestSplitting:
    def test_a_fifth_of_the_takes(self, takes):
        train, held = split(takes * 4, 0.2)
        assert (len(train), len(held)) == (16, 4)

    def test_the_end_of_a_single_one(self, takes):
        (train,), (held,) = split(takes[:1], 0.2)
        assert (len(train.times), len(held.times)) == (40, 10)
        assert held.times[0] > train.times[-1]


def test_sounding_is_what_is_heard_while_it_streams(tiny, takes):
    """Pairs of steps at the frames themselves are those that windows bring, d frames later."""
    method, times = tiny(), torch.arange(60, dtype=torch.float64) / 60 + 0.004
    windows = mel_windows(takes[0].mel, times, method.hears)
    streamed = fresh_steps(windows, begins=True)
    at_once = sounding(takes[0], times)
    same = (streamed[: len(at_once)] == at_once).all(1)
    assert same.float().mean() > 0.95  # one step in 400 is left out, a little earlier or later


class TestPerson:
    @pytest.fixture
    def method(self, tiny, takes):
        method = tiny(moments=200)
        meet(method, takes)
        return method

    def test_face_and_poses_are_the_means(self, method, takes):
        motions = [moving(take) for take in takes]
        face, poses = (torch.cat(part) for part in list(zip(*motions, strict=True))[1:])
        torch.testing.assert_close(method.person.face, face.mean(0))
        torch.testing.assert_close(method.person.pose_mean, poses.mean(0))
        torch.testing.assert_close(method.person.numbers(poses)[:, :6].std(0), torch.ones(6))

    def test_mouths_have_deviation_1_and_come_back(self, method, takes):
        motion = moving(takes[0])
        wanted = mouths(method.person, motion.face)
        every = torch.cat([mouths(method.person, moving(take).face) for take in takes])
        assert every.square().mean().sqrt() == pytest.approx(1, rel=1e-3)
        frames = torch.arange(len(motion.times))
        shape = method.person.spoken(wanted, frames)
        torch.testing.assert_close(shape[:, MOUTH], motion.face[:, MOUTH])

    def test_moments_show_the_footage_again(self, method, takes):
        longest = moving(takes[0])  # all are as long
        assert int(method.person.count) == len(longest.times)
        frames = torch.arange(len(longest.times))
        again = method.person.spoken(mouths(method.person, longest.face), frames)
        torch.testing.assert_close(again, longest.face)
        assert torch.equal(method.person.poses[: len(frames)], longest.poses)

    def test_bank_holds_what_was_said(self, method):
        assert int(method.manifold.count) == len(method.manifold.bank)
        assert method.manifold.bank.abs().max() <= 1  # GRU states
        assert method.manifold.bank.std() > 0

    def test_candidates_are_pictures_of_the_footage(self, method, takes):
        pictures = torch.stack([t.picture(n) for t in takes for n in range(len(t.times))])
        for candidate in method.person.candidates:
            assert (pictures.movedim(-1, 1) == candidate).flatten(1).all(1).any()

    def test_board_is_seen_where_the_shoulders_are(self, method, takes):
        person, points = method.person, torch.cat([take.shoulders for take in takes])
        at = person.focal * person.board[:, :2] / person.board[:, 2:] + person.centre
        torch.testing.assert_close(at, points.mean(0), atol=1e-3, rtol=1e-4)

    def test_without_shoulders_it_says_so(self, tiny, takes):
        hidden = [take._replace(shoulders=take.shoulders[:, :0]) for take in takes]
        with pytest.raises(InputError, match="no shoulders are seen"):
            take_person(tiny().person, hidden)
        method = tiny(shoulders=0)
        take_person(method.person, hidden)
        assert int(method.person.count)
