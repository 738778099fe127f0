"""The sliding window: frames in order, cut anywhere."""

import torch

from avfuse.methods.everybodys_talkin.window import windows


def test_is_the_loop_it_replaces():
    frames = torch.randn(5, 2, 3, 3)
    stacked, after = windows(frames, None, 4)
    padded = [frames[0]] * 3 + [*frames]
    for t in range(5):
        assert torch.equal(stacked[t], torch.cat(padded[t : t + 4]))
    assert torch.equal(after, frames[-3:])


def test_cut_anywhere_it_is_the_same():
    frames = torch.randn(5, 2, 3, 3)
    whole, _ = windows(frames, None, 4)
    first, state = windows(frames[:1], None, 4)
    second, _ = windows(frames[1:], state, 4)
    assert torch.equal(torch.cat([first, second]), whole)


def test_a_window_of_one_is_the_frame():
    frames = torch.randn(3, 2, 3, 3)
    stacked, after = windows(frames, None, 1)
    assert torch.equal(stacked, frames)
    assert len(after) == 0
