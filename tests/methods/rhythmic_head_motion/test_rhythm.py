"""People whose motion is known."""

import numpy as np
import torch

from avfuse.methods.rhythmic_head_motion.rhythm import (
    RhythmicPeople,
    loudness,
    moves,
    random_style,
)
from avfuse.sound.mel import SILENCE

TIMES = torch.arange(50, dtype=torch.float64) / 25


def voice():
    mel = torch.full((80, 200), SILENCE)
    mel[:, 80:120] = 1.0
    return mel


def test_loudness_follows_the_sound_and_hears_nothing_of_what_comes():
    level = loudness(voice(), TIMES)
    assert level[:20].std(0).max() < 1e-5  # before the first word, at 1 s
    assert (level[24:40].amax(0) > level[0] + 1).all()
    later = voice()
    later[:, 100:] = 4.0
    same = loudness(later, TIMES) - loudness(later, TIMES).mean()
    assert torch.allclose(same[:25].diff(dim=0), level[:25].diff(dim=0), atol=1e-5)


def test_each_person_moves_by_a_rule_of_their_own():
    one, other = (random_style(np.random.default_rng(seed)) for seed in (1, 2))
    first, second = (moves(style, voice(), TIMES) for style in (one, other))
    solved = torch.linalg.lstsq(loudness(voice(), TIMES), first - one.mean).solution
    torch.testing.assert_close(solved.mT, one.ways, rtol=1e-3, atol=1e-4)
    assert not torch.allclose(first - one.mean, second - other.mean, atol=1e-2)


def test_validation_knows_half_of_the_people_and_none_of_the_voices():
    data = RhythmicPeople(people=3, voices=1, history=6, frames=5, batch=2, epoch=4, validation=2)
    data.setup()
    moved = data.train[0]
    assert (len(moved.before), len(moved.poses), len(moved.heard)) == (6, 5, 5)
    assert [part.first for part in data.val] == [0, 3]
    assert not any(torch.equal(a, b) for a in data.train.mels for b in data.val[0].mels)
    again = data.train[0]
    assert torch.equal(moved.poses, again.poses)
